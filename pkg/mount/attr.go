//go:build linux

package mount

import (
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// forever is how long the kernel may keep what cannot change.
const forever = 365 * 24 * time.Hour

// fill writes n's attributes and returns how long the kernel may keep them:
// not at all while the size is not known.
func (s *server) fill(n *node, out *fuse.Attr) time.Duration {
	out.Ino = n.ino
	out.Nlink = 1
	out.Uid, out.Gid = s.owner, s.owner
	out.Mtime, out.Ctime, out.Atime = uint64(n.mtime), uint64(n.mtime), uint64(n.mtime)
	if n.dir != nil {
		out.Mode = fuse.S_IFDIR | s.dirMode
		return forever
	}
	out.Mode = fuse.S_IFREG | 0o644 // as a prefetch leaves them: programs copy modes into images
	if n.file.Exec {
		out.Mode |= 0o111
	}
	size := s.sizeNow(n)
	if size < 0 {
		n.resized.Store(true)
		return 0
	}
	out.Size = uint64(size)
	out.Blocks = (out.Size + 511) / 512
	return forever
}

// noLimit is what an overlay is told as the size of a file that has none yet. The
// kernel keeps the size of the first look-up in the overlay's inode, never asks
// again, and cuts copy_file_range at it: at 0 it would copy nothing, which libuv,
// and so Node's fs.copyFile, tries for ever. Programs don't see this number:
// stat is answered by GetAttr, and reads by the file below.
const noLimit = 1 << 50

// sizeNow returns the size if somebody knows it without waiting, else SizeUnknown.
func (s *server) sizeNow(n *node) int64 {
	if size := n.size.Load(); size >= 0 {
		return size
	}
	if size, ok := s.src.Size(n.file); ok && size >= 0 {
		n.learn(size)
	}
	return n.size.Load()
}

// learn records the size of a file that had none. The first one stays: a size
// that changed under an open file would cut or pad what programs read.
func (n *node) learn(size int64) { n.size.CompareAndSwap(tree.SizeUnknown, size) }

func (s *server) fillEntry(n *node, out *fuse.EntryOut) {
	out.NodeId = n.id
	out.SetEntryTimeout(forever)
	out.SetAttrTimeout(s.fill(n, &out.Attr))
}
