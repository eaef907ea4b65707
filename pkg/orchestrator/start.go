package orchestrator

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/plan"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// inBackground starts f and returns a function that waits for its results.
func inBackground[T any](f func() (T, error)) func() (T, error) {
	done := make(chan struct{})
	var v T
	var err error
	go func() {
		defer close(done)
		v, err = f()
	}()
	return func() (T, error) {
		<-done
		return v, err
	}
}

// start does everything that comes before podman, and returns its arguments.
func (b *build) start(ctx context.Context) (args []string, err error) {
	ctx, stop := UntilSignal(ctx, b.o.Signals)
	defer stop()
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	if args, err = b.arguments(ctx); err != nil {
		return nil, err
	}
	if err := b.startProxy(ctx); err != nil {
		return nil, err
	}
	if ctx.Err() != nil {
		return nil, errInterrupted
	}
	return args, nil
}

// prepare names the build and writes down what it may leave, before any of it
// exists.
func (b *build) prepare(ctx context.Context) error {
	o := &b.o
	inputs := [][]byte{[]byte(o.Plan.Fingerprint()), []byte(strings.Join(o.Line.Verbatim(), "\x00"))}
	for _, f := range o.Target.Files {
		inputs = append(inputs, f.Data)
	}
	var err error
	if b.id, err = NewBuildID(randomSource, inputs...); err != nil {
		return err
	}
	if err := prepareBase(o.Base); err != nil {
		return err
	}
	if err := Sweep(ctx, o.Base); err != nil {
		o.UI.Warn("cleaning up after an earlier build: %v", err)
	}
	b.state = State{
		ID: b.id, Created: o.Now(), PID: os.Getpid(), Podman: b.p.path, Global: b.p.global,
		Dir:     filepath.Join(o.Base, string(b.id)),
		Scratch: filepath.Join(o.Store, "scratch", string(b.id)),
		Tmp:     filepath.Join(o.Tmp, b.id.container()),
	}
	b.state.PIDStart, b.state.What = processStart(os.Getpid()), o.what()
	if b.file, err = createState(o.Base, b.state); err != nil {
		return err
	}
	b.progress = &progressFile{path: progressPath(b.file.path), now: o.Now}
	b.progress.enter(PhaseStarting)
	// Taking down happens through the same connection, after a Ctrl-C too.
	b.api = inBackground(func() (context.Context, error) {
		return b.p.connect(context.WithoutCancel(ctx), socketPath(o.Base, b.id))
	})
	if b.reaper, err = startReaper(o.Executable, b.file.path); err != nil {
		return err
	}
	// Others may pass: a RUN in a user namespace starts from a directory below.
	if err := os.MkdirAll(b.state.Tmp, 0o711); err != nil {
		return fmt.Errorf("making a directory for temporary files: %w", err)
	}
	if err := os.MkdirAll(o.Store, 0o700); err != nil {
		return fmt.Errorf("making the store: %w", err)
	}
	return nil
}

// startProxy brings the mount up and checks that the build will see it.
func (b *build) startProxy(ctx context.Context) error {
	api, err := b.api()
	if err != nil {
		return err
	}
	b.o.UI.Verbose("connected to podman")
	storage := make(chan string, 1)
	go func() { storage <- storageOf(api) }()
	tag, err := b.tag()
	if err != nil {
		return err
	}
	image, err := ensureImage(api, b.o.Executable, tag)
	if err != nil {
		return err
	}
	b.o.UI.Verbose("proxy image %s is there", image)
	b.proxy, err = startProxy(api, proxySpec(b.id, image, b.binds()), b.spec(), b.o.Plan.Tree, b.onEvent)
	if err != nil {
		b.broken = true
		return err
	}
	if b.mode, err = b.proxy.waitReady(ctx); err != nil {
		return err
	}
	b.mode.Mode = "container"
	select {
	case b.state.Storage = <-storage:
	default: // asked again when it is needed, after podman was killed
	}
	b.o.UI.Verbose("build %s: proxy in a container, passthrough %v (%s)", b.id, b.mode.Passthrough, b.mode.Why)
	seen, err := isMounted(b.output())
	if err != nil {
		return err
	}
	if !seen {
		return hint("see that the mount that carries it is shared: findmnt -o TARGET,PROPAGATION -T "+b.o.Base,
			"the proxy's mount does not appear at %s: mounts do not propagate there", b.output())
	}
	return nil
}

// contextInProxy is where the proxy container has the build context.
const contextInProxy = "/context"

func (b *build) binds() []bind {
	bs := []bind{
		{b.o.Base, b.o.Base, []string{"rbind", "rshared", "rw"}},
		{b.o.Store, b.o.Store, []string{"bind", "private", "rw"}},
	}
	bs = append(bs, b.o.hostBinds()...)
	if len(b.o.Plan.Rewrites) > 0 {
		bs = append(bs, bind{b.o.Target.Context, contextInProxy, []string{"bind", "private", "ro"}})
	}
	return bs
}

func (b *build) spec() wire.Spec {
	o := &b.o
	s := wire.Spec{
		BuildID: string(b.id), Dir: b.state.Dir, Output: b.output(), ReadOnly: o.ReadOnly,
		Scratch: b.state.Scratch, Store: o.Store, UserXattr: os.Geteuid() != 0,
		Files: map[string][]byte{"cachi2.env": plan.Cachi2Env(o.Plan.Env)},
		CA:    o.CA, HTTPProxy: o.HTTPProxy, HTTPSProxy: o.HTTPSProxy, NoProxy: o.NoProxy,
		Credentials: o.Credentials, LookedAt: o.LookedAt, AllowUnverified: o.AllowUnverified, ReadAhead: o.ReadAhead,
		RPMMetadata: o.RPMMetadata, HostRoot: o.hostRoot(),
		TraceKey: b.traceKey(),
	}
	if o.YumRepos {
		for name, data := range o.Plan.ReposD {
			s.Files["repos.d/"+name] = data
		}
	}
	if len(o.Plan.Rewrites) > 0 {
		s.View = &wire.View{Lower: contextInProxy, Target: b.viewTarget(), Files: map[string][]byte{}}
		for path, data := range o.Plan.Rewrites {
			rel, err := filepath.Rel(o.Target.Context, path)
			if err == nil && filepath.IsLocal(rel) {
				s.View.Files[rel] = data
			}
		}
	}
	return s
}
