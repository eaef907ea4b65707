//go:build linux

package proxy

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
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
	if err := os.MkdirAll(upper, 0o755); err != nil {
		return fmt.Errorf("making a view of the build context: %w", err)
	}
	dirs := map[string]bool{"": true}
	for rel, data := range v.Files {
		if err := replaceFile(v.Lower, upper, rel, data, dirs); err != nil {
			return fmt.Errorf("making a view of the build context: %w", err)
		}
	}
	// Deepest first, and after everything has been written: writing into a
	// directory changes its time.
	for _, dir := range slices.Backward(slices.Sorted(maps.Keys(dirs))) {
		if err := copyDirAttr(filepath.Join(v.Lower, dir), filepath.Join(upper, dir)); err != nil {
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
// so that nothing but the content differs. It adds the directories on the way to
// dirs: the overlay shows upper's attributes for them too.
func replaceFile(lower, upper, rel string, data []byte, dirs map[string]bool) error {
	rel, err := insideOf(lower, rel)
	if err != nil {
		return err
	}
	dir := ""
	for _, part := range strings.Split(filepath.Dir(rel), string(filepath.Separator)) {
		dir = filepath.Join(dir, part)
		dirs[dir] = true
		if err := os.MkdirAll(filepath.Join(upper, dir), 0o755); err != nil {
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

// insideOf follows the symbolic links on the way to rel: a directory of upper
// would hide a link of lower, and with it everything behind it.
func insideOf(lower, rel string) (string, error) {
	if !filepath.IsLocal(rel) {
		return "", fmt.Errorf("%q is not inside it", rel)
	}
	dir, err := filepath.EvalSymlinks(filepath.Join(lower, filepath.Dir(rel)))
	if errors.Is(err, fs.ErrNotExist) {
		return rel, nil // a new directory
	}
	if err != nil {
		return "", err
	}
	if lower, err = filepath.EvalSymlinks(lower); err != nil {
		return "", err
	}
	dir, err = filepath.Rel(lower, dir)
	if err != nil || !filepath.IsLocal(dir) {
		return "", fmt.Errorf("%q is behind a symbolic link that leads out of it", rel)
	}
	return filepath.Join(dir, filepath.Base(rel)), nil
}

// copyDirAttr gives the directory to from's mode, owner and time. A directory
// that the context does not have yet stays as it is.
func copyDirAttr(from, to string) error {
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
