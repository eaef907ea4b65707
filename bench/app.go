//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/lazybuild/lazybuild/e2e/prefetch"
	"github.com/lazybuild/lazybuild/e2e/realapp"
)

// app returns the directory of the real application's locks, and that of all
// files which they name, as a prefetch lays them out. Both are made once, with
// the tools and indexes of this user, and kept.
func (m *maker) app(ctx context.Context) (locks, files string, err error) {
	top := filepath.Join(m.cache, "app")
	locks, files = filepath.Join(top, "before"), filepath.Join(m.cache, "files")
	if _, err := os.Stat(filepath.Join(top, "complete")); err == nil {
		return locks, files, nil
	}
	if err := os.RemoveAll(top); err != nil {
		return "", "", err
	}
	say("making the locks with uv and npm")
	if _, err := realapp.Make(ctx, top); err != nil {
		return "", "", err
	}
	entries, err := m.tree(ctx, locks)
	if err != nil {
		return "", "", err
	}
	say("downloading %d files that the locks name, once", len(entries))
	if _, err := prefetch.Fetch(ctx, entries, files); err != nil {
		return "", "", err
	}
	return locks, files, os.WriteFile(filepath.Join(top, "complete"), nil, 0o644)
}

// tree asks lazybuild for the files that the locks in dir name.
func (m *maker) tree(ctx context.Context, dir string) ([]prefetch.Entry, error) {
	cmd := exec.CommandContext(ctx, m.binary, "tree", "--json", "-f", "Containerfile", ".")
	cmd.Dir, cmd.Stderr = dir, os.Stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("lazybuild tree: %w", err)
	}
	return prefetch.ReadTree(bytes.NewReader(out))
}

// publish puts the entries' files, which are below dir, on the origin, under
// the paths that they have at the real one. What it returns makes a lock name
// the origin instead.
func (m *maker) publish(entries []prefetch.Entry, dir string) (*strings.Replacer, error) {
	var pairs []string
	for _, e := range entries {
		u, err := url.Parse(e.URLs[0])
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, e.URLs[0], m.origin.AddFile(u.Path, filepath.Join(dir, e.Path)))
	}
	return strings.NewReplacer(pairs...), nil
}

// below keeps the entries with paths below dir.
func below(entries []prefetch.Entry, dir string) (kept []prefetch.Entry) {
	for _, e := range entries {
		if strings.HasPrefix(e.Path, dir) {
			kept = append(kept, e)
		}
	}
	return kept
}

// machine is the target's architecture as wheels and RPMs name it.
func machine() string {
	if runtime.GOARCH == "arm64" {
		return "aarch64"
	}
	return "x86_64"
}

// takeEntries fills in what there is to download for a workload of the real
// application: the files below dir, which the locks in w.lazy name.
func (m *maker) takeEntries(ctx context.Context, w *workload, files string, lock []byte) (err error) {
	if w.all, err = m.tree(ctx, w.lazy); err != nil {
		return err
	}
	if w.fitting, err = prefetch.OnlyFitting(w.all, lock, machine()); err != nil {
		return err
	}
	w.allBytes, w.bytes = total(w.all, files), total(w.fitting, files)
	w.floor = filepath.Join(m.work, w.name, "floor")
	return link(w.fitting, files, w.floor)
}
