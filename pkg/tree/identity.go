package tree

import (
	"hash/fnv"
	"time"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// Every mtime is a whole second between 2000 and 2020: never in the future, and
// zip's and tar's formats can hold it.
const (
	epoch      = 946684800 // 2000-01-01T00:00:00Z
	mtimeRange = 1577836800 - epoch
)

// DirMtime is the modification time of every directory, in seconds since 1970.
const DirMtime int64 = epoch

// Mtime is the modification time of a file, wherever the tree is shown: the same
// content has the same time in every build. uv's cache goes by path and mtime,
// so a changed content must have a changed time.
func (f *File) Mtime() time.Time {
	_, mtime := f.Identity(f.Path)
	return time.Unix(mtime, 0)
}

// Identity derives an inode number and an mtime (seconds since 1970) from the
// content where something states it, otherwise from path, which is that below
// the output directory: files of generated directories have shorter ones.
func (f *File) Identity(path string) (ino uint64, mtime int64) {
	return identify(f.identity(path))
}

// DirIdentity is Identity for a directory.
func DirIdentity(path string) (ino uint64, mtime int64) {
	ino, _ = identify("dir:" + path)
	return ino, DirMtime
}

func (f *File) identity(path string) string {
	switch {
	case f.Digest != "":
		return f.Digest.String()
	case f.Content != nil:
		return digest.FromBytes(f.Content).String()
	case f.Make != nil:
		return f.Make.Key()
	}
	return "path:" + path
}

func identify(name string) (ino uint64, mtime int64) {
	h := fnv.New64a()
	h.Write([]byte(name))
	sum := h.Sum64()
	// 48 bits leave overlayfs room for its layer number (xino). The low numbers
	// are spared because some programs take 0 for "no inode" and 1 for a root.
	ino = sum & (1<<48 - 1)
	if ino < 1<<16 {
		ino += 1 << 16
	}
	return ino, epoch + int64((sum>>16)%mtimeRange)
}
