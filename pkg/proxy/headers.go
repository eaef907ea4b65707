//go:build linux

package proxy

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
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
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// headersAtOnce bounds the header requests under way for one repository; the
// client's own limits per host come on top.
const headersAtOnce = 32

// factsSection is where a package's header facts stand among the store's facts.
const factsSection = "rpm"

// readHeaders fills in the packages' facts, from the store or the origin.
func (s *source) readHeaders(ctx context.Context, packages []*tree.File, entries []rpm.Entry) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(headersAtOnce)
	for i, f := range packages {
		g.Go(func() error {
			err := s.readHeader(ctx, f, &entries[i])
			if err != nil {
				return &packageError{f, err}
			}
			return nil
		})
	}
	return g.Wait()
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

func (s *source) readHeader(ctx context.Context, f *tree.File, e *rpm.Entry) error {
	if p, size := s.headerFacts(f.Digest); p != nil && size >= 0 {
		e.Package, e.Size = p, size
		return nil
	}
	if file := s.stored(f); file != nil {
		defer file.Close()
		return fromFile(file, e)
	}
	src := &headerSource{client: s.client, urls: f.URLs}
	got, err := rpm.FetchHeader(ctx, src, rpm.Request{Size: max(0, f.Size)})
	s.stats.asked(src.requests, src.bytes)
	if errors.Is(err, errNoRanges) || err == nil && got.Size < 0 {
		return s.readWhole(ctx, f, e)
	}
	if err != nil {
		return err
	}
	e.Package, e.Size = got.Package, got.Size
	s.keepFacts(f.Digest, got.Package, got.Size)
	if file := s.stored(f); file != nil {
		// It arrived while its header was asked for, so nobody has compared them.
		defer file.Close()
		if rpm.CompareHeader(file, got.Package) != nil {
			s.forgetFacts(f)
			return fromFile(file, e)
		}
	}
	return nil
}

// readWhole downloads the package: nobody can say its size, or the server has
// no ranges and the header is long.
func (s *source) readWhole(ctx context.Context, f *tree.File, e *rpm.Entry) error {
	return s.withContent(ctx, f, func(file *os.File) error { return fromFile(file, e) })
}

// withContent downloads a file of the tree, if need be, and lends it to use.
func (s *source) withContent(ctx context.Context, f *tree.File, use func(*os.File) error) error {
	b := s.Open(f)
	defer b.Close()
	file, err := b.Wait(ctx)
	if err != nil {
		return err
	}
	return use(file)
}

// stateDigests fills in the digests that the lock does not state: a package's
// digest is its name in the repodata. That takes the whole package.
func (s *source) stateDigests(ctx context.Context, packages []*tree.File, entries []rpm.Entry) error {
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

// headerFacts are what the store remembers about a package, from any build.
func (s *source) headerFacts(d digest.Digest) (*rpm.Package, int64) {
	facts, err := s.store.Facts(d)
	if err != nil {
		return nil, tree.SizeUnknown
	}
	var data []byte
	if json.Unmarshal(facts.Sections[factsSection], &data) != nil {
		return nil, tree.SizeUnknown
	}
	p := new(rpm.Package)
	if p.UnmarshalBinary(data) != nil {
		return nil, tree.SizeUnknown
	}
	return p, facts.Size
}

func (s *source) keepFacts(d digest.Digest, p *rpm.Package, size int64) {
	data, err := p.MarshalBinary()
	if err == nil {
		var section json.RawMessage
		section, err = json.Marshal(data)
		if err == nil {
			err = s.setSection(d, factsSection, section, size)
		}
	}
	if err != nil {
		// Facts are a saving, not a need.
		s.debug("keeping the header of %s: %v", d, err)
	}
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
func (s *source) checkHeader(f *tree.File) error {
	if f.Digest == "" || !strings.HasSuffix(f.Path, ".rpm") {
		return nil
	}
	if err := s.spoiledBy(f); err != nil {
		return err
	}
	facts, _ := s.headerFacts(f.Digest)
	if facts == nil {
		return nil
	}
	file, _, err := s.store.Get(f.Digest)
	if err != nil {
		return nil // somebody cleans the store; the next reader sees to it
	}
	defer file.Close()
	if err = rpm.CompareHeader(file, facts); err == nil {
		return nil
	}
	s.forgetFacts(f)
	s.spoilRepodata()
	s.spoiled.Store(f.Digest, err)
	return err
}

// spoiledBy says why a package must not be read in this build although the
// store has it; nil when it may be.
func (s *source) spoiledBy(f *tree.File) error {
	err, _ := s.spoiled.Load(f.Digest)
	bad, _ := err.(error)
	return bad
}

func (s *source) forgetFacts(f *tree.File) {
	if err := s.setSection(f.Digest, factsSection, json.RawMessage("null"), tree.SizeUnknown); err != nil {
		s.events.Send(wire.Event{Kind: wire.Warning, Path: f.Path, Text: fmt.Sprintf("forgetting the header of %s: %v", f.Path, err)})
	}
}
