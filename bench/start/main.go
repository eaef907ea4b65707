//go:build linux

// Command start measures what lazybuild adds to a plain `podman build`: from
// Enter to podman's first STEP, and to a whole rebuild in which nothing but a
// source file has changed, with the network cut.
//
//	podman     podman build, with the same Containerfile and context
//	process    lazybuild, its proxy a process
//	service    lazybuild, its proxy in a container, the proxy image loaded and
//	           podman's service running
//	container  the same without a service
//	nothing    the same without a service and without a proxy image
//
// All of them take turns, round after round, with locks of five, a thousand and ten
// thousand artifacts. A lock is planned once before, so that kept plans
// count; cold is the first start with a lock, by a proxy process. Differences and
// ratios are taken within a round. Nothing is downloaded: no RUN opens a file.
//
// Processor time is that of the command and of all processes that it has waited
// for: the proxy's too where that is a process, but not what podman's service and
// a container use.
//
// Needs what hack/setup.sh installs, and root. From the repository's root:
//
//	make bench-start
package main

import (
	"context"
	"flag"

	"github.com/lazybuild/lazybuild/bench/show"
)

type config struct {
	*show.Measurement
	base string
}

func main() {
	var c config
	flag.StringVar(&c.base, "base", "localhost/lazybuild-test/base:bookworm", "the image to build from; it needs nothing but a shell")
	show.Measure("start", "Start-up", func(ctx context.Context, m *show.Measurement) error {
		c.Measurement = m
		return run(ctx, c)
	})
}
