package index

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/locks"
)

// Fetcher is what a Client needs of the network; *fetch.Client is one.
type Fetcher interface {
	Page(ctx context.Context, url, accept string, maxBytes int64) (fetch.Page, error)
	Head(ctx context.Context, urls []string) (int64, error)
}

var _ Fetcher = (*fetch.Client)(nil)

// Options configure a Client.
type Options struct {
	// Dir holds what is remembered; it is made when it is missing. Empty: nothing is.
	Dir string
	// Holder names the credentials that are held for the indexes' hosts, without
	// telling them; "" when there are none. What an index said to a request with a
	// credential is remembered for the same name alone. Nil is "" always.
	Holder func() string
	// Parallel is how many packages are looked up at once; 16 by default.
	Parallel int
	// Progress, if set, is called before each package that needs the network, and
	// at the end: done of total have been looked up so far. It is called from
	// several goroutines and must not block.
	Progress func(done, total int)
}

// Client looks packages up. It is safe for concurrent use.
type Client struct {
	net func() (Fetcher, error)
	opt Options
}

// New makes a Client. net is called once something has to be asked for: most
// plans are answered from what is remembered.
func New(net func() (Fetcher, error), opt Options) *Client {
	if opt.Parallel <= 0 {
		opt.Parallel = 16
	}
	if opt.Progress == nil {
		opt.Progress = func(int, int) {}
	}
	return &Client{net: sync.OnceValues(net), opt: opt}
}

// site is one index, or one page with links.
type site struct {
	url   *url.URL
	links bool
	shown string // redacted
	plain string // without user and password
}

// Error is a package that could not be found.
type Error struct {
	// Package as the lock names it.
	Package locks.Unresolved
	// Err is why. Its text is fit for printing.
	Err error
}

func (e *Error) Error() string {
	where := fmt.Sprintf("line %d", e.Package.Line)
	if e.Package.File != "" {
		where = fmt.Sprintf("%s:%d", e.Package.File, e.Package.Line)
	}
	return fmt.Sprintf("%s: looking up %.60s %.40s: %v", where, e.Package.Name, e.Package.Version, e.Err)
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Find returns the files of all packages, in their order, and warnings for
// people. The indexes are asked in their order; those of kind "find-links" are
// pages with links. An error names the packages that were not found (*Error),
// or is ctx's cause.
func (c *Client) Find(ctx context.Context, packages []locks.Unresolved, indexes []locks.Index) ([]locks.Artifact, []string, error) {
	sites, err := readSites(indexes)
	if err != nil {
		return nil, nil, err
	}
	q := &query{c: c, sites: sites, pages: map[string]*onePage{}, files: make([][]found, len(packages)), private: make([]bool, len(packages))}
	if c.opt.Holder != nil && c.opt.Dir != "" {
		q.holder = c.opt.Holder()
	}
	missing, err := q.recall(ctx, packages)
	if err != nil {
		return nil, nil, err
	}
	if err := q.ask(ctx, packages, missing); err != nil {
		return nil, nil, err
	}
	q.rememberAll(packages)
	return q.collect(packages)
}

// readSites reads the indexes' URLs, which may carry credentials.
func readSites(indexes []locks.Index) ([]site, error) {
	var sites []site
	for _, x := range indexes {
		u, err := url.Parse(x.URL)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
			return nil, fmt.Errorf("the package index %s is not an http:// or https:// URL", fetch.Redact(x.URL))
		}
		plain := *u
		plain.User = nil
		sites = append(sites, site{url: u, links: x.Kind == "find-links", shown: fetch.Redact(x.URL), plain: plain.String()})
	}
	return sites, nil
}

// page is the URL of a project's page.
func (s *site) page(project string) string {
	if s.links {
		return s.url.String()
	}
	u := *s.url
	u.RawPath = ""
	u.Path = strings.TrimRight(u.Path, "/") + "/" + project + "/"
	return u.String()
}

// withCredentials adds the user and password of the index to a file that is on
// the same server, as pip does.
func withCredentials(raw string, sites []site) string {
	u, err := url.Parse(raw)
	if err != nil {
		return raw
	}
	for _, s := range sites {
		if s.url.User != nil && s.url.Scheme == u.Scheme && strings.EqualFold(s.url.Host, u.Host) {
			u.User = s.url.User
			return u.String()
		}
	}
	return raw
}

// query is one Find.
type query struct {
	c     *Client
	sites []site
	files [][]found // per package
	whole bool      // files came from one file, as they were left there

	holder  string // see Options.Holder
	private []bool // per package: a credential has been used for it

	mu    sync.Mutex
	pages map[string]*onePage
}

// onePage is a page that is read once, whoever asks.
type onePage struct {
	once    sync.Once
	files   []file
	private atomic.Bool // a request for it had a credential
	err     error
}

