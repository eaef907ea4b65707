package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/lazybuild/lazybuild/internal/failpoint"
	"github.com/lazybuild/lazybuild/pkg/digest"
)

// Fill writes content into p, beginning at p.Offset(). When it returns nil, the
// content must be whole; an error keeps what there is for the next try (unless
// that can't be of use) and comes out of Put unchanged in its chain.
type Fill func(ctx context.Context, p *Partial) error

// Put returns the blob with digest want, and calls fill to make it when the
// store has none. size is that of the whole content in bytes, or SizeUnknown.
//
// Over all processes, one caller fills; the others wait and then find the blob.
// When the filling caller fails or dies, the next one continues. fill may be
// called a second time when what an earlier try had left turns out to be wrong,
// and not at all when it turns out to be complete.
//
// Put blocks until the blob is there, fill has failed, or ctx is done (fill has
// to heed ctx itself). Errors to expect: *MismatchError, *NoSpaceError or another
// one with syscall.ENOSPC, ErrReadOnly, ctx's, and fill's. The caller closes the
// file; see Get.
func (s *Store) Put(ctx context.Context, want digest.Digest, size int64, fill Fill) (*os.File, Info, error) {
	r, err := digestRef(want)
	if err != nil {
		return nil, Info{}, err
	}
	return s.put(ctx, r, size, nil, fill)
}

// put is Put for a View; nil is one that sees everything and holds nothing.
func (s *Store) put(ctx context.Context, r ref, size int64, v *View, fill Fill) (*os.File, Info, error) {
	f, info, err := s.getSized(r, size, v)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, info, err
	}
	if err := s.writable(); err != nil {
		return nil, Info{}, err
	}
	unlock, err := s.lock(ctx, r.name())
	if err != nil {
		return nil, Info{}, asReadOnly(err)
	}
	defer unlock()
	// Whoever had the lock before may have made the blob.
	f, info, err = s.getSized(r, size, v)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, info, err
	}
	return s.write(ctx, r, size, v, fill)
}

// getSized is get for a caller who knows the size, of what the View sees.
func (s *Store) getSized(r ref, size int64, v *View) (*os.File, Info, error) {
	if v != nil && r.want() != "" {
		if err := v.mayRead(r.want()); err != nil {
			return nil, Info{}, err
		}
	}
	f, info, err := s.get(r)
	if err == nil && size >= 0 && info.Size != size {
		f.Close()
		return nil, Info{}, &MismatchError{Want: r.want(), Got: r.want(), WantSize: size, GotSize: info.Size}
	}
	return f, info, err
}

// write fills and commits under the lock of r. Content that does not match
// although it was continued may have had its fault in the old bytes (a power cut
// can leave any), so it is tried once more, from the start.
func (s *Store) write(ctx context.Context, r ref, size int64, v *View, fill Fill) (*os.File, Info, error) {
	f, info, err := s.writeOnce(ctx, r, size, v, fill)
	if errors.Is(err, errOldBytes) && ctx.Err() == nil {
		f, info, err = s.writeOnce(ctx, r, size, v, fill)
	}
	return f, info, err
}

// errOldBytes marks a mismatch of content that an earlier try had begun.
var errOldBytes = errors.New("continued from an earlier download")

func (s *Store) writeOnce(ctx context.Context, r ref, size int64, v *View, fill Fill) (f *os.File, info Info, err error) {
	p, err := s.openPartial(ctx, r, size, v)
	if err != nil {
		return nil, Info{}, asReadOnly(err)
	}
	defer func() {
		if f == nil && p.useless(err) { // also when fill panics
			p.drop()
		}
		p.close()
	}()
	if err := p.complete(ctx, fill); err != nil {
		if p.first > 0 && p.failed != nil && errors.As(err, new(*MismatchError)) {
			err = fmt.Errorf("%w: %w", errOldBytes, err)
		}
		return nil, Info{}, err
	}
	return s.commit(p)
}

// commit is the one way by which content becomes visible. Each step prevents a
// failure; their order matters. The lock is held, and p has passed its check.
func (s *Store) commit(p *Partial) (*os.File, Info, error) {
	info := Info{Digest: p.sum(), Size: p.offset}
	blob := blobPath(info.Digest)

	// 0444 before the blob has its name: nobody ever finds one that a stray
	// program could open for writing. Before fsync, so that it lasts.
	if err := failpoint.Step("put.chmod", func() error { return p.f.Chmod(0o444) }); err != nil {
		return nil, Info{}, err
	}
	// The caller's descriptor is opened before the rename: afterwards, gc could
	// take the blob away in between. It can't write.
	var f *os.File
	open, err := p.opener(blob)
	if err == nil {
		err = failpoint.Step("put.reopen", func() (err error) { f, err = open(); return err })
	}
	if err == nil && p.whole != nil {
		p.whole(open, info)
	}
	// The bytes are on the disk before the name is: after a power cut, a name
	// without its bytes would be a wrong blob. Late write errors show here too.
	if err == nil {
		if err = failpoint.Step("put.fsync", p.f.Sync); err != nil {
			err = p.fail(fmt.Errorf("writing to the store: %w", err))
		}
	}
	// Appears whole or not at all. Another blob of that name has the same bytes.
	// No fsync of the directory: a power cut that undoes the rename leaves a
	// partial that is whole, which the next Put finds out and renames again.
	if err == nil {
		err = failpoint.Step("put.rename", func() error { return s.renameInto(p.name, blob) })
	}
	if err != nil {
		if f != nil {
			f.Close()
		}
		return nil, Info{}, err
	}
	s.remember(p, info)
	return f, info, nil
}

// remember notes what follows from a commit. All of it can be rebuilt, so a
// failure costs work later, and the blob is good without it.
func (s *Store) remember(p *Partial, info Info) {
	s.sizes.Store(info.Digest, info.Size)
	err := s.addFacts(info.Digest, Facts{Size: info.Size, Verified: true, access: p.access()})
	if err == nil {
		err = s.setAlias(p.r, info.Digest)
	}
	if err != nil {
		s.log.Warn("noting what is known about a new blob", "digest", string(info.Digest), "error", err)
	}
}

// opener opens what was written for reading only, under the name that it has.
func (p *Partial) opener(blob string) (Opener, error) {
	mine, err := p.f.Stat()
	if err != nil {
		return nil, err
	}
	root, names := p.s.root, []string{p.name, blob}
	return func() (*os.File, error) {
		for _, name := range names {
			f, err := root.Open(name)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				return nil, err
			}
			if fi, err := f.Stat(); err == nil && os.SameFile(fi, mine) {
				return f, nil
			}
			f.Close() // somebody else's of that name
		}
		return nil, fmt.Errorf("opening %q: %w", blob, fs.ErrNotExist)
	}, nil
}
