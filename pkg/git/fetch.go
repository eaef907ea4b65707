package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/fetch"
)

// Options say how to fetch. Client and Scratch are needed.
type Options struct {
	// Client makes the requests: its credentials, proxies, authorities, limits
	// and watchdog hold.
	Client *fetch.Client
	// Ticket holds the priority in the Client's queue; nil for Demand.
	Ticket *fetch.Ticket
	// Scratch is a directory for files that are removed at the end; it should be
	// on the disk on which the result will be.
	Scratch string
	// Received, if set, hears of bytes as they come.
	Received func(n int)
	// Limits bound what is fetched and made.
	Limits Limits
	// Keep, if set, is asked for what has been fetched before: it returns the
	// file that produce has written under this name, now or earlier. So several
	// things that are made of one commit cost one fetch.
	Keep func(ctx context.Context, name string, produce func(ctx context.Context, w io.Writer) error) (*os.File, error)
	// Submodules asks for the repositories that the commit names as well.
	Submodules bool
}

// Commit is a commit with everything that its checkout needs, on the disk.
type Commit struct {
	id      id
	url     string
	o       *objects
	info    commit
	limits  Limits
	dir     string             // for scratch files
	prefix  string             // where its checkout is in that of the commit that was asked for
	modules map[string]*Commit // submodules, by the path in its own checkout
}

// Fetch gets one commit from the first of the URLs that has it. It blocks until
// all is there and has been checked. The caller closes the Commit. Errors name
// the repository without credentials; those of the network are in their chain.
func Fetch(ctx context.Context, urls []string, commit string, opt Options) (*Commit, error) {
	opt.Limits = opt.Limits.withDefaults()
	want, err := parseID(commit)
	if err != nil {
		return nil, err
	}
	m := modules{opt: opt}
	return m.any(ctx, urls, want, 0)
}

// fetchAny tries the repository's URLs in turn.
func fetchAny(ctx context.Context, urls []string, want id, opt Options) (*Commit, error) {
	var errs []error
	for _, raw := range urls {
		places, err := Places(raw)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		for _, place := range places {
			c, err := fetchOne(ctx, place, want, opt)
			if err == nil {
				return c, nil
			}
			if ctx.Err() != nil {
				return nil, context.Cause(ctx)
			}
			errs = append(errs, fmt.Errorf("fetching the commit %s of %s: %w", want, fetch.Redact(place), err))
		}
	}
	if len(errs) == 0 {
		return nil, errors.New("no URL of a git repository")
	}
	return nil, errors.Join(errs...)
}

