//go:build unix

package content

import "golang.org/x/sys/unix"

// diskOf says how much room the disk of a directory has, in bytes.
func diskOf(dir string) (free, total int64, err error) {
	var st unix.Statfs_t
	err = unix.Statfs(dir, &st)
	return int64(st.Bavail) * int64(st.Bsize), int64(st.Blocks) * int64(st.Bsize), err
}
