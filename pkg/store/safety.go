package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

// maxLinks is how many symbolic links a path to the store may have; the kernel's limit.
const maxLinks = 40

// resolve follows the symbolic links in path and returns where it really leads;
// a rest that does not exist is kept as it is. It refuses a path that another
// user could redirect: through a directory that everybody can write to without
// the sticky bit (with it, names can't be taken over), or a link that belongs to
// somebody else.
func resolve(path string, uid int) (string, error) {
	cur, todo := "/", components(path)
	for links := 0; len(todo) > 0; {
		next := filepath.Join(cur, todo[0])
		todo = todo[1:]
		fi, err := os.Lstat(next)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			return filepath.Join(append([]string{next}, todo...)...), nil
		case err != nil:
			return "", err
		case fi.Mode()&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return "", &fs.PathError{Op: "open", Path: path, Err: syscall.ELOOP}
			}
			target, err := readLink(next, fi, uid)
			if err != nil {
				return "", err
			}
			if filepath.IsAbs(target) {
				cur = "/"
			}
			todo = append(components(target), todo...)
		case !fi.IsDir():
			return "", &fs.PathError{Op: "open", Path: next, Err: syscall.ENOTDIR}
		case fi.Mode()&0o002 != 0 && fi.Mode()&fs.ModeSticky == 0:
			return "", &UnsafeError{next, "every user can write to it", "use another directory, or chmod o-w"}
		default:
			cur = next
		}
	}
	return cur, nil
}

func components(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == filepath.Separator })
}

func readLink(path string, fi fs.FileInfo, uid int) (string, error) {
	if owner := ownerOf(fi); owner != uid && owner != 0 {
		return "", &UnsafeError{path, fmt.Sprintf("it is a symbolic link of another user (uid %d)", owner), "name the directory itself"}
	}
	return os.Readlink(path)
}

// checkOwn refuses a directory into which anybody but uid could have put something.
func checkOwn(path string, fi fs.FileInfo, uid int) error {
	if !fi.IsDir() {
		return &fs.PathError{Op: "open", Path: path, Err: syscall.ENOTDIR}
	}
	if owner := ownerOf(fi); owner != uid {
		return &UnsafeError{path, fmt.Sprintf("it belongs to another user (uid %d, not %d)", owner, uid), "set LAZYBUILD_STORE to a directory of your own"}
	}
	if fi.Mode()&0o022 != 0 {
		return &UnsafeError{path, fmt.Sprintf("others can write to it (mode %04o)", fi.Mode().Perm()), "chmod go-w, or use another directory"}
	}
	return nil
}

func ownerOf(fi fs.FileInfo) int {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}
