//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// sizes are how many artifacts the locks name.
var sizes = []int{5, 1000, 10_000}

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
	b := &bench{c: c, images: map[key]string{}}
	if listens(ctx) {
		return errServiceRuns
	}
	if b.dir, err = os.MkdirTemp("/var/tmp", "lazy-start-"); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	all := map[key][]sample{}
	var projects []*project
	for _, n := range sizes {
		p, err := newProject(filepath.Join(b.dir, fmt.Sprint(n)), c.base, n)
		if err != nil {
			return err
		}
		if err := b.first(ctx, p, all); err != nil {
			return err
		}
		projects = append(projects, p)
	}
	for round := range c.Rounds {
		for _, p := range projects {
			if err := b.round(ctx, p, all); err != nil {
				return err
			}
		}
		fmt.Fprintf(os.Stderr, "start: round %d of %d, load %s\n", round+1, c.Rounds, load())
	}
	return b.report(all)
}

// first builds in all ways once, so that all layers and plans are there.
func (b *bench) first(ctx context.Context, p *project, all map[key][]sample) error {
	for _, w := range b.ways() {
		s, err := b.one(ctx, p, w, false)
		if err != nil {
			return err
		}
		if w.name == "process" {
			k := key{"start", p.artifacts, "cold"}
			all[k] = append(all[k], s)
		}
	}
	return nil
}

// round takes one sample of everything with a project.
func (b *bench) round(ctx context.Context, p *project, all map[key][]sample) error {
	for _, e := range experiments {
		for _, w := range b.ways() {
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
	return nil
}

func (b *bench) one(ctx context.Context, p *project, w way, cut bool) (sample, error) {
	if err := w.before(ctx); err != nil {
		return sample{}, err
	}
	unix.Sync() // what others have written is not this build's to write out
	s, err := build(ctx, p.dir, cut && w.cut, w.env, w.args...)
	return s, errors.Join(err, w.after(), b.keepOne(ctx, p, w))
}

// keepOne removes the image that the last build of this project in this way has
// made, if the name is another's now. podman reads the list of all images again
// and again: the last build would find a hundred more than the first. The image of
// this build keeps the layers that the next takes from the cache.
func (b *bench) keepOne(ctx context.Context, p *project, w way) error {
	out, err := exec.CommandContext(ctx, "podman", "image", "inspect", "--format", "{{.Id}}", tag).Output()
	if err != nil {
		return fmt.Errorf("asking for the image of the build: %w", err)
	}
	k := key{way: w.name, artifacts: p.artifacts}
	old, id := b.images[k], strings.TrimSpace(string(out))
	b.images[k] = id
	if old == "" || slices.Contains(slices.Collect(maps.Values(b.images)), old) {
		return nil // or another way has made the same
	}
	if out, err := exec.CommandContext(ctx, "podman", "rmi", old).CombinedOutput(); err != nil {
		return fmt.Errorf("removing the image of the build before: %w: %s", err, out)
	}
	return nil
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
