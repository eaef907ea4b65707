package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"

	"github.com/containers/podman/v5/pkg/specgen"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// A place is where podman builds: as which user, in whose mount namespace, on
// which machine. Everything that differs between rootful, rootless and remote
// podmans is behind it; one file for each.
type place interface {
	// kind names the place, for messages and state files.
	kind() placeKind
	// connect returns a context for the bindings. A service that lazybuild
	// starts itself listens on sock.
	connect(ctx context.Context, sock string) (context.Context, error)
	// note completes the state with what a clean-up must know of the place, of
	// which more is known after settle.
	note(s *State)
	// reaches says whether this place is where a build with the state was.
	reaches(s *State) bool
	// settle finds out where mounts and stored files go on the machine that
	// builds, and makes what must be there before the proxy. api waits for connect.
	settle(ctx context.Context, api func() (context.Context, error)) (dirs, error)
	// view returns the path of a build context that differs from the user's in
	// some files. inProxy says that the proxy makes it.
	view(b *build) (path string, inProxy bool, err error)
	// system names the operating system and the architecture there, as Go does;
	// valid after settle.
	system() (os, arch string)
	// fit tells the proxy what is special about the place.
	fit(s *wire.Spec)
	// inContainer makes the proxy container's description, and what the proxy is
	// told in it, fit the place.
	inContainer(c *specgen.SpecGenerator, s *wire.Spec, b *build)
	// mountable is nil when a container there can run this machine's executable
	// from a mount, as far as can be seen; valid after connect.
	mountable(executable string) error
	// inProcess makes a command that runs the executable with args as a process
	// that sees what podman sees. It is not started.
	inProcess(executable string, args ...string) (*exec.Cmd, error)
	// deliver makes what goPlain has written to dir be there for podman, and returns
	// where.
	deliver(ctx context.Context, b *build, dir string) (string, error)
	// answers is nil when podman can be reached. It blocks for seconds at most.
	answers(ctx context.Context) error
	// whyLost is the error of a build whose proxy has ended too early.
	whyLost(ctx context.Context) error
	// shows says whether a build will see the mount at dir, without touching it.
	shows(ctx context.Context, dir string) (bool, error)
}

// placeKind is a place as the state file names it.
type placeKind string

const (
	rootful  placeKind = "rootful"
	rootless placeKind = "rootless"
	remote   placeKind = "remote"
)

// dirs are directories on the machine that builds.
type dirs struct{ base, store string }

// versions is what `podman version` says. Server is there only when podman is
// a client of another one.
type versions struct {
	Client *podmanVersion
	Server *podmanVersion
}

type podmanVersion struct{ Version string }

// versions asks the user's podman, with the user's global flags, environment
// and configuration: all that decides where it builds.
func (p *podman) versions(ctx context.Context) (*versions, error) {
	cmd := p.command(ctx, "version", "--format", "json")
	out, err := cmd.Output()
	if err != nil {
		said := ""
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) {
			said = ": " + lastLine(exit.Stderr)
		}
		return nil, hint("run `podman version`: it must work", "asking podman for its version: %w%s", err, said)
	}
	var v versions
	if err := json.Unmarshal(out, &v); err != nil {
		return nil, fmt.Errorf("asking podman for its version: %w", err)
	}
	return &v, nil
}

// findPlace finds out whether podman builds here or elsewhere.
func findPlace(ctx context.Context, p *podman, o *Options) (place, error) {
	ask := func() (*versions, error) { return p.askWhere(ctx, o.Known) }
	if o.Asked != nil {
		ask = o.Asked.versions
	}
	v, err := ask()
	if err != nil {
		return nil, err
	}
	if v.Server != nil {
		return newRemote(ctx, p, o, v)
	}
	return localPlaceFor(p, o)
}

// enterPodman makes the container a mere launcher of the proxy: it goes on in
// podman's own mount namespace (package enter says why and how).
func enterPodman(c *specgen.SpecGenerator) {
	c.CapAdd = append(c.CapAdd, "SYS_CHROOT", "SYS_PTRACE")
	c.Command = []string{"--enter"}
}
