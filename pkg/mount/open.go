//go:build linux

package mount

import (
	"context"
	"os"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

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
	switch {
	case h.inMemory():
		s.observer.Opened(n.file)
	case s.kernelsOwn(in.Flags):
		s.join(h, nil)
	default:
		s.want(h)
		s.join(h, s.present(h))
	}
	out.OpenFlags, out.BackingID = h.answer()
	out.Fh = s.handles.add(h)
	return fuse.OK
}

// present returns the content's file if it is there now and good.
func (s *server) present(h *handle) *os.File {
	f := h.blob.Ready()
	if f == nil {
		return nil
	}
	if err := h.has(f); err != nil {
		s.fail(h, err)
		return nil
	}
	return f
}

// kernelsOwn says that overlayfs opens the file for itself. Before it copies a
// file's metadata up (chmod, chown, setxattr) it opens the file twice to ask for
// its FS_IOC_GETFLAGS, and reads nothing. What it opens for a program has
// O_NOATIME set (OVL_OPEN_FLAGS in the kernel's fs/overlayfs/file.c). Should
// that change, downloads start with the first read instead.
func (s *server) kernelsOwn(flags uint32) bool {
	return s.underOverlay && flags&syscall.O_NOATIME == 0
}

// answer is what the kernel is told about an open file.
func (h *handle) answer() (flags uint32, backing int32) {
	const noFlush = fuse.FOPEN_NOFLUSH // there is nothing to flush: close needs no request
	switch h.way {
	case wayDirect:
		return noFlush | fuse.FOPEN_DIRECT_IO, 0
	case wayPassthrough:
		return noFlush | fuse.FOPEN_PASSTHROUGH, h.node.opens.backing // cannot change while h is open
	}
	return noFlush | fuse.FOPEN_KEEP_CACHE, 0
}

// Release is the last close of an open file.
func (s *server) Release(_ <-chan struct{}, in *fuse.ReleaseIn) {
	if h := s.handles.remove(in.Fh); h != nil {
		s.leave(h)
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
	if h.inMemory() {
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
	off := int64(in.Offset)
	n := h.node.remaining(off, len(buf))
	if part := h.node.file.Part; part != nil {
		off += part.Offset
	}
	return fuse.ReadResultFd(f.Fd(), off, n), fuse.OK
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
	s.want(h)
	start := s.clock.Now()
	var f *os.File
	err := s.wait(cancel, tid, func(ctx context.Context) (err error) {
		f, err = h.blob.Wait(ctx)
		return err
	})
	if err == nil {
		err = h.has(f)
	}
	if err != nil {
		s.fail(h, err)
		return nil, err
	}
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
func (n *node) remaining(off int64, want int) int {
	size := n.size.Load()
	if size < 0 {
		return want
	}
	return int(max(0, min(int64(want), size-off)))
}

func part(b []byte, off uint64, n int) []byte {
	if off >= uint64(len(b)) {
		return nil
	}
	b = b[off:]
	return b[:min(n, len(b))]
}
