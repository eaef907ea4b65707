//go:build linux

package mount

import (
	"context"
	"log/slog"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// A server answers the kernel's requests. It works below go-fuse's node API, at
// the protocol: node IDs are places in a table made from the tree, so that
// lookup, readdir and forget touch no shared state, and the passthrough calls,
// whose order the kernel checks, are made here and nowhere else.
//
// What a read-only tree needs no answer for is left to the embedded default,
// ENOSYS; the kernel then stops asking. Changes never come here: the mount is
// read-only (MS_RDONLY).
type server struct {
	fuse.RawFileSystem

	table    *table
	handles  handles
	src      Source
	observer Observer
	clock    Clock
	dirMode  uint32
	owner    uint32
	xattrs   bool
	// underOverlay is Options.UnderOverlay.
	underOverlay bool
	files        uint64 // for statfs
	bytes        uint64

	log   *slog.Logger
	blind sync.Once // the warning about callers that cannot be seen

	passthrough  bool
	kernel       kernel
	disconnected func() bool
	dying        func(tid uint32) bool

	// ctx is the mount's life: it is a server's, so it is stored. It ends with
	// Kill or Unmount and takes every wait with it.
	ctx  context.Context
	work sync.WaitGroup // goroutines that outlive their request
}

// kernel is the part of fuse.Server that requests use.
type kernel interface {
	RegisterBackingFd(*fuse.BackingMap) (int32, syscall.Errno)
	UnregisterBackingFd(int32) syscall.Errno
}

func newServer(ctx context.Context, t *tree.Tree, src Source, o Options) (*server, error) {
	tab, err := newTable(t)
	if err != nil {
		return nil, err
	}
	s := &server{
		RawFileSystem: fuse.NewDefaultRawFileSystem(),
		table:         tab,
		handles:       handles{open: make(map[uint64]*handle)},
		src:           src,
		observer:      o.Observer,
		clock:         o.Clock.withDefaults(),
		dirMode:       0o777,
		owner:         o.Owner,
		underOverlay:  o.UnderOverlay,
		xattrs:        wantsXattrs(t),
		files:         uint64(len(tab.nodes)),
		bytes:         totalSize(t),
		dying:         dying,
		log:           o.Log,
		ctx:           ctx,
	}
	if s.observer == nil {
		s.observer = nobody{}
	}
	if o.ReadOnly {
		s.dirMode = 0o555
	}
	if !procIsThere() {
		s.dying = func(uint32) bool { return false }
	}
	return s, nil
}

func (s *server) String() string { return "lazybuild" }

// Init is called once, before the first request is served.
func (s *server) Init(k *fuse.Server) { s.kernel = k }

func (s *server) killed() bool { return s.ctx.Err() != nil }

// node returns the node of a request, or why the request fails.
func (s *server) node(id uint64) (*node, fuse.Status) {
	if s.killed() {
		return nil, fuse.EIO
	}
	n := s.table.get(id)
	if n == nil {
		return nil, fuse.Status(syscall.ESTALE)
	}
	return n, fuse.OK
}

// Lookup answers an absent name with an entry that says "not there, for ever":
// compilers and package managers probe the same names again and again.
func (s *server) Lookup(cancel <-chan struct{}, header *fuse.InHeader, name string, out *fuse.EntryOut) fuse.Status {
	n, code := s.node(header.NodeId)
	if !code.Ok() {
		return code
	}
	if n.dir == nil {
		return fuse.ENOTDIR
	}
	child := find(n.dir.entries, name)
	if child == nil && n.dir.expansion != nil {
		entries, err := s.entries(cancel, header.Pid, n)
		if err != nil {
			return status(err)
		}
		child = find(entries, name)
	}
	if child == nil {
		out.SetEntryTimeout(forever)
		return fuse.OK
	}
	s.fillEntry(child, out)
	if s.underOverlay && out.AttrValid == 0 {
		out.Size = noLimit
	}
	return fuse.OK
}

// GetAttr waits in one case only: the file is open and its size not known yet.
// The kernel does not say whether it is an fstat (of the open file) or a stat,
// so all programs wait then.
func (s *server) GetAttr(cancel <-chan struct{}, in *fuse.GetAttrIn, out *fuse.AttrOut) fuse.Status {
	n, code := s.node(in.NodeId)
	if !code.Ok() {
		return code
	}
	if n.file != nil && s.sizeNow(n) < 0 {
		if err := s.awaitSize(cancel, in.Pid, n); err != nil {
			return status(err)
		}
	}
	out.SetTimeout(s.fill(n, &out.Attr))
	return fuse.OK
}

func (s *server) awaitSize(cancel <-chan struct{}, tid uint32, n *node) error {
	h := n.borrow()
	if h == nil {
		return nil // not open: the size stays unknown
	}
	defer h.drop()
	err := s.wait(cancel, tid, func(ctx context.Context) error {
		size, err := h.blob.Size(ctx)
		if err == nil {
			n.learn(size)
		}
		return err
	})
	if err != nil {
		s.fail(h, err)
	}
	return err
}

// OpenDir lets the kernel keep the listing: pip and uv read the whole directory
// once per invocation.
func (s *server) OpenDir(_ <-chan struct{}, in *fuse.OpenIn, out *fuse.OpenOut) fuse.Status {
	_, code := s.node(in.NodeId)
	out.OpenFlags = fuse.FOPEN_CACHE_DIR | fuse.FOPEN_KEEP_CACHE
	return code
}

// ReadDir lists names.
func (s *server) ReadDir(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return s.list(cancel, in, func(d fuse.DirEntry, _ *node) bool { return out.AddDirEntry(d) })
}

// ReadDirPlus lists names with attributes, so that `find -size` and uv's lstat of
// every entry cost no request each.
func (s *server) ReadDirPlus(cancel <-chan struct{}, in *fuse.ReadIn, out *fuse.DirEntryList) fuse.Status {
	return s.list(cancel, in, func(d fuse.DirEntry, n *node) bool {
		e := out.AddDirLookupEntry(d)
		if e == nil {
			return false
		}
		if n != nil {
			s.fillEntry(n, e)
		}
		return true
	})
}

// list calls add for the entries from in.Offset on, until it says that there is no
// more room. Offset i is the position behind the i-th entry; "." and ".." are
// the first two and carry no node, as the kernel wants it.
func (s *server) list(cancel <-chan struct{}, in *fuse.ReadIn, add func(fuse.DirEntry, *node) bool) fuse.Status {
	n, code := s.node(in.NodeId)
	if !code.Ok() {
		return code
	}
	if n.dir == nil {
		return fuse.ENOTDIR
	}
	entries, err := s.entries(cancel, in.Pid, n)
	if err != nil {
		return status(err)
	}
	dots := [2]fuse.DirEntry{
		{Name: ".", Ino: n.ino, Mode: fuse.S_IFDIR},
		{Name: "..", Ino: n.parent.ino, Mode: fuse.S_IFDIR},
	}
	for off := in.Offset; off < uint64(len(entries)+len(dots)); off++ {
		var d fuse.DirEntry
		var child *node
		if off < uint64(len(dots)) {
			d = dots[off]
		} else {
			e := entries[off-uint64(len(dots))]
			child = e.node
			d = fuse.DirEntry{Name: e.name, Ino: child.ino, Mode: child.kind()}
		}
		d.Off = off + 1
		if !add(d, child) {
			break
		}
	}
	return fuse.OK
}

func (n *node) kind() uint32 {
	if n.dir != nil {
		return fuse.S_IFDIR
	}
	return fuse.S_IFREG
}

// Fsync answers success: dnf's librepo syncs every RPM and takes a failure for a
// bad package.
func (s *server) Fsync(<-chan struct{}, *fuse.FsyncIn) fuse.Status { return fuse.OK }

// FsyncDir answers success, as Fsync does.
func (s *server) FsyncDir(<-chan struct{}, *fuse.FsyncIn) fuse.Status { return fuse.OK }

// StatFs describes a full, read-only file system of the tree's known size.
func (s *server) StatFs(_ <-chan struct{}, _ *fuse.InHeader, out *fuse.StatfsOut) fuse.Status {
	if s.killed() {
		return fuse.EIO
	}
	const block = 4096
	out.Bsize, out.Frsize = block, block
	out.Blocks = (s.bytes + block - 1) / block
	out.Files = s.files
	out.NameLen = 255
	return fuse.OK
}

func totalSize(t *tree.Tree) uint64 {
	var sum uint64
	for i := range t.Files {
		sum += uint64(max(t.Files[i].Size, int64(len(t.Files[i].Content)), 0))
	}
	return sum
}
