//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// experiment is what happens before each build.
type experiment struct {
	name   string
	change bool // a source file has changed, and the network is cut
}

var experiments = []experiment{{"start", false}, {"rebuild", true}}

// key names measurements that belong together.
type key struct {
	experiment string
	artifacts  int
	way        string
}

func run(ctx context.Context, c config) (err error) {
	b := &bench{c: c}
	if listens(ctx) {
		return errServiceRuns
	}
	if b.dir, err = os.MkdirTemp("/var/tmp", "lazy-start-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	all := map[key][]sample{}
	for _, n := range []int{5, 10_000} {
		p, err := newProject(filepath.Join(b.dir, fmt.Sprint(n)), c.base, n)
		if err != nil {
			return err
		}
		if err := b.measure(ctx, p, all); err != nil {
			return err
		}
	}
	return b.report(all)
}

// measure takes all samples of one project.
func (b *bench) measure(ctx context.Context, p *project, all map[key][]sample) error {
	ways := b.ways()
	for _, w := range ways { // so that all layers and plans are there
		s, err := b.one(ctx, p, w, false)
		if err != nil {
			return err
		}
		if w.name == "process" {
			k := key{"start", p.artifacts, "cold"}
			all[k] = append(all[k], s)
		}
	}
	for round := range b.c.Rounds {
		for _, e := range experiments {
			for _, w := range ways {
				if e.change {
					if err := p.change(); err != nil {
						return err
					}
				}
				s, err := b.one(ctx, p, w, e.change)
				if err != nil {
					return err
				}
				k := key{e.name, p.artifacts, w.name}
				all[k] = append(all[k], s)
			}
		}
		fmt.Fprintf(os.Stderr, "start: %d artifacts, round %d of %d, load %s\n", p.artifacts, round+1, b.c.Rounds, load())
	}
	return nil
}

func (b *bench) one(ctx context.Context, p *project, w way, cut bool) (sample, error) {
	if err := w.before(ctx); err != nil {
		return sample{}, err
	}
	unix.Sync() // what others have written is not this build's to write out
	s, err := build(ctx, p.dir, cut && w.cut, w.env, w.args...)
	return s, errors.Join(err, w.after())
}

// serviceEnd is longer than podman's API service waits for another client.
const serviceEnd = 6 * time.Second

func (b *bench) close() error {
	errs := []error{b.stopService()}
	time.Sleep(serviceEnd)
	_ = exec.Command("podman", "rmi", "--force", tag).Run() // there may be none
	// lazybuild may have made this a shared mount of its own.
	_ = unix.Unmount(filepath.Join(b.dir, "run"), unix.MNT_DETACH)
	return errors.Join(append(errs, os.RemoveAll(b.dir))...)
}

func load() string {
	data, _ := os.ReadFile("/proc/loadavg")
	var one, five string
	_, _ = fmt.Sscan(string(data), &one, &five)
	return one + " " + five
}
