//go:build linux

// Command read measures reading through lazybuild's mount against reading a plain
// directory on the file system of its store: a large file from start to end, many
// small ones, and a walk over 20,000 entries; with passthrough and without,
// read-only and with the writable overlay that a build has on top.
//
// Everything is in the store, and the page cache has it. The large file is read with
// buffers of several lengths: for the first time, when the mount has no pages of it
// yet; again, when it has; and after the page cache has forgotten it. A mount is made anew for each
// round, so that the first walk finds no directory that the kernel knows. All
// take turns, round after round, and ratios are taken within a round.
//
// Needs root. From the repository's root:
//
//	make bench-read
package main

import (
	"context"
	"flag"

	"github.com/lazybuild/lazybuild/bench/show"
)

type config struct {
	*show.Measurement
	dir            string
	small, entries int
	large          int64
}

func main() {
	var c config
	flag.StringVar(&c.dir, "dir", "/var/tmp", "where to put store and plain directory")
	flag.IntVar(&c.small, "small", 4000, "how many small files are read")
	flag.IntVar(&c.entries, "entries", 20_000, "how many files there are")
	flag.Int64Var(&c.large, "large", 512<<20, "length of the large file, in bytes")
	show.Measure("read", "Reading", func(ctx context.Context, m *show.Measurement) error {
		c.Measurement = m
		return run(ctx, c)
	})
}
