//go:build linux

package mount

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// retryExpand is how long a failed generated directory stays failed. Package
// managers retry at once and many times; each try may be a series of downloads.
const retryExpand = 5 * time.Second

// An expansion is what a generated directory has beyond its fixed entries.
type expansion struct {
	dir *tree.Dir

	mu       sync.Mutex
	entries  []entry       // all entries, once done
	done     bool          // never reset
	running  chan struct{} // closed when the run under way ends; nil when there is none
	err      error         // of the last run
	failedAt time.Time
}

func newExpansion(d *tree.Dir) *expansion { return &expansion{dir: d} }

// entries returns a directory's entries, making them first where needed.
func (s *server) entries(cancel <-chan struct{}, tid uint32, n *node) ([]entry, error) {
	e := n.dir.expansion
	if e == nil {
		return n.dir.entries, nil
	}
	if entries, ok := e.ready(); ok {
		return entries, nil
	}
	var entries []entry
	err := s.wait(cancel, tid, func(ctx context.Context) (err error) {
		entries, err = s.expand(ctx, n)
		return err
	})
	return entries, err
}

func (e *expansion) ready() ([]entry, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.entries, e.done
}

// expand joins the run under way or starts one. The run belongs to the mount: a
// caller that goes away leaves it to the others.
func (s *server) expand(ctx context.Context, n *node) ([]entry, error) {
	e := n.dir.expansion
	e.mu.Lock()
	if e.err != nil && s.clock.Now().Sub(e.failedAt) < retryExpand {
		defer e.mu.Unlock()
		return nil, e.err
	}
	if e.running == nil && !e.done {
		e.running = make(chan struct{})
		s.work.Go(func() { s.runExpansion(n) })
	}
	running := e.running
	e.mu.Unlock()
	if running != nil {
		select {
		case <-running:
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if !e.done {
		return nil, e.err
	}
	return e.entries, nil
}

func (s *server) runExpansion(n *node) {
	e := n.dir.expansion
	files, err := s.src.Expand(s.ctx, e.dir)
	var entries []entry
	if err == nil {
		entries, err = s.grow(n, files)
	}
	if err != nil && s.ctx.Err() == nil {
		s.observer.Failed(&tree.File{Path: e.dir.Path, Input: e.dir.Input}, err)
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	e.entries, e.done, e.err = entries, err == nil, err
	e.failedAt = s.clock.Now()
	close(e.running)
	e.running = nil
}

// grow makes the nodes of a generated directory's files. They hang below a copy
// of the directory's node, because requests read the original without a lock;
// its ID and inode number, all that a child asks of its parent, are the same.
func (s *server) grow(n *node, files []tree.File) ([]entry, error) {
	base := &node{id: n.id, ino: n.ino, parent: n.parent, dir: &directory{}}
	base.dir.entries = slices.Clone(n.dir.entries)
	b := newBuilder(s.table, base, n.dir.expansion.dir.Path)
	for i := range files {
		if err := b.add(files[i].Path, &files[i]); err != nil {
			return nil, fmt.Errorf("making directory %q: %w", n.dir.expansion.dir.Path, err)
		}
	}
	b.finish()
	return base.dir.entries, nil
}
