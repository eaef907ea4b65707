package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"time"

	"github.com/containers/podman/v5/libpod/define"
	"github.com/containers/podman/v5/pkg/bindings/system"
	"github.com/containers/podman/v5/pkg/bindings/volumes"
	"github.com/containers/podman/v5/pkg/domain/entities/types"
	"github.com/containers/podman/v5/pkg/specgen"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// remotePlace is a podman service elsewhere: on another machine, in a podman
// machine, or behind a socket of this one. Nothing of this machine's file
// system is taken to be there. What the build needs on the other side the
// proxy makes there, in podman's own mount namespace; downloads are kept in a
// named volume; the build context and the Containerfiles go over the
// connection, as podman sends them.
type remotePlace struct {
	build, proxy endpoint
	volume       string
	info         *define.Info // of the proxy's podman
	guest        int          // the user that builds, where that is not the proxy's
}

var _ place = (*remotePlace)(nil)

// The oldest versions that honour `build --volume` of a remote client. Older
// servers drop it without a word; clients 4.4 and 4.5 look for the directory on
// the wrong machine.
var (
	oldestServer = [2]int{4, 4}
	oldestClient = [2]int{4, 6}
)

func newRemote(ctx context.Context, p *podman, o *Options, v *versions) (place, error) {
	if err := checkVersions(v); err != nil {
		return nil, err
	}
	if o.Proxy == ProxyProcess {
		return nil, &UsageError{errors.New("--lazy-proxy=process: podman builds on another machine, where lazybuild can start containers only")}
	}
	build, proxy, err := p.endpointOf(ctx, o.Line)
	if err != nil {
		return nil, err
	}
	return &remotePlace{build: build, proxy: proxy, volume: o.Volume}, nil
}

func checkVersions(v *versions) error {
	for _, side := range []struct {
		what   string
		has    *podmanVersion
		oldest [2]int
	}{{"the podman service", v.Server, oldestServer}, {"podman on this machine", v.Client, oldestClient}} {
		if side.has == nil {
			continue
		}
		var n [2]int
		if _, err := fmt.Sscanf(side.has.Version, "%d.%d", &n[0], &n[1]); err != nil {
			return fmt.Errorf("%s has the version %q, which is none", side.what, side.has.Version)
		}
		if slices.Compare(n[:], side.oldest[:]) < 0 {
			return hint("update it, or build on the machine of the service itself",
				"%s is version %s: a remote build mounts directories (--volume) only from version %d.%d on",
				side.what, side.has.Version, side.oldest[0], side.oldest[1])
		}
	}
	return nil
}

func (*remotePlace) kind() placeKind { return remote }

func (r *remotePlace) connect(ctx context.Context, _ string) (context.Context, error) {
	return r.proxy.connect(ctx)
}

func (r *remotePlace) note(s *State) {
	e, user := r.proxy, r.build
	e.URI, user.URI = withoutPassword(e.URI), withoutPassword(user.URI)
	s.Endpoint = &e
	if r.ofMachine() {
		s.User = &user
	}
	if r.info != nil {
		s.Machine = machineOf(r.info)
		s.Storage, s.RunDir = storageOf(r.info), runDirOf(r.info)
	}
}

func machineOf(info *define.Info) *machine {
	return &machine{OS: info.Host.OS, Arch: info.Host.Arch, Rootless: info.Host.Security.Rootless}
}

func (r *remotePlace) reaches(s *State) bool {
	return s.Place != remote || s.Endpoint != nil && s.Endpoint.URI == withoutPassword(r.proxy.URI)
}

func (r *remotePlace) settle(ctx context.Context, api func() (context.Context, error)) (dirs, error) {
	c, err := api()
	if err != nil {
		return dirs{}, err
	}
	if r.info, err = system.Info(c, nil); err != nil {
		return dirs{}, fmt.Errorf("asking podman at %s about itself: %w", &r.proxy, err)
	}
	if _, err := programFor(r.info.Host.OS, r.info.Host.Arch, ""); err != nil {
		return dirs{}, fmt.Errorf("%s: %w", &r.proxy, err)
	}
	if r.ofMachine() {
		if r.guest, err = r.guestID(ctx); err != nil {
			return dirs{}, err
		}
	}
	store, err := r.store(c)
	if err != nil {
		return dirs{}, err
	}
	return dirs{base: r.base(), store: store}, nil
}

