package orchestrator

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

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
	if args, err = b.begin(ctx); err == nil || Interrupted(err) {
		return args, err
	}
	// A Ctrl-C goes to the whole process group: a podman that was asked something
	// may have died of it before this process has heard of it.
	select {
	case <-ctx.Done():
		return nil, errInterrupted
	case <-time.After(signalGrace):
		return nil, err
	}
}

// signalGrace is how long after a failure a signal may arrive that explains it.
const signalGrace = 50 * time.Millisecond

func (b *build) begin(ctx context.Context) (args []string, err error) {
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	if err := b.settle(ctx); err != nil {
		return nil, err
	}
	if args, err = b.arguments(ctx); err != nil {
		return nil, err
	}
	if err := b.startProxy(ctx); err != nil {
		if b.o.Materialize == nil || !NoMount(err) {
			return nil, err
		}
		if args, err = b.goPlain(ctx, args, err); err != nil {
			return nil, err
		}
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
	if err := makeBase(o.Base); err != nil {
		return err
	}
	if b.place, err = b.findPlace(); err != nil {
		return err
	}
	b.tag = program{path: running(o.Executable)}.tag
	if b.place.kind() == remote { // it will be needed, and takes a while
		b.tag = inBackground(b.tag)
	}
	b.swept = b.sweepBeside(ctx)
	b.state = State{
		ID: b.id, Created: o.Now(), PID: os.Getpid(), Podman: b.p.path, Global: b.p.global,
		Place: b.place.kind(), Tmp: filepath.Join(o.Tmp, b.id.container()),
	}
	b.state.PIDStart, b.state.What = processStart(os.Getpid()), o.what()
	if b.place.kind() != remote {
		b.state.Sock = socketPath(o.Base, b.id)
	}
	b.place.note(&b.state)
	b.p.env = without(os.Environ(), o.SecretVariables)
	// The reaper first: from the state on somebody is there to remove it.
	if b.reaper, err = startReaper(o.Executable, statePath(o.Base, b.id), b.p.env); err != nil {
		return err
	}
	if b.file, err = createState(o.Base, b.state); err != nil {
		return err
	}
	b.progress = &progressFile{path: progressPath(b.file.path), now: o.Now}
	b.progress.enter(PhaseStarting)
	// Taking down happens through the same connection, after a Ctrl-C too.
	api, stop := context.WithCancel(context.WithoutCancel(ctx))
	b.stopAPI = stop
	b.api = sync.OnceValues(func() (context.Context, error) {
		return b.place.connect(api, socketPath(o.Base, b.id))
	})
	if o.Proxy != ProxyProcess {
		go func() { _, _ = b.api() }() // a service takes a while to start
	}
	// Others may pass: a RUN in a user namespace starts from a directory below.
	if err := os.MkdirAll(b.state.Tmp, 0o711); err != nil {
		return fmt.Errorf("making a directory for temporary files: %w", err)
	}
	return nil
}

// settle finds out where things go on the machine that builds, and writes it
// down before they are there.
func (b *build) settle(ctx context.Context) (err error) {
	if b.dirs, err = b.place.settle(ctx, b.api); err != nil {
		return err
	}
	b.state.Dir = filepath.Join(b.dirs.base, string(b.id))
	b.state.Scratch = filepath.Join(b.dirs.store, "scratch", string(b.id))
	b.place.note(&b.state)
	return b.file.write(b.state)
}

// spec is what the proxy is told, wherever it runs.
func (b *build) spec() wire.Spec {
	o := &b.o
	s := wire.Spec{
		BuildID: string(b.id), Dir: b.state.Dir, Output: b.output(), ReadOnly: o.ReadOnly,
		Scratch: b.state.Scratch, Store: b.dirs.store, StoreBytes: o.StoreBytes,
		Files: b.smallFiles(),
		CA:    o.CA, HTTPProxy: o.HTTPProxy, HTTPSProxy: o.HTTPSProxy, NoProxy: o.NoProxy,
		Credentials: o.Credentials, LookedAt: o.LookedAt, AllowUnverified: o.AllowUnverified, ReadAhead: o.ReadAhead,
		RPMMetadata: o.RPMMetadata, TraceKey: b.traceKey(),
	}
	if b.view != "" {
		s.View = b.contextView()
	}
	if o.Plan.TreeFile != "" && b.place.kind() != remote {
		s.TreeFile = filepath.Join(o.Kept, o.Plan.TreeFile)
	}
	b.place.fit(&s)
	return s
}

// contextView is the context with the plan's files in place of the user's.
func (b *build) contextView() *wire.View {
	o := &b.o
	v := &wire.View{Lower: o.Target.Context, Target: b.view, Files: map[string][]byte{}}
	kept := map[string]string{}
	for path, data := range o.Plan.Rewrites {
		rel, err := filepath.Rel(o.Target.Context, path)
		if err != nil || !filepath.IsLocal(rel) {
			continue
		}
		if name := o.Plan.RewriteFiles[path]; name != "" && b.place.kind() != remote {
			kept[rel] = filepath.Join(o.Kept, name)
		} else {
			v.Files[rel] = data
		}
	}
	if len(kept) > 0 {
		v.Kept = kept
	}
	return v
}
