//go:build linux

// Command replay measures lazybuild's proxy alone, without podman and package
// managers: a program reads files through the mount as those do, so many at a
// time, and a prefetch of the same files is timed in turn with it. What it
// shows is not what a build takes, but it shows in seconds, and on a busy
// machine, whether the proxy has become faster.
//
// It uses what bench has downloaded. From the repository's root:
//
//	go run ./bench/replay -lock npm -readers 4 -link 100
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
)

func main() {
	var c config
	flag.StringVar(&c.binary, "lazybuild", "bin/lazybuild", "the lazybuild to measure; several with commas")
	flag.StringVar(&c.cache, "cache", os.ExpandEnv("$HOME/.cache/lazybuild-dev/bench"), "where bench keeps its downloads")
	flag.StringVar(&c.lock, "lock", "npm", "whose files to read: npm or pip")
	flag.IntVar(&c.readers, "readers", 4, "how many files are read at once")
	flag.StringVar(&c.link, "link", "100", "the link, by its Mbit/s; 0 for none")
	flag.DurationVar(&c.think, "think", 0, "how long a reader works on each megabyte")
	flag.BoolVar(&c.https, "https", false, "the origin speaks HTTPS, and HTTP/2 to lazybuild")
	flag.BoolVar(&c.random, "random", false, "read in another order than that of the lock")
	flag.BoolVar(&c.unpack, "unpack", false, "open all files, and then read them in the small steps of who unpacks zip archives; without -think")
	flag.IntVar(&c.rounds, "rounds", 5, "how often each way is measured")
	flag.Parse()
	if err := run(context.Background(), c); err != nil {
		fmt.Fprintln(os.Stderr, "replay:", err)
		os.Exit(1)
	}
}
