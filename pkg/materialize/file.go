package materialize

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/lazybuild/lazybuild/internal/failpoint"
	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// tmpPrefix begins the names of files that are not whole yet.
const tmpPrefix = ".lazybuild-tmp-"

// diskError is about the directory, not about the file's content: it ends the run.
type diskError struct{ err error }

func (e *diskError) Error() string { return e.err.Error() }
func (e *diskError) Unwrap() error { return e.err }

func onDisk(doing, path string, err error) error {
	return &diskError{fmt.Errorf("%s %s: %w", doing, path, err)}
}

// mtime is what the tree shows for the file: it follows from the content.
func mtime(f *tree.File, path string) time.Time {
	_, sec := f.Identity(path)
	return time.Unix(sec, 0)
}

// there says that the file at path is f already.
func (w *writer) there(f *tree.File, path string, size int64, known bool) bool {
	fi, err := w.root.Lstat(path)
	if err != nil || !fi.Mode().IsRegular() || known && fi.Size() != size || fi.Mode()&0o111 != 0 != f.Exec {
		return false
	}
	if f.Content == nil && !w.o.Check {
		return fi.ModTime().Equal(mtime(f, path)) || w.o.Link && fi.Mode().Perm() == 0o444
	}
	return w.matches(f, path)
}

// matches reads the file.
func (w *writer) matches(f *tree.File, path string) bool {
	if f.Digest == "" {
		return false
	}
	in, err := w.root.Open(path)
	if err != nil {
		return false
	}
	defer in.Close()
	h := f.Digest.Hash()
	if h == nil {
		return false
	}
	if _, err := io.Copy(h, in); err != nil {
		return false
	}
	return digest.FromHash(f.Digest.Algorithm(), h) == f.Digest
}

// put gets the content and gives it its name. A *diskError ends the run.
func (w *writer) put(ctx context.Context, f *tree.File, path string) (int64, error) {
	if f.Content != nil {
		return int64(len(f.Content)), w.write(f, path, func(out *os.File) error {
			_, err := io.Copy(out, bytes.NewReader(f.Content))
			return err
		})
	}
	b := w.src.Open(f)
	defer b.Close()
	in, err := b.Wait(ctx)
	if err != nil {
		return 0, err
	}
	offset, size := int64(0), f.Size
	if f.Part != nil {
		offset = f.Part.Offset
	} else if fi, err := in.Stat(); err == nil {
		size = fi.Size()
	}
	if w.o.Link && f.Part == nil && w.link(in, path) == nil {
		return size, nil
	}
	return size, w.write(f, path, func(out *os.File) error { return copyRange(out, in, offset, size) })
}

// write makes the file beside its place and moves it there when it is whole.
func (w *writer) write(f *tree.File, name string, fill func(*os.File) error) (err error) {
	tmp, err := w.beside(name)
	if err != nil {
		return err
	}
	mode := fs.FileMode(0o644)
	if f.Exec {
		mode = 0o755
	}
	var out *os.File
	err = failpoint.Step("file.create", func() (err error) {
		out, err = w.root.OpenFile(tmp, os.O_RDWR|os.O_CREATE|os.O_EXCL, mode)
		return err
	})
	if err != nil {
		if out != nil {
			out.Close()
			_ = w.root.Remove(tmp)
		}
		return onDisk("writing", name, err)
	}
	err = failpoint.Step("file.write", func() error { return fill(out) })
	if cerr := out.Close(); err == nil {
		err = cerr
	}
	at := mtime(f, name)
	if err == nil {
		err = failpoint.Step("file.chtimes", func() error { return w.root.Chtimes(tmp, at, at) })
	}
	if err == nil {
		err = w.place(tmp, name)
	}
	if err != nil {
		_ = w.root.Remove(tmp)
		return onDisk("writing", name, err)
	}
	return nil
}

// place gives a whole file its name. A directory in its place is not ours.
func (w *writer) place(tmp, name string) error {
	if fi, err := w.root.Lstat(name); err == nil && fi.IsDir() {
		return errors.New("a directory stands in its place; remove it")
	}
	return failpoint.Step("file.rename", func() error { return w.root.Rename(tmp, name) })
}

// beside makes the directories on the way to name and returns the name of a
// file in the last of them that does not exist.
func (w *writer) beside(name string) (string, error) {
	dir := path.Dir(name)
	if err := w.root.MkdirAll(dir, 0o755); err != nil {
		return "", onDisk("making the directory of", name, err)
	}
	return path.Join(dir, tmpPrefix+rand.Text()), nil
}

// sweep removes what a killed run has left in a directory.
func sweep(root *os.Root, dir string) {
	d, err := root.Open(dir)
	if err != nil {
		return
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	for _, n := range names {
		if strings.HasPrefix(n, tmpPrefix) {
			_ = root.Remove(path.Join(dir, n))
		}
	}
}

// removeEmpty removes the directories above name that are empty now.
func removeEmpty(root *os.Root, name string) {
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if root.Remove(dir) != nil {
			return
		}
	}
}
