//go:build linux

package mount

import (
	"strconv"
	"strings"
	"time"

	"github.com/hanwen/go-fuse/v2/fuse"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// librepo (dnf4, microdnf) notes in two extended attributes that it has checked
// a file, and trusts them while the first equals st_mtime in nanoseconds. With
// them dnf opens every RPM of a transaction and reads none until it needs it, so
// all downloads start at once. They are published for digests that the lock
// states, and every byte served has been held against that digest.
const (
	xattrMtime  = "user.Librepo.checksum.mtime"
	xattrSHA256 = "user.Librepo.checksum.sha256"
)

// wantsXattrs says whether any file can have attributes. Without one the
// kernel is told that there are none at all: overlayfs asks for several at
// each lookup.
func wantsXattrs(t *tree.Tree) bool {
	for i := range t.Files {
		if hasXattrs(&t.Files[i]) {
			return true
		}
	}
	return len(t.Dirs) > 0 // their files are not known yet
}

func hasXattrs(f *tree.File) bool {
	return f != nil && f.Digest.Algorithm() == "sha256" && strings.HasSuffix(f.Path, ".rpm")
}

// GetXAttr answers ENODATA to everything but librepo's two names, from memory.
func (s *server) GetXAttr(_ <-chan struct{}, header *fuse.InHeader, name string, dest []byte) (uint32, fuse.Status) {
	if !s.xattrs {
		return 0, fuse.ENOSYS
	}
	n, code := s.node(header.NodeId)
	if !code.Ok() {
		return 0, code
	}
	if !hasXattrs(n.file) {
		return 0, fuse.ENODATA
	}
	switch name {
	case xattrMtime:
		return answer(dest, strconv.FormatInt(n.mtime*int64(time.Second), 10))
	case xattrSHA256:
		return answer(dest, n.file.Digest.Hex())
	}
	return 0, fuse.ENODATA
}

// ListXAttr names the attributes, each with a NUL behind it (listxattr(2)).
func (s *server) ListXAttr(_ <-chan struct{}, header *fuse.InHeader, dest []byte) (uint32, fuse.Status) {
	if !s.xattrs {
		return 0, fuse.ENOSYS
	}
	n, code := s.node(header.NodeId)
	if !code.Ok() {
		return 0, code
	}
	if !hasXattrs(n.file) {
		return 0, fuse.OK
	}
	return answer(dest, xattrMtime+"\x00"+xattrSHA256+"\x00")
}

// answer follows getxattr(2): a buffer that is too small is ERANGE with the size needed.
func answer(dest []byte, value string) (uint32, fuse.Status) {
	if len(dest) < len(value) {
		return uint32(len(value)), fuse.ERANGE
	}
	return uint32(copy(dest, value)), fuse.OK
}
