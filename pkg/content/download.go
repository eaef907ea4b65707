package content

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/store"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// download is the way of one content from its origin into the store. Many
// readers may wait for it.
type download struct {
	src    *Source
	file   *tree.File
	ticket *fetch.Ticket
	bytes  atomic.Int64 // that came from the origin

	ahead    bool  // begun by read-ahead
	demanded bool  // a program wants it; under source.mu
	claimed  int64 // bytes of read-ahead's budget; under readAhead.mu
	// inner is the download of what this content is made from; under source.mu.
	inner *download

	// early is closed when the content is whole and verified, which is before it
	// is in the store; whole opens it then.
	early chan struct{}
	once  sync.Once // for early
	whole store.Opener

	size     atomic.Int64
	sized    chan struct{} // closed when size is the origin's word
	sizeOnce sync.Once

	done    chan struct{}
	err     error     // after done
	retryAt time.Time // after done with an error: not to be tried before
	tries   int       // downloads of this content that failed before this one
}

// A package manager that gets EIO often tries again at once. A content that
// could not be had is not asked for again for a while, which doubles.
const (
	firstRetry = 2 * time.Second
	lastRetry  = time.Minute
)

func newDownload(s *Source, f *tree.File, p fetch.Priority, before *download) *download {
	d := &download{src: s, file: f, ticket: fetch.NewTicket(p), sized: make(chan struct{}), early: make(chan struct{}), done: make(chan struct{})}
	d.ahead = p < fetch.Demand
	d.demanded = !d.ahead
	if before != nil && before.err != nil && before.demanded {
		d.tries = before.tries + 1
	}
	return d
}

// reusable says whether somebody more can share this download's outcome.
// Called with the source locked.
func (d *download) reusable(now time.Time, p fetch.Priority) bool {
	select {
	case <-d.done:
		switch {
		case d.err == nil:
			// A good outcome whose blob is gone (somebody cleaned the store) has to
			// be fetched again.
			return false
		case p == fetch.Demand && !d.demanded:
			return false // read-ahead may have failed for reasons of its own
		}
		return now.Before(d.retryAt)
	default:
		return true
	}
}

func (d *download) succeeded() bool {
	select {
	case <-d.done:
		return d.err == nil
	default:
		return false
	}
}

func (d *download) run() {
	defer d.src.ahead.ended(d)
	defer close(d.done)
	d.src.stats.started(d)
	d.err = d.fetch(d.src.ctx)
	d.src.stats.ended(d)
	if d.err != nil {
		wait := min(lastRetry, firstRetry<<min(d.tries, 10))
		d.retryAt = d.src.now().Add(wait)
	}
}

// fetch puts the content into the store. URLs whose bytes do not match the
// lock are passed over, so that one bad mirror does not fail the build.
func (d *download) fetch(ctx context.Context) error {
	if d.file.Make != nil {
		return d.make(ctx)
	}
	if err := d.src.permitted(d.file); err != nil {
		return err
	}
	from, err := d.put(ctx, d.file.URLs)
	if isMismatch(err) {
		err = d.eachAlone(ctx, from, err)
	}
	if err != nil {
		return err
	}
	return d.src.checkHeader(d.file)
}

// eachAlone goes through the URLs after wrong bytes have come. They may have
// come from several URLs, the later ones continuing the earlier ones' bytes, so
// only a URL that has sent all of them by itself is known to be bad.
func (d *download) eachAlone(ctx context.Context, from fetch.Result, wrong error) error {
	first := &contentError{url: cmp.Or(from.URL, fetch.Redact(d.file.URLs[0])), err: wrong}
	for _, u := range d.file.URLs {
		if from.Tries == 1 && fetch.Redact(u) == from.URL {
			continue
		}
		_, err := d.put(ctx, []string{u})
		if err == nil || ctx.Err() != nil {
			return err
		}
	}
	return first
}

func isMismatch(err error) bool {
	var m *store.MismatchError
	return errors.As(err, &m)
}