// guestID is the user of the podman that builds, as root of the machine sees it:
// 0 for root itself.
func (r *remotePlace) guestID(ctx context.Context) (int, error) {
	c, err := r.build.connect(ctx)
	if err != nil {
		return 0, err
	}
	info, err := system.Info(c, nil)
	if err != nil {
		return 0, fmt.Errorf("asking podman at %s about itself: %w", &r.build, err)
	}
	for _, m := range info.Host.IDMappings.UIDMap {
		if info.Host.Security.Rootless && m.ContainerID == 0 {
			return m.HostID, nil
		}
	}
	return 0, nil
}

// system is what the podman there runs on.
func (r *remotePlace) system() (os, arch string) { return r.info.Host.OS, r.info.Host.Arch }

// base is a directory there that does not outlive a reboot: what podman has for
// the same purpose is of the right user.
func (r *remotePlace) base() string {
	return path.Join(runDirOf(r.info), "lazybuild")
}

// runDirOf is where a podman's user keeps what does not outlive a reboot.
func runDirOf(info *define.Info) string {
	if info.Host.Security.Rootless {
		return path.Dir(info.Store.RunRoot)
	}
	return "/run"
}

// store makes the volume, if it is not there, and returns a directory in it.
// The volume's own directory belongs to podman, which sets its mode.
func (r *remotePlace) store(api context.Context) (string, error) {
	there, err := volumes.Exists(api, r.volume, nil)
	if err == nil && !there {
		if _, err = volumes.Create(api, types.VolumeCreateOptions{Name: r.volume}, nil); err != nil {
			// Another build may have been quicker.
			if there, e := volumes.Exists(api, r.volume, nil); e == nil && there {
				err = nil
			}
		}
	}
	if err != nil {
		return "", fmt.Errorf("making the volume %s at %s: %w", r.volume, &r.proxy, err)
	}
	v, err := volumes.Inspect(api, r.volume, nil)
	if err != nil {
		return "", fmt.Errorf("looking at the volume %s at %s: %w", r.volume, &r.proxy, err)
	}
	if v.Mountpoint == "" {
		return "", hint("name another volume with --lazy-volume",
			"the volume %s at %s has no directory: it is not a local one", r.volume, &r.proxy)
	}
	return path.Join(v.Mountpoint, "store"), nil
}

// ofMachine: the build runs as a user of the proxy's machine, not as root.
func (r *remotePlace) ofMachine() bool { return r.build != r.proxy }

func (r *remotePlace) fit(s *wire.Spec) {
	s.UserXattr, s.Guest = r.info.Host.Security.Rootless, r.guest
}

func (r *remotePlace) inContainer(c *specgen.SpecGenerator, _ *wire.Spec, _ *build) {
	if r.info.Host.Security.Rootless {
		c.UserNS = specgen.Namespace{NSMode: specgen.Host}
	}
	// The limits of this machine mean nothing there.
	c.Rlimits = nil
	// Not used by the proxy, which is outside of the container: it keeps
	// `podman volume prune` from taking the store away.
	c.Volumes = append(c.Volumes, &specgen.NamedVolume{Name: r.volume, Dest: "/store"})
	enterPodman(c)
}

func (*remotePlace) mountable(string) error { return errElsewhere }

var errElsewhere = errors.New("podman builds on another machine")

func (r *remotePlace) inProcess(string, ...string) (*exec.Cmd, error) {
	return nil, errElsewhere
}

// view copies the context, because podman sends it from here.
func (r *remotePlace) view(b *build) (string, bool, error) {
	dir := filepath.Join(b.state.Tmp, "context")
	return dir, false, linkView(b.o.Target.Context, dir, b.o.Plan.Rewrites)
}

// answerLimit is how long a podman that works takes to answer at most.
const answerLimit = 3 * time.Second

func (r *remotePlace) answers(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, answerLimit)
	defer cancel()
	answered := make(chan error, 1)
	// The ssh of the bindings does not heed ctx.
	go func() {
		_, err := r.proxy.connect(ctx)
		answered <- err
	}()
	var err error
	select {
	case err = <-answered:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		return fmt.Errorf("podman at %s does not answer", &r.proxy)
	}
	return nil
}

// whyLost tells a proxy that was killed from a connection that is away. One
// that is back already cannot be told.
func (r *remotePlace) whyLost(ctx context.Context) error {
	if r.answers(ctx) != nil {
		return hint("see that `podman info` works again, and build again: everything that was fetched is kept there",
			"the connection to podman at %s is lost: the build was stopped", &r.proxy)
	}
	return hint("build again: everything that was fetched is kept there",
		"the proxy has ended before the build, or the connection to podman at %s has: the build was stopped", &r.proxy)
}

// shows trusts the proxy, which is where podman is. In a podman machine podman
// would not find the directory otherwise (wire.Spec.Guest).
func (r *remotePlace) shows(context.Context, string) (bool, error) { return true, nil }
