//go:build linux

package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"

	"golang.org/x/sync/errgroup"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/mount"
	"github.com/lazybuild/lazybuild/pkg/rpm"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// headersAtOnce bounds the header requests under way for one repository; the
// client's own limits per host come on top.
const headersAtOnce = 32

// factsSection is where a package's header facts stand among the store's facts.
const factsSection = "rpm"

// repo is the repodata of one repository, under way or made.
type repo struct {
	done  chan struct{}
	files []tree.File
	err   error
}

// Expand implements mount.Source. A failed attempt is forgotten, so that a
// later lookup tries again.
func (s *source) Expand(ctx context.Context, d *tree.Dir) ([]tree.File, error) {
	s.mu.Lock()
	r := s.repos[d.Path]
	if r == nil {
		r = &repo{done: make(chan struct{})}
		s.repos[d.Path] = r
		s.wg.Go(func() {
			r.files, r.err = s.expand(s.ctx, d)
			if r.err != nil {
				s.mu.Lock()
				delete(s.repos, d.Path)
				s.mu.Unlock()
			}
			close(r.done)
		})
	}
	s.mu.Unlock()
	select {
	case <-r.done:
		return r.files, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

func (s *source) expand(ctx context.Context, d *tree.Dir) ([]tree.File, error) {
	if d.Make.Kind != "repodata" {
		return nil, fmt.Errorf("making %s: no recipe of the kind %q is known", d.Path, d.Make.Kind)
	}
	files, err := s.repodata(ctx, d.Make.Args["dir"], d.Make.Args["modules"])
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", d.Path, err)
	}
	return files, nil
}

// repodata makes the repodata of dir, or takes it from the store: a repository
// that any build of this host has seen costs no header and no request.
func (s *source) repodata(ctx context.Context, dir, modulesPath string) ([]tree.File, error) {
	packages := s.packagesIn(dir)
	var modules []byte
	if modulesPath != "" {
		var err error
		if modules, err = s.wholeFile(ctx, modulesPath); err != nil {
			return nil, err
		}
	}
	entries := make([]rpm.Entry, len(packages))
	for i, f := range packages {
		entries[i] = rpm.Entry{Href: strings.TrimPrefix(f.Path, dir+"/"), Digest: f.Digest, Size: f.Size, Mtime: mount.Mtime(f).Unix()}
	}
	name := s.repodataKey(entries, modules)
	blob, _, err := s.store.Make(ctx, name, func(ctx context.Context, w io.Writer) error {
		if err := s.readHeaders(ctx, packages, entries); err != nil {
			return err
		}
		made, err := rpm.Write(entries, modules, rpm.Options{})
		if err != nil {
			return err
		}
		data, err := made.MarshalBinary()
		if err == nil {
			_, err = w.Write(data)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	defer blob.Close()
	return readRepodata(blob)
}

func readRepodata(r io.Reader) ([]tree.File, error) {
	data, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	var made rpm.Repodata
	if err := made.UnmarshalBinary(data); err != nil {
		return nil, err
	}
	var files []tree.File
	for _, f := range made.Files {
		files = append(files, tree.File{Path: f.Name, Size: int64(len(f.Data)), Digest: digest.FromBytes(f.Data), Content: f.Data})
	}
	return files, nil
}

// packagesIn lists the RPMs directly in dir, source packages too.
func (s *source) packagesIn(dir string) []*tree.File {
	var fs []*tree.File
	for i := range s.tree.Files {
		f := &s.tree.Files[i]
		rest, ok := strings.CutPrefix(f.Path, dir+"/")
		if ok && strings.HasSuffix(rest, ".rpm") && !strings.Contains(rest, "/") {
			fs = append(fs, f)
		}
	}
	return fs
}

// wholeFile downloads a file of the tree and reads it.
func (s *source) wholeFile(ctx context.Context, path string) ([]byte, error) {
	for i := range s.tree.Files {
		if f := &s.tree.Files[i]; f.Path == path {
			b := s.Open(f)
			defer b.Close()
			file, err := b.Wait(ctx)
			if err != nil {
				return nil, err
			}
			fi, err := file.Stat()
			if err != nil {
				return nil, err
			}
			return io.ReadAll(io.NewSectionReader(file, 0, fi.Size()))
		}
	}
	return nil, fmt.Errorf("%s is not in the tree", path)
}

// readHeaders fills in the packages' facts, from the store or the origin.
func (s *source) readHeaders(ctx context.Context, packages []*tree.File, entries []rpm.Entry) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(headersAtOnce)
	for i, f := range packages {
		g.Go(func() error {
			err := s.readHeader(ctx, f, &entries[i])
			if err != nil {
				return &packageError{f.Path, err}
			}
			return nil
		})
	}
	return g.Wait()
}

// packageError names the package whose header could not be had.
type packageError struct {
	path string
	err  error
}

func (e *packageError) Error() string {
	text := fmt.Sprintf("the header of %s: %v", e.path, e.err)
	var f *fetch.Error
	if errors.As(e.err, &f) && f.Status == 404 {
		text += "; the lock is probably too old: mirrors drop superseded builds"
	}
	return text
}

func (e *packageError) Unwrap() error { return e.err }

func (s *source) readHeader(ctx context.Context, f *tree.File, e *rpm.Entry) error {
	if f.Digest == "" {
		return s.readWhole(ctx, f, e)
	}
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
	if got != nil {
		s.stats.asked(got.Requests, got.Bytes)
	}
	if err != nil {
		return err
	}
	if got.Size < 0 {
		return s.readWhole(ctx, f, e)
	}
	e.Package, e.Size = got.Package, got.Size
	s.keepFacts(f.Digest, got.Package, got.Size)
	return nil
}

// readWhole downloads the package: its digest is its ID in the repodata, and
// the lock does not state one (or nobody can say its size).
func (s *source) readWhole(ctx context.Context, f *tree.File, e *rpm.Entry) error {
	b := s.Open(f)
	defer b.Close()
	file, err := b.Wait(ctx)
	if err != nil {
		return err
	}
	if e.Digest == "" {
		h := digest.Digest("sha256:").Hash()
		if _, err := io.Copy(h, io.NewSectionReader(file, 0, 1<<62)); err != nil {
			return err
		}
		e.Digest = digest.FromHash("sha256", h)
	}
	return fromFile(file, e)
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
}

func (h *headerSource) Range(ctx context.Context, off, n int64) ([]byte, int64, bool, error) {
	var first error
	for _, u := range h.urls {
		r, err := h.client.Range(ctx, u, off, off+n)
		if err == nil {
			return r.Data, r.Total, r.Whole, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = errors.New("the lock file gives no URL")
	}
	return nil, tree.SizeUnknown, false, first
}

// checkHeader holds a package that has just been downloaded against the facts
// from which its repodata was made. The package itself is right (its digest
// matched); if the facts are not, a server gave another header for the range
// than it has in the file. They are forgotten, with the repodata made of them.
func (s *source) checkHeader(f *tree.File) error {
	if f.Digest == "" || !strings.HasSuffix(f.Path, ".rpm") {
		return nil
	}
	facts, _ := s.headerFacts(f.Digest)
	if facts == nil {
		return nil
	}
	file := s.stored(f)
	if file == nil {
		return nil
	}
	defer file.Close()
	err := rpm.CompareHeader(file, facts)
	if err == nil {
		return nil
	}
	if ferr := s.setSection(f.Digest, factsSection, json.RawMessage("null"), tree.SizeUnknown); ferr != nil {
		s.debug("forgetting the header of %s: %v", f.Path, ferr)
	}
	s.spoilRepodata()
	return fmt.Errorf("the server gave another header for %s before than the file has now, so the repodata of this build is wrong; "+
		"it has been forgotten, build again: %w", f.Path, errors.Join(err, syscall.EIO))
}

// rpmEpoch is a name under which the store counts how often repodata had to be
// forgotten: it is part of every repodata's key.
var rpmEpoch = digest.FromBytes([]byte("lazybuild repodata epoch"))

func (s *source) repodataKey(entries []rpm.Entry, modules []byte) string {
	var epoch bytes.Buffer
	if facts, err := s.store.Facts(rpmEpoch); err == nil {
		epoch.Write(facts.Sections["epoch"])
	}
	return "repodata:" + epoch.String() + ":" + string(rpm.Key(entries, modules, rpm.Options{}))
}

func (s *source) spoilRepodata() {
	n := 0
	if facts, err := s.store.Facts(rpmEpoch); err == nil {
		_ = json.Unmarshal(facts.Sections["epoch"], &n)
	}
	section, _ := json.Marshal(n + 1)
	if err := s.setSection(rpmEpoch, "epoch", section, tree.SizeUnknown); err != nil {
		s.debug("forgetting repodata: %v", err)
	}
}
