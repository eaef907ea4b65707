package store

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// PutKey is Put for content of which no digest is known: a lock file that
// states none. It is stored under its own digest, and found again by key (see
// GetKey). It is never continued from an earlier try, so p.Offset() is 0.
//
// A key may be any string; only its hash is kept. Begin it with what it is
// ("url:", "repodata:"), so that keys of different callers never meet.
func (s *Store) PutKey(ctx context.Context, key string, size int64, fill Fill) (*os.File, Info, error) {
	return s.put(ctx, keyRef(key), size, nil, fill)
}

// Make returns the content that belongs to a recipe's key, and calls produce to
// make it when the store has none. What produce writes must depend on the key
// alone: two processes with the same key share one result. It blocks like Put.
func (s *Store) Make(ctx context.Context, key string, produce func(ctx context.Context, w io.Writer) error) (*os.File, Info, error) {
	return s.put(ctx, keyRef(key), SizeUnknown, nil, func(ctx context.Context, p *Partial) error {
		return produce(ctx, p)
	})
}

// PutBytes stores b under its sha256 digest.
func (s *Store) PutBytes(ctx context.Context, b []byte) (Info, error) {
	f, info, err := s.Put(ctx, digest.FromBytes(b), int64(len(b)), func(_ context.Context, p *Partial) error {
		_, err := p.Write(b[p.Offset():])
		return err
	})
	if err != nil {
		return Info{}, err
	}
	return info, f.Close()
}

// Alias makes other a second name of the blob with digest d, after reading the
// blob and comparing. It is for content whose lock file states several digests.
// Errors to expect: fs.ErrNotExist, *MismatchError, ErrReadOnly.
func (s *Store) Alias(d, other digest.Digest) error {
	r, err := digestRef(other)
	if err != nil {
		return err
	}
	if err := s.writable(); err != nil {
		return err
	}
	f, info, err := s.Get(d)
	if err != nil {
		return err
	}
	defer f.Close()
	got, err := digestOf(r.want(), f, info.Size)
	if err != nil {
		return fmt.Errorf("reading blob %s: %w", info.Digest, err)
	}
	if got != r.want() {
		return &MismatchError{Want: r.want(), Got: got, WantSize: SizeUnknown, GotSize: info.Size}
	}
	return asReadOnly(s.setAlias(r, info.Digest))
}
