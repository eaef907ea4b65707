package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/lazybuild/lazybuild/internal/failpoint"
	"github.com/lazybuild/lazybuild/pkg/digest"
)

// touchEvery is how exact the last use of a blob is known: a blob that is read
// all the time costs one write in this time.
const touchEvery = time.Hour

// Get opens the blob with digest d for reading. The error is one for which
// errors.Is(err, fs.ErrNotExist) holds when the store has none, or had a damaged
// one (*CorruptError). It never waits for a writer. The caller closes the file;
// its content never changes, even when the blob is removed meanwhile. The file
// may be shared with other goroutines through ReadAt only.
func (s *Store) Get(d digest.Digest) (*os.File, Info, error) {
	r, err := digestRef(d)
	if err != nil {
		return nil, Info{}, err
	}
	return s.get(r)
}

// GetKey is Get for content that was put with a key (PutKey, Make).
func (s *Store) GetKey(key string) (*os.File, Info, error) { return s.get(keyRef(key)) }

// Stat is Get without opening the file and without counting as a use.
func (s *Store) Stat(d digest.Digest) (Info, error) {
	r, err := digestRef(d)
	if err != nil {
		return Info{}, err
	}
	sum, err := s.sum(r)
	if err != nil {
		return Info{}, err
	}
	fi, err := s.root.Lstat(blobPath(sum))
	if err != nil {
		return Info{}, err
	}
	return s.checked(sum, fi)
}

func (s *Store) get(r ref) (*os.File, Info, error) {
	sum, err := s.sum(r)
	if err != nil {
		return nil, Info{}, err
	}
	f, fi, err := s.openRegular(blobPath(sum))
	if errors.Is(err, errNotRegular) {
		return nil, Info{}, s.corrupt(sum, err.Error())
	}
	if err != nil {
		return nil, Info{}, err
	}
	info, err := s.checked(sum, fi)
	if err != nil {
		f.Close()
		return nil, Info{}, err
	}
	s.touch(sum, fi)
	return f, info, nil
}

// checked compares what stands in the place of a blob with what was put there.
// The hash is not computed again: that is Verify's work.
func (s *Store) checked(sum digest.Digest, fi fs.FileInfo) (Info, error) {
	if !fi.Mode().IsRegular() {
		return Info{}, s.corrupt(sum, errNotRegular.Error())
	}
	if want, ok := s.verifiedSize(sum); ok && want != fi.Size() {
		return Info{}, s.corrupt(sum, fmt.Sprintf("it has %d bytes, not %d", fi.Size(), want))
	}
	return Info{Digest: sum, Size: fi.Size()}, nil
}

// touch notes the use of a blob in its modification time, which nothing else
// needs: the content never changes. A time in the future is from a clock that
// was wrong, and would keep the blob for ever.
func (s *Store) touch(sum digest.Digest, fi fs.FileInfo) {
	now := s.now()
	age := now.Sub(fi.ModTime())
	if s.readOnly || age < touchEvery && age > -touchEvery {
		return
	}
	// An error costs nothing but an early removal by GC.
	_ = s.root.Chtimes(blobPath(sum), now, now)
}

// corrupt takes a damaged blob out of the way, so that it can be fetched again,
// and keeps it for whoever wants to know what happened to the disk.
func (s *Store) corrupt(sum digest.Digest, reason string) error {
	if !s.readOnly {
		to := path.Join(quarantineDir, strings.ReplaceAll(string(sum), ":", "-"))
		err := failpoint.Step("corrupt.rename", func() error { return s.root.Rename(blobPath(sum), to) })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			// A directory can't replace a file: then it must go.
			err = s.root.RemoveAll(blobPath(sum))
		}
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("moving damaged blob %s away: %w", sum, err)
		}
	}
	err := &CorruptError{Digest: sum, Reason: reason}
	s.log.Warn(err.Error(), "digest", string(sum))
	return err
}

// sum is the sha256 digest of the content that r names; fs.ErrNotExist when the
// store has never seen it.
func (s *Store) sum(r ref) (digest.Digest, error) {
	alias := r.alias()
	if alias == "" {
		return r.want(), nil
	}
	if sum, ok := s.sums.Load(r); ok {
		return sum.(digest.Digest), nil
	}
	data, err := s.readSmall(alias, 128)
	if err != nil && !errors.Is(err, errNotRegular) {
		return "", err
	}
	sum, parseErr := digest.Parse(strings.TrimSuffix(string(data), "\n"))
	if err != nil || parseErr != nil || sum.Algorithm() != "sha256" {
		// What a power cut left, or a stranger. It is written anew with the blob.
		return "", fmt.Errorf("alias %q is not readable: %w", alias, fs.ErrNotExist)
	}
	s.knowSum(r, sum)
	return sum, nil
}

// knowSum remembers what an alias says, in memory. Only of digests: the content
// of a key may be another one, once its blob is gone.
func (s *Store) knowSum(r ref, sum digest.Digest) {
	if r.want() != "" {
		s.sums.Store(r, sum)
	}
}

// setAlias writes down which content r names.
func (s *Store) setAlias(r ref, sum digest.Digest) error {
	alias := r.alias()
	if alias == "" {
		return nil
	}
	s.knowSum(r, sum)
	return s.writeSmall(alias, []byte(string(sum)+"\n"), "alias")
}
