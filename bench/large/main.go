//go:build linux

// Command large measures the download of one large file, such as a wheel with
// GPU code: a program reads it through lazybuild's mount, with an empty store,
// and in turn with that aria2c downloads it over 16 connections, and a program
// over one. Both of lazybuild and aria2c check the file's SHA-256; the time of
// the plain connection is without.
//
// An origin with a link in front of it serves the file; it and all others run
// on this machine, which without a link is what is measured.
//
// Needs root, aria2c and twice the file's length in -dir. From the repository's
// root:
//
//	make bench-large
package main

import (
	"context"
	"flag"

	"github.com/lazybuild/lazybuild/bench/show"
)

type config struct {
	*show.Measurement
	dir, links string
	size       int64
	https      bool
}

func main() {
	var c config
	flag.StringVar(&c.dir, "dir", "/var/tmp", "where to put the file, the store and the downloads")
	flag.StringVar(&c.links, "links", "0,1000", "the links, by their Mbit/s; 0 for none")
	flag.Int64Var(&c.size, "size", 1_500_000_000, "length of the file, in bytes")
	flag.BoolVar(&c.https, "https", false, "the origin speaks HTTPS, and HTTP/2 to lazybuild")
	show.Measure("large", "A large file", func(ctx context.Context, m *show.Measurement) error {
		c.Measurement = m
		return run(ctx, c)
	})
}
