//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"github.com/lazybuild/lazybuild/bench/origin"
	"github.com/lazybuild/lazybuild/e2e/prefetch"
)

// workload is one thing to build, in three forms that differ only in where the
// files come from.
type workload struct {
	name, what string
	// lazy is a build context for lazybuild, local for a build with a real
	// directory at /cachi2/output, direct for one that asks the origin itself.
	lazy, local, direct string
	// all is what the locks name, fitting what the target platform can use.
	all, fitting []prefetch.Entry
	// allBytes and bytes are their sizes.
	allBytes, bytes int64
	// floor is a directory that holds fitting, as a prefetch leaves it.
	floor string
	// volumes are further -v arguments of a build with a real directory.
	volumes []string
	// finish completes a directory after all files have been downloaded.
	finish func(ctx context.Context, dir string) error
}

// same says that a prefetch can leave out nothing.
func (w *workload) same() bool { return len(w.all) == len(w.fitting) }

// maker makes workloads out of what the cache holds.
type maker struct {
	cache  string // kept between runs
	work   string // of this run
	binary string
	origin *origin.Server
}

// names of all workloads, in the order in which they are measured. uv-part and
// pip-part are for slow links.
var allWorkloads = []string{"npm", "uv", "pip", "dnf"}

func (m *maker) make(ctx context.Context, name string) (*workload, error) {
	w := &workload{name: name, finish: func(context.Context, string) error { return nil }}
	dir := filepath.Join(m.work, name)
	w.lazy, w.local, w.direct = filepath.Join(dir, "lazy"), filepath.Join(dir, "local"), filepath.Join(dir, "direct")
	for _, d := range []string{w.lazy, w.local, w.direct} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			return nil, err
		}
	}
	var err error
	switch name {
	case "npm":
		err = m.npm(ctx, w)
	case "uv", "pip", "uv-part", "pip-part":
		err = m.python(ctx, w)
	case "dnf":
		err = m.dnf(ctx, w)
	default:
		err = fmt.Errorf("there is no workload %q", name)
	}
	if err != nil {
		return nil, fmt.Errorf("preparing %s: %w", name, err)
	}
	return w, nil
}

// write writes files into each of the directories.
func write(files map[string]string, dirs ...string) error {
	for _, dir := range dirs {
		for name, text := range files {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
				return err
			}
		}
	}
	return nil
}

// link makes dir a directory of links to the entries' files below from, or of
// copies where that is another file system.
func link(entries []prefetch.Entry, from, dir string) error {
	for _, e := range entries {
		to := filepath.Join(dir, e.Path)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		err := os.Link(filepath.Join(from, e.Path), to)
		if errors.Is(err, unix.EXDEV) {
			err = copyFile(filepath.Join(from, e.Path), to, 0o644)
		}
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}

// total is the size of the entries' files below dir.
func total(entries []prefetch.Entry, dir string) (n int64) {
	for _, e := range entries {
		if fi, err := os.Stat(filepath.Join(dir, e.Path)); err == nil {
			n += fi.Size()
		}
	}
	return n
}
