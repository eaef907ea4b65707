package store

import (
	"context"
	"io"
	"os"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// digestOf computes the digest of an open blob in want's algorithm.
func digestOf(want digest.Digest, f *os.File, size int64) (digest.Digest, error) {
	if want.NeedsFile() {
		return digest.FromFile(want.Algorithm(), f, size)
	}
	h := want.Hash()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return digest.FromHash(want.Algorithm(), h), nil
}

// fromFile is digest.FromFile for a caller who may go away: an archive of half a
// gigabyte takes seconds to unpack.
func fromFile(ctx context.Context, algo string, r io.ReaderAt, size int64) (digest.Digest, error) {
	return digest.FromFile(algo, contextReader{ctx, r}, size)
}

// contextReader fails when its context is done. The context is that of the one
// call for which the reader is made.
type contextReader struct {
	ctx context.Context
	r   io.ReaderAt
}

// ReadAt implements io.ReaderAt.
func (c contextReader) ReadAt(b []byte, off int64) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.ReadAt(b, off)
}
