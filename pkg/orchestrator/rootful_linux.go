package orchestrator

import (
	"context"
	"os/exec"
	"runtime"

	"github.com/containers/podman/v5/pkg/specgen"
	spec "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// rootfulPlace is root's podman on this machine. The proxy container sees
// nothing of the host but the base, the store and what the build makes it need;
// its mounts propagate through the base, which is a shared mount.
type rootfulPlace struct{ localPlace }

var _ place = (*rootfulPlace)(nil)

func (*rootfulPlace) kind() placeKind { return rootful }

func (*rootfulPlace) system() (os, arch string) { return runtime.GOOS, runtime.GOARCH }

func (r *rootfulPlace) settle(context.Context, func() (context.Context, error)) (dirs, error) {
	if err := r.makeStore(); err != nil {
		return dirs{}, err
	}
	return r.dirs, shareBase(r.dirs.base)
}

func (*rootfulPlace) fit(*wire.Spec) {}

// contextInProxy is where the proxy container has the build context, and
// hostInProxy the machine's root directory when it is to run the machine's
// createrepo_c: the image has no programs.
const (
	contextInProxy = "/context"
	hostInProxy    = "/host"
)

func (r *rootfulPlace) inContainer(c *specgen.SpecGenerator, s *wire.Spec, b *build) {
	bind := func(source, target string, options ...string) {
		c.Mounts = append(c.Mounts, spec.Mount{Type: "bind", Source: source, Destination: target, Options: options})
	}
	bind(r.dirs.base, r.dirs.base, "rbind", "rshared", "rw")
	bind(r.dirs.store, r.dirs.store, "bind", "private", "rw")
	if s.View != nil {
		bind(s.View.Lower, contextInProxy, "bind", "private", "ro")
		s.View.Lower = contextInProxy
	}
	if s.RPMMetadata == wire.Createrepo {
		// The store is in it too: createrepo_c writes there.
		bind("/", hostInProxy, "bind", "private", "ro")
		bind(r.dirs.store, hostInProxy+r.dirs.store, "bind", "private", "rw")
		c.CapAdd = append(c.CapAdd, "SYS_CHROOT")
		s.HostRoot = hostInProxy
	}
}

func (*rootfulPlace) inProcess(executable string, args ...string) (*exec.Cmd, error) {
	return exec.Command(executable, args...), nil
}

func (*rootfulPlace) shows(_ context.Context, dir string) (bool, error) { return isMounted(dir) }
