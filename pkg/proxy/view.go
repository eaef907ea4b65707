//go:build linux

package proxy

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"github.com/lazybuild/lazybuild/pkg/mount"
)

// mountView shows the build context with some files replaced: an overlay whose
// lower directory is the context itself, so no data is copied and the user's
// files cannot change. The replaced files stand in its upper directory.
func (p *server) mountView() error {
	v := p.spec.View
	upper, work := filepath.Join(p.spec.Scratch, "view"), filepath.Join(p.spec.Scratch, "view-work")
	if err := copyDirAttr(v.Lower, upper); err != nil {
		return fmt.Errorf("making a view of the build context: %w", err)
	}
	for rel, data := range v.Files {
		if !filepath.IsLocal(rel) {
			return fmt.Errorf("making a view of the build context: %q is not inside it", rel)
		}
		if err := replaceFile(v.Lower, upper, rel, data); err != nil {
			return fmt.Errorf("making a view of the build context: %w", err)
		}
	}
	if err := os.MkdirAll(v.Target, 0o755); err != nil {
		return err
	}
	if err := mount.View(v.Lower, upper, work, v.Target, p.spec.BuildID, p.spec.UserXattr); err != nil {
		return err
	}
	p.undo = append(p.undo, func() error { return mount.UnmountOverlay(v.Target) })
	return nil
}

// replaceFile writes data to upper/rel with the attributes that lower/rel has,
// so that nothing but the content differs. Directories on the way get their
// originals' attributes too: the overlay shows upper's.
func replaceFile(lower, upper, rel string, data []byte) error {
	dir := ""
	for _, part := range strings.Split(filepath.Dir(rel), string(filepath.Separator)) {
		dir = filepath.Join(dir, part)
		if err := copyDirAttr(filepath.Join(lower, dir), filepath.Join(upper, dir)); err != nil {
			return err
		}
	}
	path := filepath.Join(upper, rel)
	if err := os.WriteFile(path, data, 0o600); err != nil {
		return err
	}
	info, err := os.Stat(filepath.Join(lower, rel))
	if errors.Is(err, fs.ErrNotExist) {
		return os.Chmod(path, 0o644) // a new file (.npmrc, .cargo/config.toml)
	}
	if err != nil {
		return err
	}
	return copyAttr(path, info)
}

// copyDirAttr makes the directory to with from's mode, owner and time. A
// directory that the context does not have yet is made with mode 0755.
func copyDirAttr(from, to string) error {
	if err := os.MkdirAll(to, 0o755); err != nil {
		return err
	}
	info, err := os.Stat(from)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return copyAttr(to, info)
}

func copyAttr(path string, info fs.FileInfo) error {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		if err := os.Lchown(path, int(st.Uid), int(st.Gid)); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.EPERM) {
			return err
		}
	}
	// Mode after owner: chown clears the set-user-ID bits.
	if err := os.Chmod(path, info.Mode()); err != nil {
		return err
	}
	return os.Chtimes(path, info.ModTime(), info.ModTime())
}
