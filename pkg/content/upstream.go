package content

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/rpm"
)

// A repository's own repodata says in a megabyte or two what all its headers say
// in dozens. Where it is asked for, and when that pays:
const (
	// manyHeaders is how many headers of a repository have to be missing: fewer
	// come in two rounds of requests, and repomd.xml alone takes one.
	manyHeaders = 2 * headersAtOnce
	// probes is how many headers are fetched beside, to see whether the metadata
	// says the same as them: not every program that makes repodata follows
	// createrepo_c, and to find out when a package is installed would end a build.
	probes = 4
	// maxRepomd bounds repomd.xml, in bytes.
	maxRepomd = 1 << 20
	// repomdWait is for how long headers wait for repomd.xml.
	repomdWait = 15 * time.Second
	// openPerByte is how many bytes are unpacked and looked through in the time
	// in which one comes over a fast link.
	openPerByte = 16
)

// upstream fills in what the repositories of the packages say of them in their
// own metadata, where that is cheaper than their headers, and returns the
// packages that are left. Nothing that goes wrong here is an error: there are
// the headers.
func (s *Source) upstream(ctx context.Context, missing []lacking, fresh *freshFacts) (left []lacking, said []rpm.Stated) {
	groups := byRepository(missing)
	results := make([][]rpm.Stated, len(groups))
	var g errgroup.Group
	for i, r := range groups {
		if len(r.lacks) >= manyHeaders {
			g.Go(func() error { results[i] = s.askRepository(ctx, r, fresh); return nil })
		}
	}
	_ = g.Wait()
	left = slices.DeleteFunc(missing, func(l lacking) bool { return l.entry.Package != nil })
	return left, slices.Concat(results...)
}

// repository is where packages come from.
type repository struct {
	base  string // URL of the directory that holds repodata/
	name  string // base, fit for messages
	lacks []lacking
}

// byRepository guesses the packages' repositories from their first URLs: what
// holds the directory Packages (or Packages/<letter>), or else the directory
// that all packages of a host have in common.
func byRepository(missing []lacking) []*repository {
	known := map[string]*repository{}
	var all []*repository
	for _, l := range missing {
		if l.file.Size < 0 || l.file.Digest.Algorithm() != "sha256" || len(l.file.URLs) == 0 {
			continue
		}
		host, dir, ok := splitURL(l.file.URLs[0])
		if !ok {
			continue
		}
		key := host
		if base, ok := abovePackages(dir); ok {
			key, dir = host+base, base
		}
		r := known[key]
		if r == nil {
			r = &repository{base: host + dir}
			known[key] = r
			all = append(all, r)
		}
		r.base = host + common(strings.TrimPrefix(r.base, host), dir)
		r.lacks = append(r.lacks, l)
	}
	for _, r := range all {
		r.name = fetch.Redact(r.base)
	}
	return all
}

// splitURL is a file's scheme and host, and its directory with the final slash.
// A URL with a query may be signed, and says nothing about others.
func splitURL(raw string) (host, dir string, ok bool) {
	scheme, rest, ok := strings.Cut(raw, "://")
	slash := strings.IndexByte(rest, '/')
	if !ok || slash < 0 || strings.ContainsAny(raw, "?#") {
		return "", "", false
	}
	dir, _ = path.Split(rest[slash:])
	return scheme + "://" + rest[:slash], dir, true
}

// abovePackages is the directory that holds Packages.
func abovePackages(dir string) (string, bool) {
	parent, last := path.Split(strings.TrimSuffix(dir, "/"))
	if len(last) == 1 {
		parent, last = path.Split(strings.TrimSuffix(parent, "/"))
	}
	return parent, last == "Packages"
}

// common is the directory that both have in common.
func common(a, b string) string {
	for !strings.HasPrefix(b, a) {
		a, _ = path.Split(strings.TrimSuffix(a, "/"))
	}
	return a
}