// put downloads from the first of the URLs that works.
func (d *download) put(ctx context.Context, urls []string) (from fetch.Result, err error) {
	fill := func(ctx context.Context, p *store.Partial) (err error) {
		p.WhenWhole(d.serve)
		ctx, used := d.src.noting(ctx)
		defer func() { p.CameBy(used.by()...) }()
		c, err := d.src.client()
		if err != nil {
			return err
		}
		from, err = c.Get(ctx, fetch.Request{URLs: urls, Size: d.file.Size, Ticket: d.ticket}, &sink{p, d})
		return err
	}
	var f *os.File
	var info store.Info
	if d.file.Digest != "" {
		f, info, err = d.src.view.Put(ctx, d.file.Digest, d.file.Size, fill)
	} else {
		f, info, err = d.src.view.PutKey(ctx, key(d.file), d.file.Size, fill)
	}
	if err != nil {
		return from, err
	}
	d.setSize(info.Size)
	return from, f.Close()
}

// serve lets readers have the content while it is still on its way to the disk.
func (d *download) serve(open store.Opener, info store.Info) {
	if isPackage(d.file) && d.headerDiffers(open) {
		return // fetch says it once more, for whoever waits
	}
	d.setSize(info.Size)
	d.once.Do(func() {
		d.whole = open
		d.src.stats.brought(d)
		close(d.early)
	})
}

func (d *download) headerDiffers(open store.Opener) bool {
	f, err := open()
	if err != nil {
		return true
	}
	defer f.Close()
	return d.src.compareHeader(d.file, f) != nil
}

// openWhole opens the content if it is whole but not yet in the store.
func (d *download) openWhole() *os.File {
	select {
	case <-d.done: // the store's word counts from now on
		return nil
	default:
	}
	select {
	case <-d.early:
	default:
		return nil
	}
	f, err := d.whole()
	if err != nil {
		return nil // it will be in the store
	}
	return f
}

func (d *download) setSize(n int64) {
	d.sizeOnce.Do(func() {
		d.size.Store(n)
		close(d.sized)
	})
}

// sink counts what goes into the store and hears the size.
type sink struct {
	*store.Partial
	d *download
}

func (s *sink) Write(b []byte) (int, error) {
	n, err := s.Partial.Write(b)
	s.d.bytes.Add(int64(n))
	s.d.src.stats.arrived(n)
	return n, err
}

func (s *sink) SetSize(n int64) error {
	err := s.d.src.ahead.allow(s.d, n)
	if err == nil {
		err = s.Partial.SetSize(n)
	}
	// What programs are told of the size stays. Where another URL may have to
	// step in, this one's word is not good enough for that.
	if err == nil && len(s.d.file.URLs) == 1 {
		s.d.setSize(n)
	}
	return err
}

// contentError says which URL gave the wrong bytes.
type contentError struct {
	url string // redacted
	err error
}

func (e *contentError) Error() string {
	return fmt.Sprintf("downloading %s: %v", e.url, e.err)
}

func (e *contentError) Unwrap() error { return e.err }

// permitted says why a file must not be downloaded.
func (s *Source) permitted(f *tree.File) error {
	if len(f.URLs) == 0 {
		return fmt.Errorf("the lock file gives no URL for it: %w", syscall.EIO)
	}
	return s.allowed(f)
}

// allowed holds the file against --lazy-allow-unverified. It counts for content
// that is in the store, too: another build may have been less strict. What is
// made has been held against the policy when its origin was downloaded.
func (s *Source) allowed(f *tree.File) error {
	switch {
	case f.Make != nil && (f.Make.Kind != kindYarnZip || f.Make.Args["sha512"] != "" || s.allow == "all"):
		return nil
	case f.Make != nil, (f.Digest == "" || f.Unverified) && s.allow != "all":
		return &policyError{"the lock file has no checksum for it", "add one, or accept it with --lazy-allow-unverified=all"}
	case f.Digest != "" && f.Digest.Weak() && s.allow == "none":
		return &policyError{"the lock file has only a " + f.Digest.Algorithm() + " checksum for it", "add a sha256, or accept it with --lazy-allow-unverified=weak"}
	}
	return nil
}

// policyError is a file that is not served because nothing verifies it.
type policyError struct{ reason, hint string }

func (e *policyError) Error() string { return e.reason }
