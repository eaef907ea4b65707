package orchestrator

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// localPlaceFor is the place of a podman on this machine. Whether that is
// rootless is podman's own rule: it is, unless the user is root. podman itself is
// not asked, which takes it longer than everything else; the place looks for the
// mount where such a podman would see it.
func localPlaceFor(p *podman, o *Options) (place, error) {
	local := localPlace{p: p, dirs: dirs{base: o.Base, store: o.Store}}
	if os.Geteuid() != 0 {
		return &rootlessPlace{local}, nil
	}
	return &rootfulPlace{local}, nil
}

// localPlace is what rootful and rootless podmans on this machine share.
type localPlace struct {
	p    *podman
	dirs dirs
}

func (l *localPlace) connect(ctx context.Context, sock string) (context.Context, error) {
	return l.p.connect(ctx, sock)
}

func (l *localPlace) mountable(executable string) error {
	return mountable(executable, l.p.server)
}

func (l *localPlace) makeStore() error {
	if err := os.MkdirAll(l.dirs.store, 0o700); err != nil {
		return fmt.Errorf("making the store: %w", err)
	}
	return nil
}

func (l *localPlace) view(b *build) (string, bool, error) { //nolint:unparam // the interface has an error
	return filepath.Join(b.state.Dir, "context"), true, nil
}

func (*localPlace) note(s *State) {
	if os.Geteuid() != 0 {
		s.RunDir = os.Getenv("XDG_RUNTIME_DIR")
	}
}

func (*localPlace) deliver(_ context.Context, _ *build, dir string) (string, error) { return dir, nil }

func (*localPlace) answers(context.Context) error { return nil }

func (*localPlace) whyLost(context.Context) error { return errProxyLost }

func (*localPlace) reaches(s *State) bool { return s.Place != remote }
