//go:build unix

package content

import (
	"os"

	"golang.org/x/sys/unix"
)

// diskOf says how much room the disk of a directory has, in bytes.
func diskOf(dir string) (free, total int64, err error) {
	var st unix.Statfs_t
	err = unix.Statfs(dir, &st)
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize), err
}

// duplicate gives another descriptor of an open file. Only ReadAt may be used
// on either: they share their position.
func duplicate(f *os.File) (*os.File, error) {
	fd, err := unix.FcntlInt(f.Fd(), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, err
	}
	return os.NewFile(uintptr(fd), f.Name()), nil
}
