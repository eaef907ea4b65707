package store

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"

	"github.com/lazybuild/lazybuild/internal/failpoint"
)

// tmpPrefix begins the names of small files on their way; no digest or key does.
const tmpPrefix = "tmp-"

// writeSmall replaces a small rebuildable file in one step: readers see the old
// content or the new. There is no fsync, on purpose. A power cut can only lose
// the file or leave it empty, which readers take for "not there"; an fsync for
// every alias and facts file would double the cost of a blob.
func (s *Store) writeSmall(name string, data []byte, label string) (err error) {
	tmp := path.Join(partialDir, tmpPrefix+rand.Text())
	var f *os.File
	err = failpoint.Step(label+".create", func() (err error) {
		f, err = s.root.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		return err
	})
	if f != nil {
		defer f.Close()
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			s.root.Remove(tmp)
		}
	}()
	if err := failpoint.Step(label+".write", func() error { _, err := f.Write(data); return err }); err != nil {
		return err
	}
	return failpoint.Step(label+".rename", func() error { return s.renameInto(tmp, name) })
}

// renameInto renames and makes the target's directories when they are missing.
func (s *Store) renameInto(from, to string) error {
	err := s.root.Rename(from, to)
	if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := s.root.MkdirAll(path.Dir(to), 0o700); err != nil {
		return err
	}
	return s.root.Rename(from, to)
}

// readSmall reads at most limit bytes of a regular file.
func (s *Store) readSmall(name string, limit int64) ([]byte, error) {
	f, _, err := s.openRegular(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err == nil && int64(len(data)) > limit {
		err = fmt.Errorf("reading %q: longer than %d bytes", name, limit)
	}
	return data, err
}

// errNotRegular is what stands where a file should be: a link, a pipe, a directory.
var errNotRegular = errors.New("not a regular file")

// openRegular opens for reading what is a regular file itself: a symbolic link
// to another file of the store could serve the wrong content, and opening a pipe
// would wait for ever.
func (s *Store) openRegular(name string) (*os.File, fs.FileInfo, error) {
	f, ok, err := openBeneath(s.top, name)
	if !ok {
		f, err = s.openInRoot(name)
	}
	if err != nil {
		return nil, nil, err
	}
	fi, err := f.Stat()
	if err == nil && !fi.Mode().IsRegular() {
		err = fmt.Errorf("opening %q: %w", name, errNotRegular)
	}
	if err != nil {
		f.Close()
		return nil, nil, err
	}
	return f, fi, nil
}

// openInRoot is openBeneath for every system. os.Root follows links that stay
// in the store, so the file is compared with what its name alone stands for.
func (s *Store) openInRoot(name string) (*os.File, error) {
	for {
		there, err := s.root.Lstat(name)
		if err != nil {
			return nil, err
		}
		if !there.Mode().IsRegular() {
			return nil, fmt.Errorf("opening %q: %w", name, errNotRegular)
		}
		f, err := s.root.Open(name)
		if err != nil {
			return nil, err
		}
		fi, err := f.Stat()
		if err == nil && os.SameFile(fi, there) {
			return f, nil
		}
		f.Close()
		if err != nil {
			return nil, err
		}
		// Replaced between the two steps: look again.
	}
}
