package content

import (
	"context"
	"fmt"

	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// repo is a generated directory, under way or made.
type repo struct {
	all   *tree.File // its content as a whole; nil for repodata
	done  chan struct{}
	files []tree.File
	err   error
}

// kindRepodata is the recipe that looks at the RPMs of a directory.
const kindRepodata = "repodata"

// Expand returns the files of a generated directory, with paths below it. It
// blocks until they are known (which may take downloads) or ctx is done, which
// is the caller's interest only: callers share the work. A failed attempt is
// forgotten, so that a later one tries again.
func (s *Source) Expand(ctx context.Context, d *tree.Dir) ([]tree.File, error) {
	r := s.startRepo(d, fetch.Demand)
	if !s.ahead.off() {
		// dnf reads one repository after the other, all that are enabled, and
		// cargo one crate after the other. What they are made of comes from
		// servers that can send many at the same time.
		for i := range s.tree.Dirs {
			if other := &s.tree.Dirs[i]; other.Make.Kind == d.Make.Kind && other.Input == d.Input {
				s.startRepo(other, fetch.ReadAhead)
			}
		}
	}
	select {
	case <-r.done:
		return r.files, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// startRepo returns the directory under way or made, and starts it if need be.
func (s *Source) startRepo(d *tree.Dir, p fetch.Priority) *repo {
	s.mu.Lock()
	r := s.repos[d.Path]
	if r != nil {
		s.mu.Unlock()
		s.hurry(r, p)
		return r
	}
	defer s.mu.Unlock()
	r = &repo{done: make(chan struct{})}
	if d.Make.Kind != kindRepodata {
		r.all = whole(d)
	}
	s.repos[d.Path] = r
	s.wg.Go(func() {
		if r.files, r.err = s.expand(s.ctx, d, r.all, p); r.err != nil {
			s.mu.Lock()
			delete(s.repos, d.Path)
			s.mu.Unlock()
		}
		close(r.done)
	})
	return r
}

// hurry raises the priority of a directory under way that a program waits for.
func (s *Source) hurry(r *repo, p fetch.Priority) {
	if p != fetch.Demand || r.all == nil {
		return
	}
	select {
	case <-r.done:
	default:
		s.join(r.all, p)
	}
}

func (s *Source) expand(ctx context.Context, d *tree.Dir, all *tree.File, p fetch.Priority) ([]tree.File, error) {
	if all != nil {
		return s.unpacked(ctx, all, p)
	}
	files, err := s.repodata(ctx, d.Make.Args["dir"], d.Make.Args["modules"])
	if err != nil {
		return nil, fmt.Errorf("making %s: %w", d.Path, err)
	}
	return files, nil
}
