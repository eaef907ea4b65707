//go:build linux

// Package proxy is the process that serves one build's tree: it reads the spec
// from stdin, mounts the tree, downloads what programs in the build read, and
// tells what happens on stdout. It ends when stdin ends.
//
// It runs in a container next to the build (or as a plain process) and knows
// nothing of podman. It glues the parts together: pkg/mount asks for content,
// pkg/content has it or gets it.
//
// # Ends
//
// "bye …" on stdin: the build is over; unmount, remove, sum up, and keep the
// trace of a build that has succeeded. EOF without it,
// or SIGTERM: the CLI is dead, but the build may still be running. The mount is
// then made dead first: a RUN that comes later must fail loudly, and not find
// an empty directory, which podman would make of a vanished one.
package proxy

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sync/errgroup"

	"golang.org/x/sys/unix"

	"github.com/lazybuild/lazybuild/pkg/content"
	"github.com/lazybuild/lazybuild/pkg/mount"
	"github.com/lazybuild/lazybuild/pkg/store"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// Options are what a proxy gets from its process.
type Options struct {
	// In is the lease, Out takes events.
	In  io.Reader
	Out io.Writer
	// Stop, when it is closed, ends the proxy as EOF on In would.
	Stop <-chan struct{}
	// Ready, if not nil, is called once when the mount is there.
	Ready func()
	// SystemCAs is the CA bundle of the machine that the CLI runs on, if the
	// spec has none.
	SystemCAs []byte
	// Now and After are the clock; nil is package time's.
	Now   func() time.Time
	After func(time.Duration) <-chan time.Time
}

func (o Options) withDefaults() Options {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.After == nil {
		o.After = time.After
	}
	return o
}

// eventLimit is how long the last events may take to be written when the CLI
// does not read them any more.
const eventLimit = time.Second

// graceDead is how long a dead mount stays, so that whoever still runs the
// build sees errors until the build itself has been ended.
const graceDead = 500 * time.Millisecond

// Run serves one build. It blocks until the lease or ctx ends. The error is nil
// when the build ended in order; everything is unmounted in any case. A goroutine
// goes on reading o.In until that ends too.
func Run(ctx context.Context, o Options) error {
	o = o.withDefaults()
	events := wire.NewEventWriter(o.Out)
	defer events.Close(eventLimit)
	in := bufio.NewReaderSize(o.In, 1<<20)
	spec, t, err := readSpec(ctx, in, o.Stop)
	if err != nil {
		return fatal(events, err, "")
	}
	p, err := start(ctx, spec, t, events, o)
	if err != nil {
		return fatal(events, err, "")
	}
	if o.Ready != nil {
		o.Ready()
	}
	return p.serve(ctx, in, o.Stop)
}

// readSpec reads what the CLI sends, unless the lease ends before it has.
func readSpec(ctx context.Context, in *bufio.Reader, stop <-chan struct{}) (wire.Spec, *tree.Tree, error) {
	var spec wire.Spec
	var t *tree.Tree
	var err error
	read := make(chan struct{}) // closed when they are set
	go func() {
		defer close(read)
		spec, t, err = wire.ReadSpec(in)
	}()
	select {
	case <-read:
		return spec, t, err
	case <-stop:
	case <-ctx.Done():
	}
	return wire.Spec{}, nil, errLease
}

func fatal(events *wire.EventWriter, err error, hint string) error {
	events.Send(wire.Event{Kind: wire.Fatal, Text: err.Error(), Hint: hint})
	return err
}

// server is a running proxy.
type server struct {
	spec   wire.Spec
	events *wire.EventWriter
	stop   context.CancelFunc // ends downloads and read-ahead
	store  *store.Store
	src    *content.Source
	mount  *mount.Mount
	unpin  func() error
	undo   []func() error // in reverse order
	after  func(time.Duration) <-chan time.Time
}

