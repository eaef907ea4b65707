package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"syscall"

	"github.com/lazybuild/lazybuild/internal/failpoint"
	"github.com/lazybuild/lazybuild/pkg/digest"
)

// Partial is content on its way into the store. The function that fills it
// writes the bytes in order, from Offset on. A Partial is valid until that
// function returns, and is for one goroutine at a time.
type Partial struct {
	s    *Store
	f    *os.File
	r    ref
	name string

	want   int64 // the size that the caller of Put knows, or SizeUnknown
	stated int64 // the size that the origin has stated, or SizeUnknown
	offset int64
	first  int64 // offset at the start: bytes of an earlier try
	room   reservation

	sha256 hash.Hash
	other  hash.Hash // of the wanted algorithm; nil when that is sha256, none, or one of whole files
	by     []Holder  // whose credentials the content came by
	failed error     // the first error of a write: what is on disk is in doubt
	done   bool
	whole  func(Opener, Info)
}

// openPartial opens what an earlier try has left, or makes a new file. The lock
// of r must be held. Content without a digest is never continued: nothing could
// tell whether the two halves belong together.
func (s *Store) openPartial(ctx context.Context, r ref, size int64, v *View) (*Partial, error) {
	p := &Partial{s: s, r: r, name: v.partialName(r), want: size, stated: SizeUnknown, room: reservation{s: s}}
	p.newHashes()
	if err := p.openFile(); err != nil {
		return nil, err
	}
	err := p.rehash(ctx)
	if err == nil && (r.want() == "" || size >= 0 && p.offset > size) {
		err = p.Reset()
	}
	if err == nil {
		if p.first = p.offset; p.first > 0 && v != nil {
			p.CameBy(v.by...) // nobody knows by which of them the first bytes came
		}
		p.room.written, p.room.until = p.offset, p.offset
		err = p.reserve()
	}
	if err != nil {
		if noRoom(err) {
			p.drop()
		}
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *Partial) openFile() error {
	root := p.s.root
	fi, err := root.Lstat(p.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return failpoint.Step("put.create", p.create)
	case err != nil:
		return err
	case !fi.Mode().IsRegular():
		// Not ours, whatever it is. RemoveAll does not follow links.
		if err := root.RemoveAll(p.name); err != nil {
			return err
		}
		return p.create()
	}
	if fi.Mode().Perm() != 0o600 {
		// The writer before died between chmod and rename.
		if err := root.Chmod(p.name, 0o600); err != nil {
			return err
		}
	}
	p.f, err = root.OpenFile(p.name, os.O_RDWR, 0)
	return err
}

func (p *Partial) create() (err error) {
	p.f, err = p.s.root.OpenFile(p.name, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	return err
}

func (p *Partial) newHashes() {
	p.sha256 = sha256.New()
	if want := p.r.want(); want != "" && want.Algorithm() != "sha256" && !want.NeedsFile() {
		p.other = want.Hash()
	}
}

func (p *Partial) hash(b []byte) {
	p.sha256.Write(b)
	if p.other != nil {
		p.other.Write(b)
	}
}

// rehash reads what is there, from the disk and not from anybody's memory of
// it, and leaves the file's position at its end.
func (p *Partial) rehash(ctx context.Context) error {
	fi, err := p.f.Stat()
	if err != nil {
		return fmt.Errorf("reading partial %q: %w", p.name, err)
	}
	if fi.Size() == 0 {
		return nil // nearly all: a buffer for each would be the dearest part of a small blob
	}
	buf := make([]byte, 1<<20)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := p.f.Read(buf)
		p.hash(buf[:n])
		p.offset += int64(n)
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading partial %q: %w", p.name, err)
		}
	}
}

// WhenWhole has do called as soon as the content is whole and has passed its
// check, before it is on the disk: whoever only wants to read it need not wait
// for the disk. open opens it for reading, each time anew; it may be called as
// long as the Store is open, and returns fs.ErrNotExist once the content is gone.
// do must not block. It is not called when Put fails before that, and Put may
// still fail after it: the content was right then, but could not be kept.
func (p *Partial) WhenWhole(do func(open Opener, info Info)) { p.whole = do }

// Opener opens a content for reading. The caller closes the file.
type Opener func() (*os.File, error)

// Offset is how many bytes are there, hashed: where the next Write goes, and
// where a request for the rest has to begin.
func (p *Partial) Offset() int64 { return p.offset }

// Size is how long the whole content will be, in bytes, as far as anybody has
// said, or SizeUnknown.
func (p *Partial) Size() int64 {
	if p.want >= 0 {
		return p.want
	}
	return p.stated
}

