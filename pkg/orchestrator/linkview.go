package orchestrator

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// linkView makes at dir a copy of the build context in which some files are
// others (by their path in the original): what the proxy's overlay is for a
// local build. A remote podman reads the context on this machine, which may
// have no overlays, and may be no Linux.
//
// Files are hard links where that is possible: the copy costs no room, and
// podman only reads it. Elsewhere (another file system, somebody else's file)
// they are copied. Modes and times stay as they are; owners podman does not send.
func linkView(context, dir string, files map[string][]byte) error {
	v := &viewMaker{from: context, to: dir}
	err := filepath.WalkDir(context, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(context, path)
		if err != nil {
			return err
		}
		if path == dir { // the copy itself, in a context that holds TMPDIR
			return filepath.SkipDir
		}
		if _, other := files[path]; other {
			return nil // written below
		}
		return v.add(rel, d)
	})
	for path, data := range files {
		if err == nil {
			err = v.replace(path, data)
		}
	}
	// Deepest first, and after everything has been written: writing into a
	// directory changes its time.
	for i := len(v.dirs) - 1; i >= 0 && err == nil; i-- {
		err = v.finishDir(v.dirs[i])
	}
	if err != nil {
		return fmt.Errorf("making a copy of the build context: %w", err)
	}
	return nil
}

type viewMaker struct {
	from, to string
	dirs     []string // relative, in the order of the walk
}

func (v *viewMaker) add(rel string, d fs.DirEntry) error {
	from, to := filepath.Join(v.from, rel), filepath.Join(v.to, rel)
	switch {
	case d.IsDir():
		v.dirs = append(v.dirs, rel)
		return os.MkdirAll(to, 0o700)
	case d.Type() == fs.ModeSymlink:
		target, err := os.Readlink(from)
		if err != nil {
			return err
		}
		return os.Symlink(target, to)
	case !d.Type().IsRegular():
		return nil // podman sends no sockets, and nobody builds from devices
	}
	if os.Link(from, to) == nil {
		return nil
	}
	return copyFile(from, to)
}

// copyFile copies content, mode and time.
func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	info, err := in.Stat()
	if err != nil {
		return err
	}
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	return likeOriginal(to, info)
}

// replace writes one of the other files. Through the copy's root, and never into
// a file that is there: that may be a link to the user's own.
func (v *viewMaker) replace(path string, data []byte) error {
	rel, err := filepath.Rel(v.from, path)
	if err != nil || !filepath.IsLocal(rel) {
		return nil // not in the context: podman does not send it
	}
	root, err := os.OpenRoot(v.to)
	if err != nil {
		return err
	}
	defer root.Close()
	if err := root.MkdirAll(filepath.Dir(rel), 0o755); err != nil {
		return err
	}
	if err := root.Remove(rel); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	out, err := root.OpenFile(rel, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = out.Write(data)
	if err = errors.Join(err, out.Close()); err != nil {
		return err
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // a new file
	}
	if err != nil {
		return err
	}
	return errors.Join(root.Chmod(rel, info.Mode()), root.Chtimes(rel, info.ModTime(), info.ModTime()))
}

func (v *viewMaker) finishDir(rel string) error {
	info, err := os.Stat(filepath.Join(v.from, rel))
	if err != nil {
		return err
	}
	return likeOriginal(filepath.Join(v.to, rel), info)
}

func likeOriginal(path string, info fs.FileInfo) error {
	if err := os.Chmod(path, info.Mode()); err != nil {
		return err
	}
	return os.Chtimes(path, info.ModTime(), info.ModTime())
}
