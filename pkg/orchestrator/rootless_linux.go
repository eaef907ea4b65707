package orchestrator

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/containers/podman/v5/pkg/specgen"
	"github.com/moby/sys/mountinfo"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// rootlessPlace is a user's podman on this machine. It builds in a user
// namespace and a mount namespace of its own, which a "pause" process keeps.
// Mounts there are private, and `podman system migrate` throws them away with
// everything in them; so the proxy mounts in podman's namespace itself, and
// whether it is there is looked up anew for every build.
type rootlessPlace struct{ localPlace }

var _ place = (*rootlessPlace)(nil)

func (*rootlessPlace) kind() placeKind { return rootless }

func (*rootlessPlace) system() (os, arch string) { return runtime.GOOS, runtime.GOARCH }

func (r *rootlessPlace) settle(context.Context, func() (context.Context, error)) (dirs, error) {
	return r.dirs, r.makeStore()
}

func (*rootlessPlace) fit(s *wire.Spec) { s.UserXattr = true }

func (*rootlessPlace) inContainer(c *specgen.SpecGenerator, _ *wire.Spec, _ *build) {
	// The namespace that podman is in, whatever containers.conf says.
	c.UserNS = specgen.Namespace{NSMode: specgen.Host}
	enterPodman(c)
}

func (r *rootlessPlace) inProcess(executable string, args ...string) (*exec.Cmd, error) {
	return r.p.unshare(context.Background(), append([]string{executable}, args...)...), nil
}

// shows looks where the build will look: into the mounts of podman's own
// namespace. The namespace's pause process is asked for them; where podman
// keeps no note of it, podman itself.
func (r *rootlessPlace) shows(ctx context.Context, dir string) (bool, error) {
	if seen, err := mountedIn(pauseMounts(), dir); err == nil && seen {
		return true, nil
	}
	table, err := r.p.unshare(ctx, "cat", "/proc/self/mountinfo").Output()
	if err != nil {
		return false, fmt.Errorf("looking into podman's mount namespace (podman unshare): %w", err)
	}
	return mountedIn(table, dir)
}

// pauseMounts is the mountinfo of podman's pause process, nil when there is none.
func pauseMounts() []byte {
	pid, err := os.ReadFile(filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "libpod", "tmp", "pause.pid"))
	if err != nil {
		return nil
	}
	table, _ := os.ReadFile(filepath.Join("/proc", strings.TrimSpace(string(pid)), "mountinfo"))
	return table
}

// mountedIn says whether a mountinfo has something mounted exactly at dir.
func mountedIn(table []byte, dir string) (bool, error) {
	mounts, err := mountinfo.GetMountsFromReader(bytes.NewReader(table), mountinfo.SingleEntryFilter(mountPath(dir)))
	return len(mounts) > 0, err
}
