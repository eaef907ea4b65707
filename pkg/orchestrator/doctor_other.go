//go:build !linux

package orchestrator

import "context"

// checkHost has nothing to look at: builds run on podman's machine.
func checkHost(Checkup) []Finding { return nil }

// beforeBoot: nothing is known of this machine's start.
func beforeBoot(string) bool { return false }

// containerStorage: a remote podman's storage is not on this machine.
func (p *podman) containerStorage(context.Context) (string, error) { return "", nil }
