//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/lazybuild/lazybuild/e2e/prefetch"
	"github.com/lazybuild/lazybuild/e2e/report"
)

// arm is one way to build a workload.
type arm struct {
	id, name string
	// before makes the state in which the arm begins; it is not timed.
	before func(b *bench, ctx context.Context, w *workload) error
	run    func(b *bench, ctx context.Context, w *workload, image string) (needed int64, err error)
}

// arms in the order in which they take turns.
func arms() []arm {
	return []arm{
		{"a", "prefetch everything, build", (*bench).noOutput, func(b *bench, ctx context.Context, w *workload, image string) (int64, error) {
			return b.prefetched(ctx, w, w.all, image)
		}},
		{"b", "prefetch what fits, 8 at once, build", (*bench).noOutput, func(b *bench, ctx context.Context, w *workload, image string) (int64, error) {
			return b.prefetched(ctx, w, w.fitting, image)
		}},
		{"c", "cache mount, empty", (*bench).noCacheMount, (*bench).direct},
		{"c2", "cache mount, filled", (*bench).fillCacheMount, (*bench).direct},
		{"d", "lazybuild, cold, no trace", (*bench).emptyStore, (*bench).lazy},
		{"e", "lazybuild, cold, with trace", (*bench).onlyFacts, (*bench).lazy},
		{"f", "lazybuild, warm", (*bench).warmStore, (*bench).lazy},
		{"g", "local directory (the floor)", (*bench).nothing, (*bench).onFloor},
	}
}

// cacheMount begins a RUN with a cache at the path that follows.
const cacheMount = "--mount=type=cache,id=bench,target="

func (b *bench) nothing(context.Context, *workload) error { return nil }

// output is where prefetches download to.
func (b *bench) output() string { return filepath.Join(b.work, "output") }

func (b *bench) noOutput(context.Context, *workload) error { return b.putAside(b.output()) }

func (b *bench) prefetched(ctx context.Context, w *workload, entries []prefetch.Entry, image string) (int64, error) {
	if _, err := prefetch.Fetch(ctx, entries, b.output()); err != nil {
		return 0, err
	}
	if err := w.finish(ctx, b.output()); err != nil {
		return 0, err
	}
	return 0, b.withVolume(ctx, w, b.output(), image)
}

func (b *bench) onFloor(ctx context.Context, w *workload, image string) (int64, error) {
	return 0, b.withVolume(ctx, w, w.floor, image)
}

// withVolume is plain podman build on a directory.
func (b *bench) withVolume(ctx context.Context, w *workload, output, image string) error {
	args := []string{"build", "-f", filepath.Join(w.local, "Containerfile"), "--no-cache", "--network=none", "--security-opt=label=disable",
		"-t", image, "-v", output + ":/cachi2/output"}
	return b.command(ctx, w.local, "podman", append(append(args, w.volumes...), w.local)...)
}

// direct is plain podman build with the network.
func (b *bench) direct(ctx context.Context, w *workload, image string) (int64, error) {
	args := []string{"build", "-f", filepath.Join(w.direct, "Containerfile"), "--no-cache", "--network=host", "-t", image}
	return 0, b.command(ctx, w.direct, "podman", append(append(args, b.trusting...), w.direct)...)
}

// cacheDirs are where buildah keeps cache mounts: below TMPDIR.
func (b *bench) cacheDirs() []string {
	dirs, _ := filepath.Glob(filepath.Join(b.tmp(), "buildah-cache*"))
	return dirs
}

func (b *bench) noCacheMount(context.Context, *workload) error {
	var errs []error
	for _, dir := range b.cacheDirs() {
		errs = append(errs, b.putAside(dir))
	}
	b.cached = ""
	return errors.Join(errs...)
}

// fillCacheMount builds once unless the build before has filled the cache.
func (b *bench) fillCacheMount(ctx context.Context, w *workload) error {
	if b.cached == w.name {
		return nil
	}
	if err := b.noCacheMount(ctx, w); err != nil {
		return err
	}
	if _, err := b.direct(ctx, w, b.image()); err != nil {
		return err
	}
	b.cached = w.name
	return nil
}

// store is the one of a cold build, warm that of a warm one.
func (b *bench) store() string           { return filepath.Join(b.work, "store") }
func (b *bench) warm(w *workload) string { return filepath.Join(b.work, w.name, "store") }
func (b *bench) reportFile() string      { return filepath.Join(b.work, "report.json") }

func (b *bench) emptyStore(context.Context, *workload) error {
	b.use = b.store()
	return b.putAside(b.store())
}

// onlyFacts is what is left when a store's files have been evicted: the trace
// of the last good build, sizes, and what is known about RPMs. The store finds
// them by the digests of locks through aliases, which stay too.
func (b *bench) onlyFacts(ctx context.Context, w *workload) error {
	if err := errors.Join(b.warmStore(ctx, w), b.emptyStore(ctx, w)); err != nil {
		return err
	}
	var errs []error
	for _, dir := range []string{"facts", "alias"} {
		errs = append(errs, copyTree(filepath.Join(b.warm(w), "v1", dir), filepath.Join(b.store(), "v1", dir)))
	}
	return errors.Join(append(errs, os.Chmod(b.store(), 0o700))...)
}

// copyTree copies a directory of small files; where there is none it does nothing.
func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) && path == from {
			return nil
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		if d.IsDir() {
			return os.MkdirAll(filepath.Join(to, rel), 0o700)
		}
		return copyFile(path, filepath.Join(to, rel), 0o600)
	})
}

func copyFile(from, to string, mode fs.FileMode) error {
	data, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, data, mode)
}

// warmStore builds once unless that has been done.
func (b *bench) warmStore(ctx context.Context, w *workload) error {
	b.use = b.warm(w)
	if _, err := os.Stat(b.use); err == nil {
		return nil
	}
	say("%s: a first build, for the trace and the store of the others", w.name)
	if _, err := b.lazy(ctx, w, b.image()); err != nil {
		return errors.Join(err, os.RemoveAll(b.use))
	}
	return nil
}

// lazy is the build with lazybuild. needed is how many bytes of files its
// programs have opened.
func (b *bench) lazy(ctx context.Context, w *workload, image string) (needed int64, err error) {
	b.env = []string{"LAZYBUILD_STORE=" + b.use}
	defer func() { b.env = nil }()
	args := []string{"-f", "Containerfile", "--no-cache", "--network=none", "-t", image, "--lazy-report", b.reportFile(), "."}
	if err := b.command(ctx, w.lazy, b.binary, args...); err != nil {
		return 0, err
	}
	r, err := report.Read(b.reportFile())
	if err != nil {
		return 0, err
	}
	for _, o := range r.Opened {
		if o.Digest != "" {
			needed += max(0, o.Size)
		}
	}
	b.waited = time.Duration(r.WaitedMS * float64(time.Millisecond))
	return needed, nil
}

var errNoSuchArm = errors.New("there is no such arm")

// chosen are the arms with these ids.
func chosen(ids []string) (list []arm, err error) {
	for _, a := range arms() {
		for _, id := range ids {
			if a.id == id {
				list = append(list, a)
			}
		}
	}
	if len(list) != len(ids) {
		return nil, fmt.Errorf("%w among %v", errNoSuchArm, ids)
	}
	return list, nil
}
