package main

import (
	"os"
	"runtime"
	"runtime/debug"
	"sync"
)

// quietHeap is how much memory the start of a build may take before garbage is
// collected. A tree of ten thousand artifacts needs a quarter of it; with Go's
// default of 4 MiB it is collected a dozen times on the way, on a machine whose
// processors podman needs.
const quietHeap = 128 << 20

// collectLater puts garbage collection off until there is much to collect: from
// then on it is as usual. now does that earlier; it must be called before
// something begins that lives long. What the user has set in GOGC or GOMEMLIMIT
// stays.
func collectLater() (now func()) {
	if os.Getenv("GOGC") != "" || os.Getenv("GOMEMLIMIT") != "" {
		return func() {}
	}
	percent, limit := debug.SetGCPercent(-1), debug.SetMemoryLimit(quietHeap)
	now = sync.OnceFunc(func() {
		debug.SetGCPercent(percent)
		debug.SetMemoryLimit(limit)
	})
	// The first collection finds this.
	runtime.AddCleanup(new([64]byte), func(usual func()) { usual() }, now)
	return now
}
