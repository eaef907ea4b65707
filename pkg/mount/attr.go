//go:build linux

package mount

import (
	"hash/fnv"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// forever is how long the kernel may keep what cannot change.
const forever = 365 * 24 * time.Hour

// Every mtime is a whole second between 2000 and 2020: never in the future, and
// zip's and tar's formats can hold it.
const (
	epoch      = 946684800 // 2000-01-01T00:00:00Z, every directory's mtime
	mtimeRange = 1577836800 - epoch
)

// An id is what stat shows of a content's identity.
type id struct {
	ino   uint64
	mtime int64
}

// identity names the content where something states it, otherwise the path.
func identity(path string, f *tree.File) string {
	switch {
	case f.Digest != "":
		return f.Digest.String()
	case f.Content != nil:
		return digest.FromBytes(f.Content).String()
	}
	return "path:" + path
}

// identify derives inode number and mtime. uv's cache goes by path and mtime, so a
// changed content must have a changed mtime and the same content the same one.
func identify(name string) id {
	h := fnv.New64a()
	h.Write([]byte(name))
	sum := h.Sum64()
	// 48 bits leave overlayfs room for its layer number (xino). The low numbers
	// are spared because some programs take 0 for "no inode" and 1 for a root.
	ino := sum & (1<<48 - 1)
	if ino < 1<<16 {
		ino += 1 << 16
	}
	return id{ino: ino, mtime: epoch + int64((sum>>16)%mtimeRange)}
}

// fill writes n's attributes and returns how long the kernel may keep them:
// not at all while the size is not known.
func (s *server) fill(n *node, out *fuse.Attr) time.Duration {
	out.Ino = n.ino
	out.Nlink = 1
	out.Mtime, out.Ctime, out.Atime = uint64(n.mtime), uint64(n.mtime), uint64(n.mtime)
	if n.dir != nil {
		out.Mode = fuse.S_IFDIR | s.dirMode
		return forever
	}
	out.Mode = fuse.S_IFREG | 0o644 // as a prefetch leaves them: programs copy modes into images
	size := s.sizeNow(n)
	if size < 0 {
		return 0
	}
	out.Size = uint64(size)
	out.Blocks = (out.Size + 511) / 512
	return forever
}

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
