//go:build !linux

package orchestrator

import "errors"

// Where lazybuild itself does not run on Linux, podman's server has another
// file system: the base is made there, never here.

func prepareBase(string) error { return errors.New("local builds need Linux") }

func isMounted(string) (bool, error) { return false, nil }

func mountedBelow(string) (bool, error) { return false, nil }

func detachBelow(string) error { return nil }
