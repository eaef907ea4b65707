//go:build linux

// Package oddfs is a file system for tests that behaves as some of the users' do
// and Linux's own do not: it takes names that differ in case, or in the form of
// Unicode, for one (as a Mac's does), or has no flock (as some network file
// systems). It mirrors a directory.
package oddfs

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fs"
	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/text/unicode/norm"
)

// Options say what is odd.
type Options struct {
	// Fold takes names for one that differ in case or in the form of Unicode. The
	// first one that a file is made with is kept.
	Fold bool
	// NoLocks has flock answer ENOLCK.
	NoLocks bool
}

// Mount mounts the contents of backing at dir. The caller must call unmount.
func Mount(dir, backing string, o Options) (unmount func() error, err error) {
	root := &node{opt: o, real: backing}
	s, err := fs.Mount(dir, root, &fs.Options{MountOptions: fuse.MountOptions{
		FsName: "oddfs", Name: "oddfs", EnableLocks: o.NoLocks, DirectMount: os.Geteuid() == 0, AllowOther: os.Geteuid() == 0,
	}})
	if err != nil {
		return nil, err
	}
	return s.Unmount, nil
}

// node is a file or directory.
type node struct {
	fs.Inode
	opt Options

	mu   sync.Mutex
	real string // its path in the mirrored directory
}

var (
	_ fs.NodeLookuper  = (*node)(nil)
	_ fs.NodeGetattrer = (*node)(nil)
	_ fs.NodeSetattrer = (*node)(nil)
	_ fs.NodeReaddirer = (*node)(nil)
	_ fs.NodeMkdirer   = (*node)(nil)
	_ fs.NodeCreater   = (*node)(nil)
	_ fs.NodeOpener    = (*node)(nil)
	_ fs.NodeUnlinker  = (*node)(nil)
	_ fs.NodeRmdirer   = (*node)(nil)
	_ fs.NodeRenamer   = (*node)(nil)
	_ fs.NodeStatfser  = (*node)(nil)
	_ fs.NodeSetlker   = (*node)(nil)
	_ fs.NodeSetlkwer  = (*node)(nil)
)

func (n *node) path() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.real
}

// child is where a name of the directory is really: at a name that this file
// system takes for the same, if there is one.
func (n *node) child(name string) string {
	dir := n.path()
	if n.opt.Fold {
		entries, _ := os.ReadDir(dir)
		for _, e := range entries {
			if folded(e.Name()) == folded(name) {
				name = e.Name()
				break
			}
		}
	}
	return filepath.Join(dir, name)
}

func folded(name string) string { return norm.NFC.String(strings.ToLower(name)) }

// enter makes the node of a file that is there.
func (n *node) enter(ctx context.Context, real string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	var st syscall.Stat_t
	if err := syscall.Lstat(real, &st); err != nil {
		return nil, fs.ToErrno(err)
	}
	out.FromStat(&st)
	in := n.NewInode(ctx, &node{opt: n.opt, real: real}, fs.StableAttr{Mode: st.Mode & syscall.S_IFMT, Ino: st.Ino})
	if known, ok := in.Operations().(*node); ok {
		known.mu.Lock()
		known.real = real
		known.mu.Unlock()
	}
	return in, 0
}

// Lookup implements fs.NodeLookuper.
func (n *node) Lookup(ctx context.Context, name string, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	return n.enter(ctx, n.child(name), out)
}

// Getattr implements fs.NodeGetattrer.
func (n *node) Getattr(ctx context.Context, f fs.FileHandle, out *fuse.AttrOut) syscall.Errno {
	if g, ok := f.(fs.FileGetattrer); ok {
		return g.Getattr(ctx, out)
	}
	var st syscall.Stat_t
	if err := syscall.Lstat(n.path(), &st); err != nil {
		return fs.ToErrno(err)
	}
	out.FromStat(&st)
	return 0
}

