package materialize

import (
	"fmt"
	"io"
	"os"
	"path"

	"golang.org/x/sys/unix"
)

// copyRange gives out the size bytes of in that begin at offset. The whole of a
// file is cloned where the file system can (ioctl_ficlone(2)). in is the
// caller's alone: its position is moved.
func copyRange(out, in *os.File, offset, size int64) error {
	if offset == 0 && unix.IoctlFileClone(int(out.Fd()), int(in.Fd())) == nil {
		return out.Truncate(size)
	}
	if _, err := in.Seek(offset, io.SeekStart); err != nil {
		return err
	}
	// os.File copies within the kernel where it can (copy_file_range(2)).
	n, err := io.Copy(out, io.LimitReader(in, size))
	if err == nil && n != size {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// link gives an open blob another name.
func (w *writer) link(in *os.File, name string) error {
	tmp, err := w.beside(name)
	if err != nil {
		return err
	}
	dir, err := w.root.Open(path.Dir(name))
	if err != nil {
		return err
	}
	defer dir.Close()
	from := fmt.Sprintf("/proc/self/fd/%d", in.Fd())
	if err := unix.Linkat(unix.AT_FDCWD, from, int(dir.Fd()), path.Base(tmp), unix.AT_SYMLINK_FOLLOW); err != nil {
		return err
	}
	if err := w.place(tmp, name); err != nil {
		_ = w.root.Remove(tmp)
		return err
	}
	return nil
}
