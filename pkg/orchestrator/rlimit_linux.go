package orchestrator

import (
	"syscall"

	spec "github.com/opencontainers/runtime-spec/specs-go"
)

// proxyLimits are what the proxy container asks for: open files (each open of
// a stored blob is one) and threads (each waiting read may be one).
var proxyLimits = map[string]struct {
	resource int
	want     uint64
}{
	"NOFILE": {syscall.RLIMIT_NOFILE, 1048576},
	// RLIMIT_NPROC has no name in package syscall; 6 on all that podman runs
	// on. podman lowers its own hard limit when it starts (4.3: to 32768), and
	// nothing above that can be asked of it.
	"NPROC": {6, 4096},
}

// ownRlimits are the limits for the proxy container, within this process's own
// hard limits. A server whose client names none asks for more than it may have
// where CAP_SYS_RESOURCE is missing: in VMs and CI containers.
func ownRlimits() []spec.POSIXRlimit {
	var limits []spec.POSIXRlimit
	for name, l := range proxyLimits {
		var own syscall.Rlimit
		if syscall.Getrlimit(l.resource, &own) == nil {
			n := min(own.Max, l.want)
			limits = append(limits, spec.POSIXRlimit{Type: name, Hard: n, Soft: n})
		}
	}
	return limits
}
