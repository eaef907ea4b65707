package content

import (
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/rpm"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// headersAtOnce bounds the header requests under way for one repository, and
// headersPerHost those to one host. A header is so small that its latency costs
// more than its bytes, so there are more of them at once than of downloads.
const (
	headersAtOnce  = 32
	headersPerHost = 16
)

// lacking is a package of which the store knows no header.
type lacking struct {
	file  *tree.File
	entry *rpm.Entry // to fill in
}

// readHeaders fills in the packages' facts, from the store or the origin. What
// it has of the repositories' own metadata, it states.
func (s *Source) readHeaders(ctx context.Context, packages []*tree.File, entries []rpm.Entry, fresh *freshFacts) ([]rpm.Stated, error) {
	missing, err := s.storedHeaders(ctx, packages, entries)
	if err != nil {
		return nil, err
	}
	missing, stated := s.upstream(ctx, missing, fresh)
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(headersAtOnce)
	for _, l := range missing {
		g.Go(func() error {
			if err := s.fetchHeader(ctx, l.file, l.entry, fresh); err != nil {
				return &packageError{l.file, err}
			}
			return nil
		})
	}
	return stated, g.Wait()
}

// storedHeaders fills in what the store knows, and returns the others.
func (s *Source) storedHeaders(ctx context.Context, packages []*tree.File, entries []rpm.Entry) ([]lacking, error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(headersAtOnce)
	for i, f := range packages {
		g.Go(func() error {
			if err := s.storedHeader(f, &entries[i]); err != nil {
				return &packageError{f, err}
			}
			return ctx.Err()
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var missing []lacking
	for i, f := range packages {
		if entries[i].Package == nil {
			missing = append(missing, lacking{f, &entries[i]})
		}
	}
	return missing, nil
}

// packageError names the package whose header could not be had.
type packageError struct {
	file *tree.File
	err  error
}

func (e *packageError) Error() string {
	text := "the header of " + e.file.Path
	var f *fetch.Error
	fetched := errors.As(e.err, &f)
	if !fetched && len(e.file.URLs) > 0 {
		text += ", which came from " + fetch.Redact(e.file.URLs[0])
	}
	text += ": " + e.err.Error()
	if fetched && (f.Status == http.StatusNotFound || f.Status == http.StatusGone) {
		text += "; the lock is probably too old: mirrors drop superseded builds"
	}
	return text
}

func (e *packageError) Unwrap() error { return e.err }

// storedHeader fills e in if the store knows the package's header, or has the package.
func (s *Source) storedHeader(f *tree.File, e *rpm.Entry) error {
	if p, size := s.headerFacts(f.Digest); p != nil && size >= 0 {
		e.Package, e.Size = p, size
		return nil
	}
	if file := s.stored(f); file != nil {
		defer file.Close()
		return fromFile(file, e)
	}
	return nil
}

func (s *Source) fetchHeader(ctx context.Context, f *tree.File, e *rpm.Entry, fresh *freshFacts) error {
	client, err := s.headerClient()
	if err != nil {
		return err
	}
	src := &headerSource{client: client, urls: f.URLs}
	noted, used := s.noting(ctx)
	got, err := rpm.FetchHeader(noted, src, rpm.Request{Size: max(0, f.Size)})
	s.stats.asked(src.requests, src.bytes)
	if errors.Is(err, errNoRanges) || err == nil && got.Size < 0 {
		return s.readWhole(ctx, f, e)
	}
	if err != nil {
		return err
	}
	e.Package, e.Size = got.Package, got.Size
	fresh.add(f.Digest, freshHeader{got.Package, got.Size, len(used.by()) > 0})
	s.headers.Store(f.Digest, outline(got.Package))
	if file := s.stored(f); file != nil {
		// It arrived while its header was asked for, so nobody has compared them.
		defer file.Close()
		if rpm.CompareHeader(file, got.Package) != nil {
			fresh.drop(f.Digest)
			return fromFile(file, e)
		}
	}
	return nil
}

// readWhole downloads the package: nobody can say its size, or the server has
// no ranges and the header is long.
func (s *Source) readWhole(ctx context.Context, f *tree.File, e *rpm.Entry) error {
	return s.withContent(ctx, f, func(file *os.File) error { return fromFile(file, e) })
}

// withContent downloads a file of the tree, if need be, and lends it to use.
func (s *Source) withContent(ctx context.Context, f *tree.File, use func(*os.File) error) error {
	b := s.Open(f)
	defer b.Close()
	file, err := b.kept(ctx)
	if err != nil {
		return err
	}
	return use(file)
}

// stateDigests fills in the digests that the lock does not state: a package's
// digest is its name in the repodata. That takes the whole package.
func (s *Source) stateDigests(ctx context.Context, packages []*tree.File, entries []rpm.Entry) error {
	for i, f := range packages {
		if f.Digest != "" {
			continue
		}
		err := s.withContent(ctx, f, func(file *os.File) error {
			h := sha256.New()
			n, err := io.Copy(h, io.NewSectionReader(file, 0, math.MaxInt64))
			entries[i].Digest, entries[i].Size = digest.FromHash("sha256", h), n
			return err
		})
		if err != nil {
			return &packageError{f, err}
		}
	}
	return nil
}

func fromFile(file *os.File, e *rpm.Entry) error {
	fi, err := file.Stat()
	if err != nil {
		return err
	}
	e.Size = fi.Size()
	e.Package, err = rpm.ReadHeader(file)
	return err
}

// headerSource reads parts of one RPM from the first of its URLs that works.
type headerSource struct {
	client *fetch.Client
	urls   []string
	// what it took, failed attempts included
	requests int
	bytes    int64
}

// errNoRanges says that a server sends nothing but whole files.
var errNoRanges = errors.New("the server does not answer range requests")

// Range implements rpm.RangeSource.
func (h *headerSource) Range(ctx context.Context, off, n int64) ([]byte, int64, bool, error) {
	first := error(&policyError{reason: "the lock file gives no URL for it"})
	for i, u := range h.urls {
		h.requests++
		r, err := h.client.Range(ctx, u, off, off+n)
		h.bytes += int64(len(r.Data))
		switch {
		case err == nil && r.Whole && off > 0:
			return nil, tree.SizeUnknown, false, errNoRanges
		case err == nil:
			return r.Data, r.Total, r.Whole, nil
		case i == 0:
			first = err
		}
	}
	return nil, tree.SizeUnknown, false, first
}

// checkHeader holds a package that has just been downloaded against the facts
// from which its repodata was made. The package itself is right (its digest
// matched); if the facts are not, a server gave another header for the range
// than it has in the file. They are forgotten, with the repodata made of them.
// In this build the package stays unreadable: dnf has decided by the wrong facts.
func (s *Source) checkHeader(f *tree.File) error {
	if !isPackage(f) {
		return nil
	}
	file, _, err := s.view.Get(f.Digest)
	if err != nil {
		return nil // somebody cleans the store; the next reader sees to it
	}
	defer file.Close()
	return s.compareHeader(f, file)
}

func isPackage(f *tree.File) bool { return f.Digest != "" && strings.HasSuffix(f.Path, ".rpm") }

// compareHeader is checkHeader for content that need not be in the store yet.
func (s *Source) compareHeader(f *tree.File, file io.ReaderAt) error {
	if !isPackage(f) {
		return nil
	}
	if err := s.spoiledBy(f); err != nil {
		return err
	}
	if facts := s.headerBefore(f.Digest); facts != nil {
		if err := rpm.CompareHeader(file, facts); err != nil {
			s.spoiled.Store(f.Digest, err) // first: keep looks at it
			s.forgetFacts(f.Digest)
			s.spoilRepodata()
			return err
		}
	}
	return s.compareStated(f, file)
}

// spoiledBy says why a package must not be read in this build although the
// store has it; nil when it may be.
func (s *Source) spoiledBy(f *tree.File) error {
	err, _ := s.spoiled.Load(f.Digest)
	bad, _ := err.(error)
	return bad
}
