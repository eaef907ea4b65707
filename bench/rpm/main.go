//go:build linux

// Command rpm measures how long a build waits before `dnf install` may start,
// and how many bytes that takes, for a real lock of 864 RPMs with 735 MB: once
// with lazybuild's proxy, which reads headers or asks repositories for their own
// metadata, and once the old way, which downloads everything and runs createrepo_c.
//
// The packages are synthetic: the lock's names and sizes, headers of realistic
// length, payloads that nothing reads. Servers on the loopback, one for each
// host of the lock, serve them with a latency and a bandwidth (-latency, -rate),
// so that the numbers speak of a network and not of this machine's memory.
//
// Needs root (or fusermount3) for the mount, and createrepo_c. From the
// repository's root: make bench-rpm.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/lazybuild/lazybuild/bench/synth"
)

func main() {
	c := config{}
	flag.StringVar(&c.binary, "lazybuild", "bin/lazybuild", "the lazybuild to measure")
	flag.StringVar(&c.lock, "lock", "pkg/locks/testdata/real/odh.rpms.lock.yaml.gz", "the lock, compressed or not")
	flag.StringVar(&c.arch, "arch", "x86_64", "the architecture of the lock to take")
	flag.DurationVar(&c.latency, "latency", 20*time.Millisecond, "time until an answer begins")
	flag.Int64Var(&c.rate, "rate", 50_000_000, "bytes per second over all connections; 0 for no limit")
	flag.StringVar(&c.dir, "dir", "", "directory for stores and downloads (default: a temporary one)")
	flag.Parse()
	if err := run(context.Background(), c); err != nil {
		fmt.Fprintln(os.Stderr, "bench/rpm:", err)
		os.Exit(1)
	}
}

type config struct {
	binary, lock, arch, dir string
	latency                 time.Duration
	rate                    int64
}

func run(ctx context.Context, c config) error {
	dir, err := os.MkdirTemp(c.dir, "bench-rpm-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	packages, err := synth.ReadLock(c.lock, c.arch)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "making %d packages\n", len(packages))
	if err := synth.Make(packages); err != nil {
		return err
	}
	o := newOrigins(packages, c.latency, c.rate)
	defer o.close()
	bench := &bench{c: c, dir: dir, o: o, packages: packages}
	results, err := bench.all(ctx)
	if err != nil {
		return err
	}
	print(c, packages, results)
	return nil
}

// result is one line of the table.
type result struct {
	what     string
	time     time.Duration
	requests int64
	bytes    int64
}

func print(c config, packages []*synth.Package, results []result) {
	var all, headers int64
	for _, p := range packages {
		all += p.Length
		headers += int64(len(p.Head))
	}
	fmt.Printf("%d packages, %s, headers %s (%.1f %%); latency %v, ", len(packages), size(all), size(headers), 100*float64(headers)/float64(all), c.latency)
	if c.rate > 0 {
		fmt.Printf("%s/s\n\n", size(c.rate))
	} else {
		fmt.Print("no limit of bandwidth\n\n")
	}
	fmt.Println("| until `dnf install` may start | time | of the time | requests | bytes | of the bytes |")
	fmt.Println("|---|---:|---:|---:|---:|---:|")
	base := results[len(results)-1]
	for _, r := range results {
		fmt.Printf("| %s | %v | %.1f %% | %d | %s | %.1f %% |\n", r.what, r.time.Round(time.Millisecond),
			100*r.time.Seconds()/base.time.Seconds(), r.requests, size(r.bytes), 100*float64(r.bytes)/float64(base.bytes))
	}
}

func size(n int64) string { return strings.TrimSuffix(humanize.Bytes(uint64(n)), " ") }