// fetchOne gets the commit from one repository.
func fetchOne(ctx context.Context, place string, want id, opt Options) (_ *Commit, err error) {
	r := &remote{client: opt.Client, ticket: opt.Ticket, url: place}
	if err := r.connect(ctx); err != nil {
		return nil, err
	}
	f := want.format()
	if r.formatOf() != f.name {
		return nil, fmt.Errorf("the repository's object ids are %s, and the commit's is %s", r.formatOf(), f.name)
	}
	w := &work{remote: r, opt: opt, want: want}
	defer w.close()
	o, err := w.objects(ctx)
	if err != nil {
		return nil, err
	}
	c := &Commit{id: want, url: place, o: o, limits: opt.Limits, dir: opt.Scratch}
	if c.info, err = o.commit(want); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// Close removes what is on the disk.
func (c *Commit) Close() {
	c.o.close()
	for _, m := range c.modules {
		m.Close()
	}
}

// work is one fetch.
type work struct {
	remote *remote
	opt    Options
	want   id
	pack   *os.File
}

// errNotThere: a pack, or the repository, does not have the commit.
var errNotThere = errors.New("the repository does not have the commit")

// objects gets a pack with the commit: the commit alone, else the default
// branch, else all branches and tags.
func (w *work) objects(ctx context.Context) (*objects, error) {
	refs := w.remote.refs
	if w.mayAsk(refs) {
		o, err := w.try(ctx, []id{w.want}, w.depth())
		var refused *remoteError
		if err == nil || !errors.As(err, &refused) {
			return o, err
		}
		if w.remote.version == 2 && strings.Contains(refused.msg, "not our ref") {
			// git's own way to say that there is no such object: the branches, which
			// can be gigabytes, don't have it either.
			return nil, w.notThere()
		}
	}
	refs, err := w.remote.lsRefs(ctx, w.want.format())
	if err != nil {
		return nil, err
	}
	last := 0
	for _, wants := range [][]id{tips(refs, true), tips(refs, false)} {
		if len(wants) == last || len(wants) == 0 {
			continue
		}
		last = len(wants)
		o, err := w.try(ctx, wants, 0)
		if !errors.Is(err, errNotThere) {
			return o, err
		}
	}
	return nil, w.notThere()
}

func (w *work) notThere() error {
	return fmt.Errorf("%w: it is on no branch and no tag (it may have been removed, or the repository is another one)", errNotThere)
}

// mayAsk says whether the server may be asked for a commit that it has not
// named. With version 2 it may be, and some refuse.
func (w *work) mayAsk(refs []ref) bool {
	if w.remote.version == 2 || w.remote.can("allow-reachable-sha1-in-want", "allow-any-sha1-in-want") {
		return true
	}
	return slices.ContainsFunc(refs, func(r ref) bool { return r.id == w.want })
}

// depth is 1 where the server can leave out the history, else 0.
func (w *work) depth() int {
	if w.remote.can("shallow") || slices.Contains(strings.Fields(w.remote.caps["fetch"]), "shallow") {
		return 1
	}
	return 0
}

// tips are the commits of the branches and tags, or of the default branch alone.
func tips(refs []ref, head bool) []id {
	var ids []id
	seen := map[id]bool{}
	for _, r := range refs {
		if head != (r.name == "HEAD") && head || seen[r.id] {
			continue
		}
		seen[r.id] = true
		ids = append(ids, r.id)
	}
	return ids
}

// try fetches and unpacks.
func (w *work) try(ctx context.Context, wants []id, depth int) (*objects, error) {
	if err := w.remote.fetch(ctx, w.want.format(), wants, depth, w.keep); err != nil {
		return nil, err
	}
	o, err := newObjects(w.opt, w.want.format())
	if err != nil {
		return nil, err
	}
	err = o.unpack(ctx, w.pack)
	if _, ok := o.index[w.want]; err == nil && !ok {
		err = errNotThere
	}
	if err != nil {
		o.close()
		return nil, err
	}
	return o, nil
}

// keep writes a pack to the scratch directory; each try begins anew.
func (w *work) keep(r io.Reader) error {
	w.close()
	f, err := scratch(w.opt.Scratch)
	if err != nil {
		return err
	}
	w.pack = f
	n, err := io.Copy(&counted{f, w.opt.Received}, io.LimitReader(r, w.opt.Limits.Packed+1))
	if err == nil && n > w.opt.Limits.Packed {
		err = &LimitError{What: "bytes, packed", Limit: w.opt.Limits.Packed}
	}
	if err != nil {
		return fmt.Errorf("receiving the objects: %w", err)
	}
	return nil
}

// counted tells of what is written.
type counted struct {
	f    *os.File
	tell func(n int)
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.f.Write(b)
	if c.tell != nil {
		c.tell(n)
	}
	return n, err
}

func (w *work) close() {
	if w.pack != nil {
		w.pack.Close()
		w.pack = nil
	}
}

func newObjects(opt Options, f format) (*objects, error) {
	file, err := scratch(opt.Scratch)
	if err != nil {
		return nil, err
	}
	return &objects{format: f, f: file, index: map[id]object{}, limits: opt.Limits}, nil
}

func (o *objects) close() { o.f.Close() } // a file without a name: there is nothing to lose

func (c *Commit) scratch() (*os.File, error) { return scratch(c.dir) }

// scratch makes a file that is gone when it is closed, or the process dies.
func scratch(dir string) (*os.File, error) {
	f, err := os.CreateTemp(dir, "git-*")
	if err != nil {
		return nil, fmt.Errorf("making room for a repository: %w", err)
	}
	if err := os.Remove(filepath.Join(dir, filepath.Base(f.Name()))); err != nil {
		f.Close()
		return nil, fmt.Errorf("making room for a repository: %w", err)
	}
	return f, nil
}
