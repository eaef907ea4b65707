package store

import (
	"context"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/lazybuild/lazybuild/internal/failpoint"
)

// leftovers removes what processes have left that died, or gave up for good.
func (c *collector) leftovers(ctx context.Context) error {
	for _, sweep := range []func(context.Context) error{c.partials, c.quarantine, c.scratch, c.pins, c.locks} {
		if err := sweep(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (c *collector) age(fi fs.FileInfo) time.Duration { return c.now.Sub(fi.ModTime()).Abs() }

func (c *collector) partials(ctx context.Context) error {
	return c.s.eachFile(ctx, partialDir, func(name string, fi fs.FileInfo) error {
		r := Removal{name, fi.Size(), fi.ModTime(), ReasonAbandoned}
		if strings.HasPrefix(path.Base(name), tmpPrefix) {
			if c.age(fi) < temporaryAge {
				return nil
			}
			_, err := c.remove(name, r)
			return err
		}
		if c.age(fi) < partialAge {
			return nil
		}
		// Its writer may just be coming back.
		return c.locked(lockOf(path.Base(name)), func() error {
			now, err := c.s.root.Lstat(name)
			if err != nil || !now.ModTime().Equal(fi.ModTime()) {
				return unlessGone(err)
			}
			_, err = c.remove(name, r)
			return err
		})
	})
}

// locked calls fn unless somebody has the lock.
func (c *collector) locked(name string, fn func() error) error {
	f, err := c.s.tryLockFile(name)
	if f == nil {
		return err
	}
	defer f.Close()
	defer c.s.root.Remove(lockPath(name))
	return fn()
}

func (c *collector) quarantine(ctx context.Context) error {
	return c.s.eachFile(ctx, quarantineDir, func(name string, fi fs.FileInfo) error {
		if c.age(fi) < quarantineAge {
			return nil
		}
		_, err := c.remove(name, Removal{name, fi.Size(), fi.ModTime(), ReasonDamaged})
		return err
	})
}

// locks removes the lock files of dead processes. They are empty and harmless,
// so they are not worth a line in the report.
func (c *collector) locks(ctx context.Context) error {
	if c.dry {
		return nil
	}
	return c.s.eachFile(ctx, lockDir, func(name string, _ fs.FileInfo) error {
		return c.locked(path.Base(name), func() error { return nil })
	})
}

// pins removes those of dead builds.
func (c *collector) pins(ctx context.Context) error {
	if c.dry {
		return nil
	}
	gate, err := c.s.gate(ctx, exclusive)
	if err != nil {
		return err
	}
	defer gate.Close()
	return c.s.eachPin(ctx, func(name string, _ *os.File, dead bool) error {
		if !dead {
			return nil
		}
		return unlessGone(failpoint.Step("gc.unpin", func() error { return c.s.root.Remove(name) }))
	})
}

// dangling removes facts of blobs that are long gone, then aliases that lead
// neither to a blob nor to facts, and what is neither.
func (c *collector) dangling(ctx context.Context) error {
	err := c.s.eachFile(ctx, "facts", func(name string, fi fs.FileInfo) error {
		d, ok := factsName(name)
		if ok && (c.age(fi) < factsAge || c.s.has(blobPath(d))) {
			return nil
		}
		_, err := c.remove(name, Removal{name, fi.Size(), fi.ModTime(), ReasonDangling})
		return err
	})
	if err != nil {
		return err
	}
	return c.s.eachFile(ctx, "alias", func(name string, fi fs.FileInfo) error {
		// A young one may belong to a blob that is coming back this moment.
		r, ok := aliasName(name)
		if ok && c.age(fi) < temporaryAge {
			return nil
		}
		if ok {
			if leads, err := c.leads(r); leads || err != nil {
				return err
			}
		}
		_, err := c.remove(name, Removal{name, fi.Size(), fi.ModTime(), ReasonDangling})
		return err
	})
}

// leads says that there is something at the end of an alias.
func (c *collector) leads(r ref) (bool, error) {
	sum, err := c.s.sum(r)
	if err != nil {
		return false, unlessGone(err)
	}
	return c.s.has(blobPath(sum)) || c.s.has(factsPath(sum)), nil
}

func (s *Store) has(name string) bool {
	_, err := s.root.Lstat(name)
	return err == nil
}
