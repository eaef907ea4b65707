package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// Ways to run the proxy (Options.Proxy).
const (
	// ProxyContainer: in a container, next to the build.
	ProxyContainer = "container"
	// ProxyProcess: as a process of this user's, where podman builds.
	ProxyProcess = "process"
	// ProxyAuto: in a container, and where that is not possible as a process.
	ProxyAuto = "auto"
)

// NoMountError says that a lazy directory cannot be had here: no way to run the
// proxy has worked. The build can only go on with a plain directory.
type NoMountError struct {
	// Container and Process say why not; nil for a way that was not asked for.
	Container, Process error
}

func (e *NoMountError) Error() string {
	var b strings.Builder
	b.WriteString("the dependencies cannot be mounted")
	for _, way := range []struct {
		name string
		err  error
	}{{"with a proxy container", e.Container}, {"with a proxy process", e.Process}} {
		if way.err != nil {
			fmt.Fprintf(&b, "\n  %s: %v", way.name, way.err)
		}
	}
	var h *HintError
	if !errors.As(errors.Join(e.Container, e.Process), &h) {
		b.WriteString("\n  hint: FUSE (/dev/fuse) and the right to mount are needed: as root, or with a rootless podman that works; " +
			"else --lazy-fallback=materialize builds from a plain directory")
	}
	return b.String()
}

// Unwrap returns the causes.
func (e *NoMountError) Unwrap() []error { return []error{e.Container, e.Process} }

// NoMount says whether the error means that a lazy directory cannot be had.
func NoMount(err error) bool {
	var e *NoMountError
	return errors.As(err, &e)
}

