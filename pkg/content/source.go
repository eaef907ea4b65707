package content

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"sync"
	"syscall"
	"time"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/store"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// Source gives a tree its content: from the store, or from the origin by way
// of the store, or made of what the origin has. There is one download per
// content, whatever number of readers, files and processes want it. All methods
// are safe for concurrent use, except that nothing may be called after Close.
type Source struct {
	// ctx is the build's lifetime. Downloads run on it and never on a reader's
	// context: an interrupted reader must not kill what others wait for.
	ctx     context.Context
	end     context.CancelFunc
	tree    *tree.Tree
	store   *store.Store
	holders holders
	view    *store.View                   // what the build's credentials let it see of the store
	client  func() (*fetch.Client, error) // waits for it
	events  Events
	allow   string // which files without a strong digest are served
	// headerClient gives the client for RPM headers; it is seldom needed.
	headerClient func() (*fetch.Client, error)

	stats *stats
	ahead *readAhead
	now   func() time.Time

	mu     sync.Mutex
	active map[string]*download // by key; failed ones stay for a while
	wg     sync.WaitGroup
	repos  map[string]*repo // generated directories under way or made, by path
	makers map[string]maker
	making chan struct{} // a token for each content that is being made
	// scratch is a directory on the store's disk; empty for one of the store's own.
	scratch string

	oldWay  *createrepo // nil: repodata comes from headers
	headers sync.Map    // digest of a package whose header was fetched, to the *rpm.Package
	spoiled sync.Map    // digest of a package whose repodata is wrong, to the error
	stated  stated      // what packages have to be held against besides
	silent  sync.Map    // repositories whose own metadata this build does not use
}

// key names the content of a file, or the one that it is a part of: its digest,
// its recipe, or its URL.
func key(f *tree.File) string {
	if f.Part != nil {
		f = f.Part.Of
	}
	if f.Make != nil {
		return "made:" + f.Make.Key()
	}
	if f.Digest != "" {
		return string(f.Digest)
	}
	if len(f.URLs) > 0 {
		return "url:" + f.URLs[0]
	}
	return "path:" + f.Path
}

// Size says how long a file is, in bytes, without waiting and without the
// network: from the lock, or from what the store remembers. false when nobody knows.
func (s *Source) Size(f *tree.File) (int64, bool) {
	switch {
	case f.Size != tree.SizeUnknown:
		return f.Size, true
	case f.Make != nil:
		return s.madeSize(f)
	case f.Digest == "":
		return 0, false
	}
	return s.store.Size(f.Digest)
}

// madeSize is the size of a content that is made, if it has been.
func (s *Source) madeSize(f *tree.File) (int64, bool) {
	file := s.stored(f)
	if file == nil {
		return 0, false
	}
	defer file.Close()
	fi, err := file.Stat()
	if err != nil {
		return 0, false
	}
	return fi.Size(), true
}

// Open says that a program has opened a file: content that is not there starts
// to be downloaded, before what is merely read ahead. It never blocks. The
// caller must Close the Blob.
func (s *Source) Open(f *tree.File) *Blob {
	b := &Blob{src: s, file: f}
	if b.content = s.stored(f); b.content != nil {
		return b
	}
	b.dl, _ = s.join(f, fetch.Demand)
	return b
}

// stored opens the content if the store has it, else nil. That of a part is the
// whole.
func (s *Source) stored(f *tree.File) *os.File {
	if f.Part != nil {
		f = f.Part.Of
	}
	if s.spoiledBy(f) != nil || s.allowed(f) != nil {
		return nil
	}
	var file *os.File
	var err error
	if f.Digest != "" {
		file, _, err = s.view.Get(f.Digest)
	} else {
		file, _, err = s.view.GetKey(key(f))
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		s.events.Send(wire.Event{Kind: wire.Warning, Path: f.Path, Text: fmt.Sprintf("reading %s from the store: %v", f.Path, err)})
	}
	if err != nil {
		return nil
	}
	if s.stated.has(f.Digest) && s.compareStated(f, file) != nil {
		file.Close()
		return nil // a download fails with the reason
	}
	return file
}

