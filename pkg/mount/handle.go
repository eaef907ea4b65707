//go:build linux

package mount

import (
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// opens is what a node must know about its open files to choose the way of the
// next one (see the package comment).
type opens struct {
	mu          sync.Mutex
	handles     []*handle // open files with a Blob
	direct      int       // how many are direct
	cached      int       // how many are cached
	passthrough int       // how many are passthrough
	backing     int32     // the kernel's ID of the backing file while passthrough > 0
}

type way int

const (
	wayCached way = iota
	wayDirect
	wayPassthrough
)

// A handle is one open file. The Blob is closed when the last reference goes:
// the open file's own, and one per stat that asks it for the size.
type handle struct {
	node  *node
	way   way
	begin sync.Once
	blob  Blob // set once under node.opens.mu; nil until the download is wanted
	refs  int  // under node.opens.mu

	file     atomic.Pointer[os.File] // once the content is there
	waited   atomic.Bool
	reported atomic.Bool
	mu       sync.Mutex
	err      error // the content's final failure
}

// inMemory says that the tree itself holds the content.
func (h *handle) inMemory() bool { return h.node.file.Content != nil }

// want announces the open file to the Source, once, which starts the download.
func (s *server) want(h *handle) {
	h.begin.Do(func() {
		blob := s.src.Open(h.node.file)
		h.node.opens.mu.Lock()
		h.blob = blob
		h.node.opens.mu.Unlock()
		s.observer.Opened(h.node.file)
	})
}

// has records the content's file, and its size where that was not known. A
// size that differs from what stat has told programs is an error: the kernel would
// cut the content, or fill it up with zeros.
func (h *handle) has(f *os.File) error {
	fi, err := f.Stat()
	if err != nil {
		return fmt.Errorf("reading the size of %q: %w", h.node.file.Path, err)
	}
	if part := h.node.file.Part; part != nil {
		if end := part.Offset + h.node.size.Load(); fi.Size() < end {
			return fmt.Errorf("%q ends at byte %d of a content with %d bytes", h.node.file.Path, end, fi.Size())
		}
		h.file.Store(f)
		return nil
	}
	h.node.learn(fi.Size())
	if want := h.node.size.Load(); fi.Size() != want {
		return fmt.Errorf("%q has %d bytes, but %d were announced; does the lock name the right size?", h.node.file.Path, fi.Size(), want)
	}
	h.file.Store(f)
	return nil
}

// join chooses h's way and counts it. f is nil when the content is not there.
func (s *server) join(h *handle, f *os.File) {
	o := &h.node.opens
	o.mu.Lock()
	defer o.mu.Unlock()
	o.handles = append(o.handles, h)
	switch h.way = s.choose(h, f); h.way {
	case wayDirect:
		o.direct++
	case wayCached:
		o.cached++
	case wayPassthrough:
		o.passthrough++
	}
}

func (s *server) choose(h *handle, f *os.File) way {
	o := &h.node.opens
	switch {
	case o.passthrough > 0:
		return wayPassthrough // the kernel takes no other; it has the file already
	case o.cached > 0:
		// It takes no passthrough beside this, and a direct open would wait for the
		// pages that others are waiting for.
		return wayCached
	case f == nil && h.node.resized.Load(), s.passthrough && o.direct > 0:
		return wayDirect
	case f == nil, !s.passthrough, h.node.file.Part != nil:
		// Passthrough is for whole files only: the kernel reads from offset 0.
		return wayCached
	}
	id, errno := s.kernel.RegisterBackingFd(&fuse.BackingMap{Fd: int32(f.Fd())})
	if errno != 0 {
		return wayCached
	}
	o.backing = id
	return wayPassthrough
}

// leave is the end of an open file.
func (s *server) leave(h *handle) {
	if h.inMemory() {
		return
	}
	o := &h.node.opens
	o.mu.Lock()
	o.handles = slices.DeleteFunc(o.handles, func(other *handle) bool { return other == h })
	switch h.way {
	case wayDirect:
		o.direct--
	case wayCached:
		o.cached--
	case wayPassthrough:
		if o.passthrough--; o.passthrough == 0 {
			_ = s.kernel.UnregisterBackingFd(o.backing) // fails when the mount is gone, and the file with it
		}
	}
	o.mu.Unlock()
	h.drop()
}

// borrow returns an open handle of the node that has a Blob, or nil. The caller must
// drop it.
func (n *node) borrow() *handle {
	n.opens.mu.Lock()
	defer n.opens.mu.Unlock()
	for _, h := range n.opens.handles {
		if h.blob != nil {
			h.refs++
			return h
		}
	}
	return nil
}

func (h *handle) drop() {
	h.node.opens.mu.Lock()
	h.refs--
	blob, last := h.blob, h.refs == 0
	h.node.opens.mu.Unlock()
	if last && blob != nil {
		blob.Close()
	}
}

// handles are the open files by the number that the kernel uses for them.
type handles struct {
	mu   sync.RWMutex
	next uint64
	open map[uint64]*handle
}

func (hs *handles) add(h *handle) uint64 {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	hs.next++
	hs.open[hs.next] = h
	return hs.next
}

func (hs *handles) get(fh uint64) *handle {
	hs.mu.RLock()
	defer hs.mu.RUnlock()
	return hs.open[fh]
}

func (hs *handles) remove(fh uint64) *handle {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	h := hs.open[fh]
	delete(hs.open, fh)
	return h
}

// all removes and returns every open file.
func (hs *handles) all() []*handle {
	hs.mu.Lock()
	defer hs.mu.Unlock()
	var all []*handle
	for _, h := range hs.open {
		all = append(all, h)
	}
	clear(hs.open)
	return all
}
