package store

import (
	"errors"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// openBeneath opens for reading what is a regular file below dir, with no
// symbolic link anywhere in its name, in two system calls where os.Root needs a
// dozen: a build opens ten thousand blobs. ok is false where the kernel (before
// 5.6) or a seccomp filter doesn't have openat2(2).
func openBeneath(dir *os.File, name string) (f *os.File, ok bool, err error) {
	at := int(dir.Fd())
	// A pipe would block the open for ever.
	var st unix.Stat_t
	if err := unix.Fstatat(at, name, &st, unix.AT_SYMLINK_NOFOLLOW); err != nil {
		return nil, true, &os.PathError{Op: "open", Path: name, Err: err}
	}
	if st.Mode&unix.S_IFMT != unix.S_IFREG {
		return nil, true, &os.PathError{Op: "open", Path: name, Err: errNotRegular}
	}
	how := unix.OpenHow{Flags: unix.O_RDONLY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_BENEATH | unix.RESOLVE_NO_SYMLINKS}
	var fd int
	for {
		fd, err = unix.Openat2(at, name, &how)
		if err != unix.EINTR && err != unix.EAGAIN {
			break
		}
	}
	switch {
	case err == nil:
		return os.NewFile(uintptr(fd), filepath.Join(dir.Name(), name)), true, nil
	case errors.Is(err, unix.ENOSYS), errors.Is(err, unix.EPERM):
		return nil, false, nil
	}
	return nil, true, &os.PathError{Op: "open", Path: name, Err: err}
}