// join returns the download of a file's content and raises its priority. fresh
// says that it has been started now.
func (s *Source) join(f *tree.File, p fetch.Priority) (d *download, fresh bool) {
	if f.Part != nil {
		f = f.Part.Of
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := key(f)
	d = s.active[k]
	if d != nil && d.reusable(s.now(), p) {
		for d := d; d != nil; d = d.inner {
			d.demanded = d.demanded || p == fetch.Demand
			d.ticket.Promote(p)
		}
		return d, false
	}
	d = newDownload(s, f, p, d)
	s.active[k] = d
	s.ahead.started(d)
	s.wg.Go(d.run)
	return d, true
}

// abandon gives a download up unless a program wants it. Whoever wants it later
// starts anew.
func (s *Source) abandon(d *download) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.demanded {
		return false
	}
	if k := key(d.file); s.active[k] == d {
		delete(s.active, k)
	}
	return true
}

// wait blocks until no download runs any more; the build's context has ended.
func (s *Source) wait() { s.wg.Wait() }

// Settled is closed when no download runs any more.
func (s *Source) Settled() <-chan struct{} {
	done := make(chan struct{})
	go func() {
		s.wait()
		close(done)
	}()
	return done
}

// cameFrom says where a file's content came from in this build.
func (s *Source) cameFrom(f *tree.File) string {
	if f.Content != nil {
		return "tree"
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for d := s.active[key(f)]; d != nil; d = d.inner {
		if d.bytes.Load() > 0 {
			return "origin"
		}
	}
	return "store"
}

// Digests lists what a build of the tree may need, for its pin.
func Digests(t *tree.Tree) iter.Seq[digest.Digest] {
	return func(yield func(digest.Digest) bool) {
		for i := range t.Files {
			f := &t.Files[i]
			if f.Make != nil && f.Make.From != nil {
				f = f.Make.From
			}
			if d := f.Digest; d != "" && !yield(d) {
				return
			}
		}
		for i := range t.Dirs {
			if from := t.Dirs[i].Make.From; from != nil && from.Digest != "" && !yield(from.Digest) {
				return
			}
		}
	}
}

// Blob is one open of one file.
type Blob struct {
	src  *Source
	file *tree.File
	dl   *download // nil when the content was there at open

	mu      sync.Mutex
	content *os.File
}

// Ready returns the content's file if it is there now, else nil. The file belongs
// to the Blob and is valid until Close.
func (b *Blob) Ready() *os.File {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.content == nil && b.dl != nil {
		b.content = b.dl.openWhole()
	}
	if b.content == nil && b.dl != nil && b.dl.succeeded() {
		b.content = b.src.stored(b.file)
	}
	return b.content
}

// Wait blocks until the whole content is there and verified, or its download has
// failed for good, or ctx is done, which stops no download. The error wraps an
// errno where the reader should see that one (syscall.ENOSPC).
func (b *Blob) Wait(ctx context.Context) (*os.File, error) {
	if f := b.Ready(); f != nil {
		return f, nil
	}
	if b.dl == nil {
		return nil, syscall.EIO
	}
	// Readers do not wait for the disk.
	select {
	case <-b.dl.early:
	case <-b.dl.done:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	if f := b.Ready(); f != nil {
		return f, nil
	}
	return b.kept(ctx)
}

// kept is Wait for whoever needs the content in the store.
func (b *Blob) kept(ctx context.Context) (*os.File, error) {
	if b.dl != nil {
		select {
		case <-b.dl.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if b.dl.err != nil {
			return nil, b.dl.err
		}
	}
	if f := b.Ready(); f != nil {
		return f, nil
	}
	return nil, fmt.Errorf("%s vanished from the store after it was downloaded: %w", b.file.Path, syscall.EIO)
}

// Size blocks until the length is known, which may be long before the content is
// there (the origin has stated it), or the download has failed.
func (b *Blob) Size(ctx context.Context) (int64, error) {
	if n, ok := b.src.Size(b.file); ok {
		return n, nil
	}
	if f := b.Ready(); f != nil {
		fi, err := f.Stat()
		if err != nil {
			return 0, err
		}
		return fi.Size(), nil
	}
	if b.dl == nil {
		return 0, syscall.EIO // closed
	}
	select {
	case <-b.dl.sized:
		return b.dl.size.Load(), nil
	case <-b.dl.done:
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if b.dl.err != nil {
		return 0, b.dl.err
	}
	return b.dl.size.Load(), nil
}

// Close ends the interest. It does not stop the download.
func (b *Blob) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.content != nil {
		b.content.Close()
		b.content = nil
	}
}