// Setattr implements fs.NodeSetattrer.
func (n *node) Setattr(ctx context.Context, _ fs.FileHandle, in *fuse.SetAttrIn, out *fuse.AttrOut) syscall.Errno {
	real := n.path()
	var errs []error
	if mode, ok := in.GetMode(); ok {
		errs = append(errs, syscall.Chmod(real, mode))
	}
	if size, ok := in.GetSize(); ok {
		errs = append(errs, syscall.Truncate(real, int64(size)))
	}
	mtime, ok := in.GetMTime()
	if ok {
		errs = append(errs, os.Chtimes(real, mtime, mtime))
	}
	for _, err := range errs {
		if err != nil {
			return fs.ToErrno(err)
		}
	}
	return n.Getattr(ctx, nil, out)
}

// Readdir implements fs.NodeReaddirer.
func (n *node) Readdir(context.Context) (fs.DirStream, syscall.Errno) {
	return fs.NewLoopbackDirStream(n.path())
}

// Mkdir implements fs.NodeMkdirer.
func (n *node) Mkdir(ctx context.Context, name string, mode uint32, out *fuse.EntryOut) (*fs.Inode, syscall.Errno) {
	real := n.child(name)
	if err := syscall.Mkdir(real, mode); err != nil {
		return nil, fs.ToErrno(err)
	}
	return n.enter(ctx, real, out)
}

// Create implements fs.NodeCreater.
func (n *node) Create(ctx context.Context, name string, flags, mode uint32, out *fuse.EntryOut) (*fs.Inode, fs.FileHandle, uint32, syscall.Errno) {
	real := n.child(name)
	fd, err := syscall.Open(real, int(flags)&^syscall.O_APPEND|syscall.O_CREAT, mode)
	if err != nil {
		return nil, nil, 0, fs.ToErrno(err)
	}
	in, errno := n.enter(ctx, real, out)
	return in, fs.NewLoopbackFile(fd), 0, errno
}

// Open implements fs.NodeOpener.
func (n *node) Open(_ context.Context, flags uint32) (fs.FileHandle, uint32, syscall.Errno) {
	fd, err := syscall.Open(n.path(), int(flags)&^syscall.O_APPEND, 0)
	if err != nil {
		return nil, 0, fs.ToErrno(err)
	}
	return fs.NewLoopbackFile(fd), 0, 0
}

// Unlink implements fs.NodeUnlinker.
func (n *node) Unlink(_ context.Context, name string) syscall.Errno {
	return fs.ToErrno(syscall.Unlink(n.child(name)))
}

// Rmdir implements fs.NodeRmdirer.
func (n *node) Rmdir(_ context.Context, name string) syscall.Errno {
	return fs.ToErrno(syscall.Rmdir(n.child(name)))
}

// Rename implements fs.NodeRenamer. Only files are renamed here.
func (n *node) Rename(_ context.Context, name string, parent fs.InodeEmbedder, to string, _ uint32) syscall.Errno {
	target, ok := parent.(*node)
	if !ok {
		return syscall.EXDEV
	}
	old, real := n.child(name), target.child(to)
	if err := syscall.Rename(old, real); err != nil {
		return fs.ToErrno(err)
	}
	if in := n.GetChild(name); in != nil {
		if moved, ok := in.Operations().(*node); ok {
			moved.mu.Lock()
			moved.real = real
			moved.mu.Unlock()
		}
	}
	return 0
}

// Statfs implements fs.NodeStatfser.
func (n *node) Statfs(_ context.Context, out *fuse.StatfsOut) syscall.Errno {
	var st syscall.Statfs_t
	if err := syscall.Statfs(n.path(), &st); err != nil {
		return fs.ToErrno(err)
	}
	out.FromStatfsT(&st)
	return 0
}

// Setlk implements fs.NodeSetlker; it is called with NoLocks alone.
func (n *node) Setlk(context.Context, fs.FileHandle, uint64, *fuse.FileLock, uint32) syscall.Errno {
	return syscall.ENOLCK
}

// Setlkw implements fs.NodeSetlkwer.
func (n *node) Setlkw(context.Context, fs.FileHandle, uint64, *fuse.FileLock, uint32) syscall.Errno {
	return syscall.ENOLCK
}