// startProxy brings the mount up, in the way that the user wants or that
// works, and checks that the build will see it.
func (b *build) startProxy(ctx context.Context) error {
	var cannot NoMountError
	if b.o.Proxy != ProxyProcess {
		err := b.someContainer(ctx)
		if err == nil || Interrupted(err) {
			return err
		}
		cannot.Container = err
	}
	if b.o.Proxy != ProxyContainer && b.place.kind() != remote {
		if cannot.Container != nil {
			b.o.UI.Note("no proxy in a container (%s): going on with one in a process", firstLine(cannot.Container))
		}
		err := b.mountWith(ctx, b.inProcess)
		if err == nil || Interrupted(err) {
			return err
		}
		cannot.Process = err
	}
	return &cannot
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

// mountWith starts the proxy in one way. After an error nothing is left of it,
// so that another way can be tried.
func (b *build) mountWith(ctx context.Context, start func(context.Context) error) error {
	err := start(ctx)
	if err == nil {
		err = b.waitMounted(ctx)
	}
	if err == nil || b.proxy == nil {
		return err
	}
	if Interrupted(err) {
		return err // end takes it down
	}
	b.proxy.bye(wire.Bye, byeLimitAbort)
	b.takenDown(b.proxy.waitGone(goneLimit))
	b.proxy = nil
	return errors.Join(err, cleanMounts(ctx, &b.state))
}

// someContainer brings the mount up by a proxy container that has this executable
// mounted, and where it cannot be run so by one whose image holds it.
func (b *build) someContainer(ctx context.Context) error {
	if _, err := b.api(); err != nil {
		return err
	}
	b.o.UI.Verbose("connected to podman")
	err := b.place.mountable(b.o.Executable)
	if err == nil {
		b.mounted = true
		err = b.mountWith(ctx, b.inContainer)
		var silent *notRunError
		if err == nil || Interrupted(err) || outcomeUnknown(err) || !errors.As(err, &silent) {
			return err
		}
	}
	b.o.UI.Verbose("lazybuild's executable goes into the proxy image: %v", err)
	b.mounted = false
	return b.mountWith(ctx, b.inContainer)
}

// notRunError says that lazybuild has not said a word in the proxy container:
// the container cannot run it, or not at all.
type notRunError struct{ err error }

func (e *notRunError) Error() string { return e.err.Error() }

func (e *notRunError) Unwrap() error { return e.err }

// inContainer starts the proxy in a container.
func (b *build) inContainer(ctx context.Context) error {
	api, err := b.api()
	if err != nil {
		return err
	}
	image, err := b.image(ctx, api)
	if err != nil {
		return err
	}
	b.o.UI.Verbose("proxy image %s is there", image)
	c, s := proxySpec(b.id, image), b.spec()
	b.place.inContainer(c, &s, b)
	if b.mounted {
		mountProgram(c, b.o.Executable)
	}
	if b.proxy, err = startContainer(api, c, s, b.o.Plan.Tree, b.onEvent); err != nil {
		b.notStarted(api, err)
		return &notRunError{err}
	}
	b.way = ProxyContainer
	go func(p *proxy) {
		files, err := filesOf(api, b.id.container())
		if err != nil {
			return // a clean-up asks
		}
		_ = b.file.noteStorage(filepath.Dir(files))
		if b.place.kind() != remote {
			p.files.Store(&files)
		}
	}(b.proxy)
	return nil
}

// notStarted removes what startContainer has left after an error.
func (b *build) notStarted(api context.Context, why error) {
	if outcomeUnknown(why) {
		b.state.Late, b.unsure = true, true
		b.noteState()
	}
	b.takenDown(removeNow(api, b.id.container()))
}

// image makes sure that the podman of api has the proxy image. It lets one build
// at a time look for it: making it takes a second, and sixteen builds that make it
// at once take sixteen.
func (b *build) image(ctx, api context.Context) (string, error) {
	os, arch := b.place.system()
	p, err := programFor(os, arch, running(b.o.Executable))
	if err != nil {
		return "", err
	}
	p.far, p.mounted = b.place.kind() == remote, b.mounted
	tag := b.tag
	if p.path == "" || p.mounted {
		tag = p.tag
	}
	lock := flock.New(filepath.Join(b.o.Base, "image.lock"))
	if _, err := lock.TryLockContext(ctx, lockPoll); err != nil {
		if ctx.Err() != nil {
			err = errInterrupted
		}
		return "", fmt.Errorf("waiting for the proxy image: %w", err)
	}
	defer lock.Unlock()
	return imageOf(api, p, tag)
}

// lockPoll is how often somebody who waits for a lock looks again.
const lockPoll = 20 * time.Millisecond

// inProcess starts the proxy as a process.
func (b *build) inProcess(context.Context) error {
	cmd, err := b.place.inProcess(b.o.Executable, "proxy")
	if err != nil {
		return err
	}
	if b.proxy, err = startProcess(cmd, b.spec(), b.o.Plan.Tree, b.onEvent); err != nil {
		return err
	}
	b.way = ProxyProcess
	b.state.Proxy, b.state.ProxyStart = cmd.Process.Pid, processStart(cmd.Process.Pid)
	b.noteState()
	return nil
}

// waitMounted blocks until the build will see the mount, or says why it will not.
func (b *build) waitMounted(ctx context.Context) (err error) {
	b.mode, err = b.proxy.waitReady(ctx)
	if b.mounted && !Interrupted(err) {
		// A file keeps its inode as long as it runs. So what was mounted is the one
		// that runs here if it stood at its path before and still does.
		if changed := b.place.mountable(b.o.Executable); changed != nil {
			return &notRunError{changed}
		}
	}
	if err != nil {
		return err
	}
	b.mode.Mode = b.way
	b.o.UI.Verbose("build %s: %s podman, proxy in a %s, passthrough %v (%s)", b.id, b.place.kind(), b.way, b.mode.Passthrough, b.mode.Why)
	seen, err := b.place.shows(ctx, b.output())
	if err != nil {
		return err
	}
	if !seen {
		return hint("see that the mount that carries it is shared: findmnt -o TARGET,PROPAGATION -T "+b.dirs.base,
			"the proxy's mount does not appear at %s, where podman looks for it", b.output())
	}
	return nil
}