// SetSize tells the length of the whole content (not of the rest) as the origin
// states it, before the bytes come. It returns a *MismatchError when that can't
// be the content that was asked for, and a *NoSpaceError when it can't be stored.
func (p *Partial) SetSize(n int64) error {
	if n < 0 {
		return nil
	}
	if p.want >= 0 && n != p.want {
		return &MismatchError{Want: p.r.want(), WantSize: p.want, GotSize: n}
	}
	if n < p.offset {
		// Either the origin or what is there is wrong. Were it kept, every
		// later try would end here again.
		return p.fail(&MismatchError{Want: p.r.want(), WantSize: n, GotSize: p.offset})
	}
	p.stated = n
	return p.reserve()
}

// Reset throws away what is there, because the origin sends the content from
// its start or because it was wrong. The origin's size is forgotten too.
func (p *Partial) Reset() error {
	if p.done {
		return os.ErrClosed
	}
	err := failpoint.Step("put.truncate", func() error { return p.f.Truncate(0) })
	if err == nil {
		_, err = p.f.Seek(0, io.SeekStart)
	}
	if err != nil {
		return p.fail(err)
	}
	p.offset, p.first, p.stated, p.failed, p.by = 0, 0, SizeUnknown, nil, nil
	p.room.wrote(0)
	p.newHashes()
	return nil
}

// Write appends b. Once a Write has failed, all later ones fail with the same
// error, and so does Put, whatever the filling function returns.
func (p *Partial) Write(b []byte) (int, error) {
	switch {
	case p.done:
		return 0, os.ErrClosed
	case p.failed != nil:
		return 0, p.failed
	}
	end := p.offset + int64(len(b))
	if size := p.Size(); size >= 0 && end > size {
		return 0, p.fail(&MismatchError{Want: p.r.want(), WantSize: size, GotSize: end})
	}
	if err := p.room.need(end); err != nil {
		return 0, p.fail(err)
	}
	var n int
	err := failpoint.Step("put.write", func() (err error) { n, err = p.f.Write(b); return err })
	p.hash(b[:n])
	p.offset += int64(n)
	p.room.wrote(p.offset)
	if err != nil {
		return n, p.fail(fmt.Errorf("writing to the store: %w", err))
	}
	return n, nil
}

func (p *Partial) fail(err error) error {
	p.failed = err
	return err
}

// reserve finds out before the first byte whether all of them will fit.
func (p *Partial) reserve() error {
	if size := p.Size(); size >= 0 {
		return p.room.grow(size)
	}
	return nil
}

// sum is the sha256 digest of what is there.
func (p *Partial) sum() digest.Digest { return digest.FromHash("sha256", p.sha256) }

// got is the digest of what is there in the wanted algorithm. The error says why
// it has none, or is ctx's.
func (p *Partial) got(ctx context.Context) (digest.Digest, error) {
	switch {
	case p.r.want().NeedsFile():
		return fromFile(ctx, p.r.kind, p.f, p.offset)
	case p.other != nil:
		return digest.FromHash(p.r.kind, p.other), nil
	}
	return p.sum(), nil
}

// complete has the rest filled in, and checks the whole. An earlier try may have
// died between its last byte and the rename: then there is no rest.
func (p *Partial) complete(ctx context.Context, fill Fill) error {
	if p.first > 0 && p.check(ctx) == nil {
		return nil
	}
	err := fill(ctx, p)
	if p.failed != nil && !errors.Is(err, p.failed) {
		err = errors.Join(p.failed, err) // fill has not listened to Write
	}
	if err != nil {
		return err
	}
	err = p.check(ctx)
	if errors.As(err, new(*MismatchError)) {
		return p.fail(err)
	}
	return err // nil, or ctx's: what is there may be right
}

// check compares what is there with what was asked for.
func (p *Partial) check(ctx context.Context) error {
	want, size := p.r.want(), p.Size()
	if size >= 0 && p.offset != size {
		return &MismatchError{Want: want, WantSize: size, GotSize: p.offset}
	}
	if want == "" {
		return nil
	}
	got, err := p.got(ctx)
	if ctx.Err() != nil && err != nil {
		return ctx.Err()
	}
	if got != want {
		return &MismatchError{Want: want, Got: got, WantSize: size, GotSize: p.offset, Why: err}
	}
	return nil
}

// close ends the Partial; the file stays.
func (p *Partial) close() {
	p.done = true
	p.room.release()
	p.f.Close()
}

// drop removes the file, so that its bytes no longer count.
func (p *Partial) drop() {
	if p.s.root.Remove(p.name) == nil {
		p.room.wrote(0)
	}
}

// useless says that what is there must not be kept for the next try, err being
// why this one has failed. That includes every failed write and fsync: after
// one, the page cache may show bytes that the disk will never have.
func (p *Partial) useless(err error) bool {
	return p.r.want() == "" || p.offset == 0 || p.failed != nil || noRoom(err)
}

// noRoom says that the disk, and not the content, was the problem: then half a
// file that nobody can complete only makes it worse.
func noRoom(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}
