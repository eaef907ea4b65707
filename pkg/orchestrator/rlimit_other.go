//go:build !linux

package orchestrator

import spec "github.com/opencontainers/runtime-spec/specs-go"

func ownRlimits() []spec.POSIXRlimit { return nil }
