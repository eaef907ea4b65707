//go:build !linux

package orchestrator

// Where lazybuild itself does not run on Linux, podman's server has another
// file system: the base is made there, never here.

func isMounted(string) (bool, error) { return false, nil }

func mountedBelow(string) (bool, error) { return false, nil }

func detachBelow(string) error { return nil }