func start(ctx context.Context, spec wire.Spec, t *tree.Tree, events *wire.EventWriter, o Options) (_ *server, err error) {
	ctx, cancel := context.WithCancel(ctx)
	p := &server{spec: spec, events: events, stop: cancel, after: o.After}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.takeDown())
		}
	}()
	log := slog.New(&logHandler{events})
	if p.store, err = store.Open(spec.Store, store.Options{Log: log, Limits: store.Limits{MaxBytes: spec.StoreBytes}}); err != nil {
		return nil, err
	}
	if err := p.checkWritable(); err != nil {
		return nil, err
	}
	p.src, err = content.Begin(ctx, t, content.Options{
		Store: p.store, Events: events, Now: o.Now,
		Network: content.Network{
			SystemCAs: o.SystemCAs, CA: spec.CA, Credentials: spec.Credentials, LookedAt: spec.LookedAt,
			HTTPProxy: spec.HTTPProxy, HTTPSProxy: spec.HTTPSProxy, NoProxy: spec.NoProxy,
		},
		AllowUnverified: spec.AllowUnverified, ReadAhead: spec.ReadAhead, TraceKey: spec.TraceKey,
		RPMMetadata: spec.RPMMetadata, HostRoot: spec.HostRoot, Scratch: spec.Scratch,
	})
	if err != nil {
		return nil, err
	}
	// The pin of a large tree takes as long as its mount, on another core.
	var pin errgroup.Group
	pin.Go(func() (err error) {
		p.unpin, err = p.store.Pin(ctx, spec.BuildID, content.Digests(t))
		return err
	})
	err = p.show(t, log)
	if err = cmp.Or(p.src.Network(), pin.Wait(), err); err != nil {
		return nil, err
	}
	p.src.ReadAhead()
	info := p.mount.Info()
	for _, w := range info.Warnings {
		events.Send(wire.Event{Kind: wire.Warning, Text: w})
	}
	events.Send(wire.Event{Kind: wire.Ready, Proxy: &wire.Proxy{
		Passthrough: info.Passthrough, Why: info.Why, Writable: !spec.ReadOnly,
	}})
	return p, nil
}

// checkWritable says what a read-only store means for this build: what it has
// can be served, but there is no room for what the build writes.
func (p *server) checkWritable() error {
	if !p.store.ReadOnly() {
		return nil
	}
	if !p.spec.ReadOnly {
		return fmt.Errorf("the store %s can't be written to, and what a build writes into the dependencies goes there (name another with --lazy-store, or build with --lazy-read-only): %w",
			p.store.Dir(), store.ErrReadOnly)
	}
	p.events.Send(wire.Event{Kind: wire.Warning,
		Text: fmt.Sprintf("the store %s can't be written to: only what it has already can be served", p.store.Dir())})
	return nil
}

// show makes everything that a build can see.
func (p *server) show(t *tree.Tree, log *slog.Logger) error {
	if err := p.layOut(); err != nil {
		return err
	}
	if err := p.mountTree(t, log); err != nil {
		return err
	}
	if p.spec.View == nil {
		return nil
	}
	return p.mountView()
}

// layOut makes the build's directory and the small files in it. It is for this
// user alone: builds get at it through bind mounts, which need no way there.
func (p *server) layOut() error {
	p.undo = append(p.undo, func() error { return removeUnmounted(p.spec.Dir) })
	if err := os.MkdirAll(p.spec.Dir, 0o700); err != nil {
		return fmt.Errorf("making the build's directory: %w", err)
	}
	if p.spec.Guest != 0 {
		if err := p.letIn(); err != nil {
			return err
		}
	}
	for name, data := range p.spec.Files {
		path := filepath.Join(p.spec.Dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return fmt.Errorf("writing %s: %w", name, err)
		}
	}
	return nil
}

// letIn opens the way to the build's directory for the user that builds, and
// makes it a mount, which that user has only where mounts propagate to.
func (p *server) letIn() error {
	if err := os.Chmod(filepath.Dir(p.spec.Dir), 0o711); err != nil {
		return fmt.Errorf("letting the build's user in: %w", err)
	}
	if err := mount.Carrier(p.spec.Dir, p.spec.BuildID); err != nil {
		return err
	}
	p.undo = append(p.undo, func() error { return mount.UnmountOverlay(p.spec.Dir) })
	return nil
}

// removeUnmounted removes a directory with all that is in it, but nothing when
// there is a mount below it: this very process would have to answer its own requests.
func removeUnmounted(dir string) error {
	real, err := filepath.EvalSymlinks(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(real))
	if err != nil {
		return fmt.Errorf("reading the list of mounts: %w", err)
	}
	if len(mounts) > 0 {
		return fmt.Errorf("leaving %s: %s is still mounted", dir, mounts[0].Mountpoint)
	}
	return os.RemoveAll(real)
}

// mountTree mounts the tree, and the overlay that makes it writable on top.
func (p *server) mountTree(t *tree.Tree, log *slog.Logger) error {
	lower := p.spec.Output
	if !p.spec.ReadOnly {
		lower = filepath.Join(p.spec.Dir, "lower")
	}
	for _, dir := range []string{lower, p.spec.Output} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	o := mount.Options{
		ID: p.spec.BuildID, AllowOther: true, ReadOnly: p.spec.ReadOnly, UnderOverlay: !p.spec.ReadOnly,
		ProbeDir: p.store.Dir(), Owner: uint32(p.spec.Guest), Observer: p.src, Log: log,
	}
	if p.spec.NoPassthrough {
		o.Passthrough = mount.PassthroughOff
	}
	m, err := mount.Start(lower, t, served{p.src}, o)
	if err != nil {
		return err
	}
	p.mount = m
	p.undo = append(p.undo, m.Unmount)
	if p.spec.ReadOnly {
		return nil
	}
	upper, work := filepath.Join(p.spec.Scratch, "upper"), filepath.Join(p.spec.Scratch, "work")
	p.undo = append(p.undo, func() error { return os.RemoveAll(p.spec.Scratch) })
	if err := p.giveAway(upper); err != nil {
		return err
	}
	err = mount.Overlay(lower, upper, work, p.spec.Output, p.spec.UserXattr)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.EINVAL) {
		// FUSE and network file systems cannot.
		return fmt.Errorf("%w; the file system of %s may not be able to hold what builds write: keep the store on a local disk (--lazy-store), or build with --lazy-read-only", err, p.spec.Store)
	}
	if err != nil {
		return err
	}
	p.undo = append(p.undo, func() error { return mount.UnmountOverlay(p.spec.Output) })
	return nil
}

