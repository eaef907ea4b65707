//go:build linux

package mount

import (
	"context"
	"os"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// opens is what a node must know about its open files to choose the way of the
// next one (see the package comment).
type opens struct {
	mu          sync.Mutex
	handles     []*handle // open files with a Blob
	direct      int       // how many are direct
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
	node *node
	blob Blob // nil for content in memory
	way  way
	refs int // under node.opens.mu

	file     atomic.Pointer[os.File] // once the content is there
	waited   atomic.Bool
	reported atomic.Bool
	mu       sync.Mutex
	err      error // the content's final failure
}

// Open starts the download and returns at once.
func (s *server) Open(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	n, code := s.node(in.NodeId)
	switch {
	case !code.Ok():
		return code
	case n.dir != nil:
		return fuse.Status(syscall.EISDIR)
	case in.Flags&syscall.O_ACCMODE != syscall.O_RDONLY || in.Flags&syscall.O_TRUNC != 0:
		return fuse.EROFS
	}
	h := &handle{node: n, refs: 1}
	if n.file.Content == nil {
		h.blob = s.src.Open(n.file)
		s.join(h, h.present())
	}
	s.observer.Opened(n.file)
	out.OpenFlags = fuse.FOPEN_NOFLUSH // there is nothing to flush: close needs no request
	switch h.way {
	case wayDirect:
		out.OpenFlags |= fuse.FOPEN_DIRECT_IO
	case wayPassthrough:
		out.OpenFlags |= fuse.FOPEN_PASSTHROUGH
		out.BackingID = n.opens.backing
	case wayCached:
		out.OpenFlags |= fuse.FOPEN_KEEP_CACHE
	}
	out.Fh = s.handles.add(h)
	return fuse.OK
}

// present records the content's file, and its size, if it is there now.
func (h *handle) present() *os.File {
	f := h.blob.Ready()
	if f != nil {
		h.has(f)
	}
	return f
}

func (h *handle) has(f *os.File) {
	if h.node.size.Load() < 0 {
		if fi, err := f.Stat(); err == nil {
			h.node.learn(fi.Size())
		}
	}
	h.file.Store(f)
}

// join chooses h's way and counts it. f is nil when the content is not there.
func (s *server) join(h *handle, f *os.File) {
	o := &h.node.opens
	o.mu.Lock()
	defer o.mu.Unlock()
	o.handles = append(o.handles, h)
	switch h.way = s.choose(o, f); h.way {
	case wayDirect:
		o.direct++
	case wayPassthrough:
		o.passthrough++
	}
}

func (s *server) choose(o *opens, f *os.File) way {
	switch {
	case o.passthrough > 0:
		return wayPassthrough // the kernel takes no other; it has the file already
	case f == nil:
		return wayDirect
	case !s.passthrough:
		return wayCached
	case o.direct > 0:
		return wayDirect
	}
	id, errno := s.kernel.RegisterBackingFd(&fuse.BackingMap{Fd: int32(f.Fd())})
	if errno != 0 {
		// Never cached in a passthrough mount: the next open may succeed, and
		// would be EIO. Direct is slower and always right.
		return wayDirect
	}
	o.backing = id
	return wayPassthrough
}

// Release is the last close of an open file.
func (s *server) Release(_ <-chan struct{}, in *fuse.ReleaseIn) {
	if h := s.handles.remove(in.Fh); h != nil {
		s.leave(h)
	}
}

func (s *server) leave(h *handle) {
	if h.blob == nil {
		return
	}
	o := &h.node.opens
	o.mu.Lock()
	for i := range o.handles {
		if o.handles[i] == h {
			o.handles = append(o.handles[:i], o.handles[i+1:]...)
			break
		}
	}
	switch h.way {
	case wayDirect:
		o.direct--
	case wayPassthrough:
		if o.passthrough--; o.passthrough == 0 {
			s.kernel.UnregisterBackingFd(o.backing)
		}
	}
	o.mu.Unlock()
	h.drop()
}

// borrow returns an open handle of the node, or nil. The caller must drop it.
func (n *node) borrow() *handle {
	n.opens.mu.Lock()
	defer n.opens.mu.Unlock()
	if len(n.opens.handles) == 0 {
		return nil
	}
	h := n.opens.handles[len(n.opens.handles)-1]
	h.refs++
	return h
}

func (h *handle) drop() {
	h.node.opens.mu.Lock()
	h.refs--
	last := h.refs == 0
	h.node.opens.mu.Unlock()
	if last {
		h.blob.Close()
	}
}

// Read answers from memory or from the content's file, for which it waits.
func (s *server) Read(cancel <-chan struct{}, in *fuse.ReadIn, buf []byte) (fuse.ReadResult, fuse.Status) {
	if s.killed() {
		return nil, fuse.EIO
	}
	h := s.handles.get(in.Fh)
	if h == nil {
		return nil, fuse.EBADF
	}
	if h.blob == nil {
		return fuse.ReadResultData(part(h.node.file.Content, in.Offset, len(buf))), fuse.OK
	}
	f := h.file.Load()
	if f == nil {
		var err error
		if f, err = s.await(cancel, in.Pid, h); err != nil {
			return nil, status(err)
		}
	}
	// The kernel splices from the store's file; nothing passes through this process.
	// The file stays open until Release, which the kernel sends after the answer.
	return fuse.ReadResultFd(f.Fd(), int64(in.Offset), h.node.remaining(in.Offset, len(buf))), fuse.OK
}

// await waits for the content. A failure is final for this open file; that the
// caller gave up is not.
func (s *server) await(cancel <-chan struct{}, tid uint32, h *handle) (*os.File, error) {
	h.mu.Lock()
	failed := h.err
	h.mu.Unlock()
	if failed != nil {
		return nil, failed
	}
	start := s.clock.Now()
	var f *os.File
	err := s.wait(cancel, tid, func(ctx context.Context) (err error) {
		f, err = h.blob.Wait(ctx)
		return err
	})
	if err != nil {
		s.fail(h, err)
		return nil, err
	}
	h.has(f)
	if h.waited.CompareAndSwap(false, true) {
		s.observer.Waited(h.node.file, s.clock.Now().Sub(start))
	}
	return f, nil
}

// fail keeps and reports a content's failure.
func (s *server) fail(h *handle, err error) {
	if gaveUp(err) {
		return
	}
	h.mu.Lock()
	h.err = err
	h.mu.Unlock()
	if h.reported.CompareAndSwap(false, true) {
		s.observer.Failed(h.node.file, err)
	}
}

// remaining is how much a read can give: go-fuse splices a read twice when the
// file turns out to be shorter than what it announced.
func (n *node) remaining(off uint64, want int) int {
	size := n.size.Load()
	if size < 0 {
		return want
	}
	return int(max(0, min(int64(want), size-int64(off))))
}

func part(b []byte, off uint64, n int) []byte {
	if off >= uint64(len(b)) {
		return nil
	}
	b = b[off:]
	return b[:min(n, len(b))]
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
