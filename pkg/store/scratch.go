package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"
)

// scratchDir is beside v1: what running builds write and throw away, each in a
// directory whose name begins with that of its pin.
const scratchDir = "scratch"

// scratchAge is for builds that have no pin yet, or none any more.
const scratchAge = 24 * time.Hour

// scratch removes what builds have left there that were killed together with
// everybody who would have cleaned up after them.
func (c *collector) scratch(ctx context.Context) error {
	root, err := os.OpenRoot(c.s.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	entries, err := fs.ReadDir(root.FS(), scratchDir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	var old []fs.FileInfo
	for _, e := range entries {
		fi, err := e.Info()
		if err == nil && c.age(fi) > scratchAge {
			old = append(old, fi)
		}
	}
	if len(old) == 0 {
		return nil
	}
	// The gate stays closed: no build may take a name between look and removal.
	gate, err := c.s.gate(ctx, exclusive)
	if err != nil {
		return err
	}
	defer gate.Close()
	live, err := c.s.livePins(ctx)
	if err != nil {
		return err
	}
	for _, fi := range old {
		if belongsToOne(fi.Name(), live) {
			continue
		}
		if err := c.removeScratch(ctx, root, path.Join(scratchDir, fi.Name()), fi); err != nil {
			return err
		}
	}
	return nil
}

func belongsToOne(name string, pins []string) bool {
	for _, p := range pins {
		if strings.HasPrefix(name, p) {
			return true
		}
	}
	return false
}

// livePins names the pins of live builds. The gate must be closed.
func (s *Store) livePins(ctx context.Context) ([]string, error) {
	var names []string
	err := s.eachPin(ctx, func(name string, _ *os.File, dead bool) error {
		if !dead {
			names = append(names, path.Base(name))
		}
		return nil
	})
	return names, err
}

func (c *collector) removeScratch(ctx context.Context, root *os.Root, name string, fi fs.FileInfo) error {
	r := Removal{Name: name, LastUse: fi.ModTime(), Reason: ReasonDangling}
	// Unreadable parts are of users that a container had, and only it can
	// remove them: what this process can't remove it leaves.
	_ = eachFileIn(ctx, root, name, func(_ string, fi fs.FileInfo) error {
		r.Size += fi.Size()
		return nil
	})
	if !c.dry {
		if err := root.RemoveAll(name); errors.Is(err, fs.ErrPermission) {
			return nil
		} else if err != nil {
			return err
		}
	}
	c.report.Removed = append(c.report.Removed, r)
	c.report.Freed += r.Size
	return nil
}
