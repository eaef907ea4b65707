package content

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/store"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// holders are the credentials of this build as the store knows them. They decide
// what the build sees of the store: see store.View.
type holders map[fetch.Identity]store.Holder

// holdersIn finds the credentials that a build has: those that it was given, and
// those in the URLs of its tree.
func holdersIn(ctx context.Context, s *store.Store, creds []fetch.Credential, t *tree.Tree) (holders, error) {
	all := holders{}
	add := func(id fetch.Identity) (err error) {
		if _, known := all[id]; known || id == "" {
			return nil
		}
		all[id], err = s.Holder(ctx, string(id))
		return err
	}
	for _, c := range creds {
		for _, id := range c.Identities() {
			if err := add(id); err != nil {
				return nil, err
			}
		}
	}
	for raw := range urlsWithUser(t) {
		if err := add(fetch.URLIdentity(raw)); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Holder names the credentials of the network, and those in front of the hosts of
// urls, as store.View.Tag does; it is empty when there are none. The store's key
// is made when there is none.
func (n *Network) Holder(ctx context.Context, s *store.Store, urls []string) (string, error) {
	all, err := holdersIn(ctx, s, credentials(n), &tree.Tree{Files: []tree.File{{URLs: urls}}})
	if err != nil {
		return "", err
	}
	return all.view(s).Tag(), nil
}

// urlsWithUser are the URLs of a tree that have a user in front of the host.
// There may be a million others.
func urlsWithUser(t *tree.Tree) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		each := func(f *tree.File) bool {
			for _, raw := range f.URLs {
				_, rest, _ := strings.Cut(raw, "://")
				if i := strings.IndexByte(rest, '/'); i >= 0 {
					rest = rest[:i]
				}
				if strings.IndexByte(rest, '@') >= 0 && !yield(raw) {
					return false
				}
			}
			return true
		}
		for i := range t.Files {
			f := &t.Files[i]
			if !each(f) || f.Make != nil && f.Make.From != nil && !each(f.Make.From) {
				return
			}
		}
		for i := range t.Dirs {
			if from := t.Dirs[i].Make.From; from != nil && !each(from) {
				return
			}
		}
	}
}

// view is what the holders see.
func (h holders) view(s *store.Store) *store.View {
	var by []store.Holder
	for _, b := range h {
		by = append(by, b)
	}
	return s.As(by...)
}

// use collects the credentials with which requests have been made.
type use struct {
	of   holders
	mu   sync.Mutex
	seen []store.Holder
}

// noting returns a context whose requests are noted.
func (s *Source) noting(ctx context.Context) (context.Context, *use) {
	u := &use{of: s.holders}
	return fetch.WithNote(ctx, u.note), u
}

func (u *use) note(id fetch.Identity) {
	u.mu.Lock()
	defer u.mu.Unlock()
	b, ok := u.of[id]
	if !ok {
		b = "unknown" // which nobody holds
	}
	if !slices.Contains(u.seen, b) {
		u.seen = append(u.seen, b)
	}
}

// by are the holders whose credentials have been used.
func (u *use) by() []store.Holder {
	u.mu.Lock()
	defer u.mu.Unlock()
	return slices.Clone(u.seen)
}