// askRepository fills in what the repository's metadata says.
func (s *Source) askRepository(ctx context.Context, r *repository, fresh *freshFacts) []rpm.Stated {
	if _, known := s.silent.Load(r.base); known || !s.trusted(r.name) {
		return nil
	}
	probing := s.probe(ctx, r, fresh)
	packages, err := s.readUpstream(ctx, r)
	checked := <-probing
	if err == nil {
		err = s.checkProbes(r, checked, packages)
	}
	if err != nil {
		s.silent.Store(r.base, true)
		s.debug("the metadata of the repository %s is of no use, its packages' headers are fetched: %v", r.name, err)
		return nil
	}
	said := s.take(r, packages)
	s.debug("the metadata of the repository %s describes %d of the %d packages whose headers are missing", r.name, len(said), len(r.lacks))
	return said
}

// probe fetches the headers of some small packages in the background.
func (s *Source) probe(ctx context.Context, r *repository, fresh *freshFacts) <-chan []lacking {
	sorted := slices.SortedFunc(slices.Values(r.lacks), func(a, b lacking) int { return cmp.Compare(a.file.Size, b.file.Size) })
	done := make(chan []lacking, 1)
	var g errgroup.Group
	got := make([]lacking, probes)
	for i := range probes {
		l := sorted[(i+1)*len(sorted)/(2*probes)]
		g.Go(func() error {
			// One that fails is tried once more with the others, and fails the build there.
			if s.fetchHeader(ctx, l.file, l.entry, fresh) == nil {
				got[i] = l
			}
			return nil
		})
	}
	go func() {
		_ = g.Wait()
		done <- slices.DeleteFunc(got, func(l lacking) bool { return l.file == nil })
	}()
	return done
}

// checkProbes holds the metadata against the headers that were fetched beside it.
func (s *Source) checkProbes(r *repository, checked []lacking, packages map[digest.Digest]*rpm.Package) error {
	for _, l := range checked {
		if p := packages[l.file.Digest]; p != nil && p.Statement() != l.entry.Package.Statement() {
			s.distrust(r.name)
			return fmt.Errorf("it does not say of %s what its header says", l.file.Path)
		}
	}
	return nil
}

// take fills in the packages that the metadata describes.
func (s *Source) take(r *repository, packages map[digest.Digest]*rpm.Package) (said []rpm.Stated) {
	for _, l := range r.lacks {
		p := packages[l.file.Digest]
		if p == nil || l.entry.Package != nil {
			continue
		}
		l.entry.Package, l.entry.Size = p, l.file.Size
		said = append(said, rpm.Stated{Digest: l.file.Digest, From: r.name, Statement: p.Statement()})
	}
	return said
}

// readUpstream fetches and reads a repository's metadata.
func (s *Source) readUpstream(ctx context.Context, r *repository) (map[digest.Digest]*rpm.Package, error) {
	client, err := s.headerClient()
	if err != nil {
		return nil, err
	}
	x, err := s.index(ctx, client, r.base)
	if err != nil {
		return nil, err
	}
	sizes := make(map[digest.Digest]int64, len(r.lacks))
	var headers int64
	for _, l := range r.lacks {
		sizes[l.file.Digest] = l.file.Size
		headers += min(l.file.Size, rpm.FirstRequest)
	}
	if packed, open := x.Bytes(); packed+open/openPerByte > headers {
		return nil, fmt.Errorf("it has %d bytes, %d uncompressed, and the headers about %d", packed, open, headers)
	}
	u := rpm.NewUpstream(x, sizes)
	g, ctx := errgroup.WithContext(ctx)
	for _, part := range []struct {
		file rpm.Metadata
		read func([]byte) error
	}{{x.Filelists, u.ReadFilelists}, {x.Primary, u.ReadPrimary}, {x.Other, u.ReadOther}} {
		g.Go(func() error {
			from := r.base + (&url.URL{Path: part.file.Href}).EscapedPath()
			got, err := client.Range(ctx, from, 0, part.file.Size)
			s.stats.asked(1, int64(len(got.Data)))
			if err != nil {
				return err
			}
			return part.read(got.Data)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	return u.Packages(), nil
}

var errNoRepomd = errors.New("repomd.xml did not come in time")

func (s *Source) index(ctx context.Context, client *fetch.Client, base string) (*rpm.Index, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, repomdWait, errNoRepomd)
	defer cancel()
	page, err := client.Page(ctx, base+"repodata/repomd.xml", "*/*", maxRepomd)
	s.stats.asked(1, int64(len(page.Data)))
	if err != nil {
		return nil, err
	}
	return rpm.ParseIndex(page.Data)
}