// giveAway makes the overlay's root the guest's: it looks like the upper
// directory does.
func (p *server) giveAway(upper string) error {
	if p.spec.Guest == 0 {
		return nil
	}
	if err := os.MkdirAll(upper, 0o755); err != nil {
		return err
	}
	return os.Chown(upper, p.spec.Guest, p.spec.Guest)
}

// serve waits for the end of the lease and takes everything down.
func (p *server) serve(ctx context.Context, in *bufio.Reader, stop <-chan struct{}) error {
	bye := make(chan wire.End, 1)
	go func() { bye <- wire.WaitBye(in) }()
	ticker := time.NewTicker(progressEvery)
	defer ticker.Stop()
	for {
		select {
		case how := <-bye:
			return p.end(how)
		case <-stop:
			return p.end(wire.Gone)
		case <-ctx.Done():
			return p.end(wire.Gone)
		case <-p.mount.Done():
			return errors.Join(errors.New("the mount has been taken away"), p.end(wire.Gone))
		case <-ticker.C:
			if pr := p.src.Progress(); pr != nil {
				p.events.Send(wire.Event{Kind: wire.ProgressKind, Progress: pr})
			}
		}
	}
}

// progressEvery is how often a busy proxy tells how far it is.
const progressEvery = 250 * time.Millisecond

var errLease = errors.New("lazybuild has ended; its build cannot go on")

// end takes everything down. The order matters when the CLI is gone: programs
// must get errors before downloads end, and those before anything is unmounted.
func (p *server) end(how wire.End) error {
	var err error
	if how == wire.Gone {
		err = errLease
		p.mount.Kill(errLease)
		p.stop() // nobody needs what is under way; another build can go on with it
		<-p.after(graceDead)
	}
	p.stop()
	if uerr := p.unmount(); uerr != nil {
		p.events.Send(wire.Event{Kind: wire.Warning, Text: uerr.Error()})
		err = errors.Join(err, uerr)
	}
	// What ends now counts. What takes longer (a large file on its way to the
	// disk) keeps this process, but nobody who waits for the summary.
	select {
	case <-p.src.Settled():
	case <-p.after(settleLimit):
	}
	p.events.Send(wire.Event{Kind: wire.SummaryKind, Summary: p.src.Summary()})
	if how == wire.Succeeded {
		p.src.SaveTrace()
	}
	if how != wire.Gone {
		p.cleanStore()
	}
	return errors.Join(err, p.takeDown())
}

// cleanLimit bounds the daily clean-up: the CLI waits for this process's end.
const cleanLimit = 3 * time.Second

// cleanStore keeps the store within its limits, at most once a day. What this
// build has used is still pinned.
func (p *server) cleanStore() {
	ctx, cancel := context.WithTimeout(context.Background(), cleanLimit)
	defer cancel()
	r, ran, err := p.store.AutoGC(ctx)
	if err != nil && !errors.Is(err, store.ErrReadOnly) {
		p.debug("cleaning up the store: %v", err)
	} else if ran && len(r.Removed) > 0 {
		p.debug("cleaned up the store: %d files, %d bytes", len(r.Removed), r.Freed)
	}
}

func (p *server) debug(format string, args ...any) {
	p.events.Send(wire.Event{Kind: wire.Debug, Text: fmt.Sprintf(format, args...)})
}

// settleLimit is how long the summary waits for downloads that have been told
// to end.
const settleLimit = 500 * time.Millisecond

// takeDown undoes what has been done so far.
func (p *server) takeDown() error {
	p.stop()
	err := p.unmount()
	if p.src != nil {
		p.src.Close()
	}
	return errors.Join(err, p.release())
}

// unmount undoes everything that can be seen, last first, and goes on after errors.
func (p *server) unmount() error {
	var errs []error
	for i := len(p.undo) - 1; i >= 0; i-- {
		errs = append(errs, p.undo[i]())
	}
	p.undo = nil
	return errors.Join(errs...)
}

// release gives back the store and the network, which nothing uses any more.
func (p *server) release() error {
	var errs []error
	if p.unpin != nil {
		errs = append(errs, p.unpin())
	}
	if p.store != nil {
		errs = append(errs, p.store.Close())
	}
	return errors.Join(errs...)
}
