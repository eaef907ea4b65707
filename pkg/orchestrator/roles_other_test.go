//go:build !linux

package orchestrator

import "errors"

func playRole(string, []string) error { return errors.New("only on Linux") }
