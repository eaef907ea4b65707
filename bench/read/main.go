//go:build linux

// Command read measures reading through lazybuild's mount against reading a plain
// directory on the file system of its store: a large file from start to end, many
// small ones, and a walk over 20,000 entries; with passthrough and without,
// read-only and with the writable overlay that a build has on top.
//
// Everything is in the store, and the page cache has it; "cold" lets the page
// cache forget the large file before each pass. A mount is made anew for each
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
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
)

type config struct {
	binary, dir, out       string
	rounds, small, entries int
	large                  int64
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	var c config
	flag.StringVar(&c.binary, "lazybuild", "bin/lazybuild", "the lazybuild to measure")
	flag.StringVar(&c.dir, "dir", "/var/tmp", "where to put store and plain directory")
	flag.StringVar(&c.out, "out", "", "the file for the page (default: none)")
	flag.IntVar(&c.rounds, "rounds", 7, "how often each way is measured")
	flag.IntVar(&c.small, "small", 4000, "how many small files are read")
	flag.IntVar(&c.entries, "entries", 20_000, "how many files there are")
	flag.Int64Var(&c.large, "large", 512<<20, "length of the large file, in bytes")
	flag.Parse()
	var err error
	if c.binary, err = filepath.Abs(c.binary); err == nil {
		err = run(ctx, c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "read:", err)
		stop()
		os.Exit(1)
	}
}
