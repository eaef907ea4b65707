//go:build linux

// Command bench shows whether lazybuild is as fast as it says: it builds real
// workloads in all the ways that people build them today, and with lazybuild,
// over links of several speeds, in turn, and writes a table and a plot.
//
//	a   prefetch all that the locks name (8 at once), then build
//	b   prefetch what the target platform can use (8 at once), then build
//	c   podman build from the origin, with RUN --mount=type=cache; empty
//	c2  the same with the cache filled
//	d   lazybuild with an empty store and no trace
//	e   lazybuild with a trace of the last good build, and no file
//	f   lazybuild with all files in the store
//	g   podman build with a directory that holds all files: the floor
//
// The workloads are npm ci, uv and pip with the locks of a small real
// application, and dnf with 30 of the 864 packages of a real lock (synthetic
// ones of that size). The locks are made by uv and npm the first time, with the
// indexes that this user has configured; they and the files that they name are
// kept below the cache directory. Everything is then served by a server in this
// process that is as slow as the link (package origin).
//
// All ways take turns, round after round, so that a slow minute of the machine
// hits all of them, and every second round goes backwards, so that none always
// comes after the same other. Each measurement is written down at once; a run
// that was interrupted goes on where it was. Nobody else should use the machine.
//
// A file system that gets slower while it is written to, or is full of files
// that were deleted just now, changes ratios: -work names a directory on another
// one, a tmpfs for example.
//
// Needs what hack/setup.sh installs, and root. From the repository's root:
//
//	make bench ARGS=-quick           one workload, one link: about two minutes
//	make bench                       all that is to be shown: about forty minutes
//	make bench ARGS='-preset full'   every workload on every link: hours
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lazybuild/lazybuild/bench/origin"
)

// config is the command line.
type config struct {
	binary, cache, out     string
	work                   string
	workloads, links, arms []string
	preset                 string
	cells                  []cell
	rounds                 int
	quick, fresh, https    bool
	picked                 bool // workloads, links or arms are given
	long                   time.Duration
	faults                 origin.Faults
	note                   string
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	c, err := parse(os.Args[1:])
	if err == nil {
		err = run(ctx, c)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		stop()
		os.Exit(1)
	}
}

func parse(args []string) (config, error) {
	var c config
	f := flag.NewFlagSet("bench", flag.ExitOnError)
	f.StringVar(&c.binary, "lazybuild", "bin/lazybuild", "the lazybuild to measure")
	f.StringVar(&c.cache, "cache", "", "directory for locks, downloads and results (default: bench in the cache of hack/setup.sh)")
	f.StringVar(&c.work, "work", "", "directory for what the builds write, podman's storage too (default: in the cache, and /var/tmp)")
	f.StringVar(&c.out, "out", "docs/benchmarks", "directory for the table and the plot")
	f.StringVar(&c.preset, "preset", "short", "short, or full: every workload on every link")
	workloads := f.String("workloads", strings.Join(allWorkloads, ","), "what to build; with this, -links or -arms: each on each link in each way")
	links := f.String("links", "1000,100,20", "links, by their Mbit/s")
	ids := f.String("arms", strings.Join(everyArm, ","), "ways to build")
	f.IntVar(&c.rounds, "rounds", 3, "how often each is measured")
	f.BoolVar(&c.quick, "quick", false, "npm on 100 Mbit/s, twice: about two minutes")
	f.BoolVar(&c.fresh, "fresh", false, "forget the measurements of an earlier run")
	f.DurationVar(&c.long, "long", 0, "what takes longer than this is measured once (default: 30s, full: 4m)")
	f.BoolVar(&c.https, "https", false, "the origin speaks HTTPS, and HTTP/2 to who can")
	f.Int64Var(&c.faults.Busy, "busy", 0, "the origin answers every so many-th request with 503")
	f.Int64Var(&c.faults.Cut, "cut", 0, "the origin cuts every so many-th file in the middle")
	f.StringVar(&c.note, "note", "", "a remark for the page")
	if err := f.Parse(args); err != nil {
		return c, err
	}
	if f.NArg() > 0 {
		return c, fmt.Errorf("too many arguments: %q", f.Args())
	}
	c.workloads, c.links, c.arms = split(*workloads), split(*links), split(*ids)
	f.Visit(func(f *flag.Flag) {
		c.picked = c.picked || f.Name == "workloads" || f.Name == "links" || f.Name == "arms"
	})
	err := c.choose()
	if err != nil {
		return c, err
	}
	if c.binary, err = filepath.Abs(c.binary); err != nil {
		return c, err
	}
	if c.work != "" {
		if c.work, err = filepath.Abs(c.work); err != nil {
			return c, err
		}
	}
	if c.cache == "" {
		c.cache, err = defaultCache()
	}
	return c, err
}

func split(list string) []string { return strings.Split(list, ",") }

// defaultCache is below the cache that hack/setup.sh uses.
func defaultCache() (string, error) {
	cache := os.Getenv("LAZYBUILD_CACHE")
	if cache == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return "", err
		}
		cache = filepath.Join(user, "lazybuild-dev")
	}
	return filepath.Join(cache, "bench"), nil
}

func say(format string, args ...any) { fmt.Fprintf(os.Stderr, "bench: "+format+"\n", args...) }