// recall fills in what is remembered and returns the places of the rest.
func (q *query) recall(ctx context.Context, packages []locks.Unresolved) ([]int, error) {
	if q.recallAll(packages) {
		return nil, nil
	}
	var g errgroup.Group
	g.SetLimit(q.c.opt.Parallel)
	const chunk = 64 // packages for one goroutine
	for start := 0; start < len(packages); start += chunk {
		g.Go(func() error {
			for i := start; i < min(start+chunk, len(packages)) && ctx.Err() == nil; i++ {
				q.files[i], q.private[i] = q.remembered(&packages[i])
			}
			return context.Cause(ctx)
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	var missing []int
	for i := range q.files {
		if q.files[i] == nil {
			missing = append(missing, i)
		}
	}
	return missing, nil
}

// ask looks up the packages at the places of missing. The first failure that
// says nothing about its package (an index that is down) ends it; what an index
// just doesn't have is collected, so that one run shows it all.
func (q *query) ask(ctx context.Context, packages []locks.Unresolved, missing []int) error {
	if len(missing) == 0 {
		return nil
	}
	if len(q.sites) == 0 {
		return errNoIndex
	}
	net, err := q.c.net()
	if err != nil {
		return err
	}
	absent := make([]error, len(missing))
	var done atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(q.c.opt.Parallel)
	for n, i := range missing {
		g.Go(func() error {
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
			q.c.opt.Progress(int(done.Load()), len(missing))
			defer done.Add(1)
			err := q.one(ctx, net, &packages[i], i)
			if e, ok := errors.AsType[*absentError](err); ok {
				absent[n] = &Error{packages[i], e}
				return nil
			}
			if err != nil && ctx.Err() == nil {
				err = &Error{packages[i], err}
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	q.c.opt.Progress(len(missing), len(missing))
	return firstOf(absent)
}

var errNoIndex = errors.New("no package index is known: set index-url in pip's configuration, PIP_INDEX_URL, or registries.pip in lazybuild.toml")

// maxShown is how many packages an error names.
const maxShown = 5

func firstOf(all []error) error {
	var shown []error
	n := 0
	for _, err := range all {
		if err == nil {
			continue
		}
		if n++; n <= maxShown {
			shown = append(shown, err)
		}
	}
	if n > maxShown {
		shown = append(shown, fmt.Errorf("and %d more packages were not found", n-maxShown))
	}
	return errors.Join(shown...)
}

// absentError: the indexes answer, and don't have it.
type absentError struct{ text string }

func (e *absentError) Error() string { return e.text }

// one looks one package up.
func (q *query) one(ctx context.Context, net Fetcher, u *locks.Unresolved, at int) error {
	var files []found
	project, there := locks.NormalizePyName(u.Name), false
	private := new(atomic.Bool)
	for i := range q.sites {
		page := q.page(ctx, net, q.sites[i].page(project))
		// That it has nothing is an answer too.
		if page.private.Load() {
			private.Store(true)
		}
		if isAbsent(page.err) {
			continue
		}
		if page.err != nil {
			return page.err
		}
		there = true
		if files = merge(files, match(u, page.files)); complete(u, files) {
			break
		}
	}
	if len(files) == 0 {
		return &absentError{q.absence(u, there)}
	}
	if err := q.sizes(noting(ctx, private), net, files); err != nil {
		return err
	}
	q.files[at], q.private[at] = files, private.Load()
	q.remember(u, files, private.Load())
	return nil
}

func isAbsent(err error) bool {
	e, ok := errors.AsType[*fetch.Error](err)
	return ok && (e.Status == http.StatusNotFound || e.Status == http.StatusGone)
}

// absence says what the indexes don't have.
func (q *query) absence(u *locks.Unresolved, there bool) string {
	var where []string
	for _, s := range q.sites {
		where = append(where, s.shown)
	}
	in := strings.Join(where, ", ")
	switch {
	case !there:
		return in + " has no such project"
	case len(u.Digests) > 0:
		return in + " has no file with one of the lock's hashes; was the lock made with another index?"
	}
	return in + " has no file of that version"
}

// noting notes in private that a request has carried a credential.
func noting(ctx context.Context, private *atomic.Bool) context.Context {
	return fetch.WithNote(ctx, func(fetch.Identity) { private.Store(true) })
}

// page reads a page, once.
func (q *query) page(ctx context.Context, net Fetcher, at string) *onePage {
	q.mu.Lock()
	p := q.pages[at]
	if p == nil {
		p = &onePage{}
		q.pages[at] = p
	}
	q.mu.Unlock()
	p.once.Do(func() {
		doc, err := net.Page(noting(ctx, &p.private), at, accept, maxPage)
		if err == nil {
			if p.files, err = parsePage(doc); err != nil {
				err = fmt.Errorf("%s: %w", fetch.Redact(at), err)
			}
		}
		p.err = err
	})
	return p
}

// sizes asks for the lengths that no page states. A server that doesn't say is
// no reason to fail: the size is known once the file is there.
func (q *query) sizes(ctx context.Context, net Fetcher, files []found) error {
	for i := range files {
		if files[i].Size != locks.SizeUnknown {
			continue
		}
		size, err := net.Head(ctx, []string{withCredentials(files[i].URL, q.sites)})
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err == nil {
			files[i].Size = size
		}
	}
	return nil
}

// collect makes artifacts of all that was found.
func (q *query) collect(packages []locks.Unresolved) ([]locks.Artifact, []string, error) {
	var all []locks.Artifact
	var warnings []string
	for i := range packages {
		u := &packages[i]
		as, err := artifacts(u, q.files[i], q.sites)
		if err != nil {
			return nil, nil, &Error{*u, err}
		}
		all = append(all, as...)
		warnings = append(warnings, warn(u, q.files[i])...)
	}
	return all, warnings, nil
}

// warn tells of what people should know about a package.
func warn(u *locks.Unresolved, files []found) []string {
	var out []string
	yanked, unverified := 0, 0
	for _, f := range files {
		if f.Yanked != nil {
			yanked++
		}
		if f.Unverified {
			unverified++
		}
	}
	if yanked == len(files) && yanked > 0 {
		reason := *files[0].Yanked
		if reason != "" {
			reason = ": " + reason
		}
		out = append(out, fmt.Sprintf("%.60s %.40s has been yanked from the index%.200s", u.Name, u.Version, reason))
	}
	if unverified > 0 && len(u.Digests) > 0 {
		out = append(out, fmt.Sprintf("%.60s %.40s: the index states no hash that the lock's can be compared with for %d of its files: they are served only with --lazy-allow-unverified=all",
			u.Name, u.Version, unverified))
	}
	return out
}
