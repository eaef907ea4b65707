package orchestrator

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/lazybuild/lazybuild/pkg/orchestrator/cmdline"
	"github.com/lazybuild/lazybuild/pkg/plan"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// Options are everything about a build that is not on podman's command line.
type Options struct {
	Line   *cmdline.Line
	Target *Target
	Plan   *plan.Plan
	Stdio  Stdio
	// Podman is the user's podman, a name or a path; empty means "podman".
	Podman string
	// Asked, if not nil, has podman's answer to where it builds, or waits for it.
	Asked *Asked
	// Known is a directory of this user's for what is remembered of podman; empty
	// for none.
	Known string
	// Executable is lazybuild's own file: the proxy and the reaper run it.
	Executable string
	// Base is the directory for state, and for the mounts of local builds; Store
	// the blob store of local builds, Volume the name of the volume that holds it
	// where podman is remote; Tmp where temporary files go (podman's too).
	Base, Store, Volume, Tmp string
	// Kept is the directory, relative to Store, of the files that the Plan names
	// (TreeFile, RewriteFiles).
	Kept string
	// StoreBytes is how large the store may be; 0 is the store's default.
	StoreBytes int64
	// Proxy says how the proxy runs: ProxyContainer, ProxyProcess or ProxyAuto.
	Proxy string
	// Materialize writes the whole tree to a directory. It is what to do where
	// no proxy can mount; nil means that the build does not start then.
	Materialize func(ctx context.Context, dir string) error
	// OutputDir is where the build sees the tree.
	OutputDir string
	// ReadOnly leaves the writable overlay off. Hermetic runs without network.
	ReadOnly, Hermetic bool
	// YumRepos mounts the tree's repos.d over /etc/yum.repos.d.
	YumRepos bool
	// RPMMetadata says how repodata is made: "headers" or wire.Createrepo.
	RPMMetadata string
	// AllowUnverified and ReadAhead are passed to the proxy.
	AllowUnverified, ReadAhead string
	// Network settings of the proxy.
	CA                             []byte
	HTTPProxy, HTTPSProxy, NoProxy string
	Credentials                    []wire.Credential
	LookedAt                       []string // for credentials
	// SecretVariables are the names of variables that hold secrets. Only the
	// user's own podman gets them, as it would without lazybuild.
	SecretVariables []string
	// Report is the file for the JSON report; empty for none.
	Report string
	// Online, if set, is called at the end of a build that has downloaded
	// something, or could not. It must not block for long.
	Online func()
	// UI takes messages for people.
	UI *UI
	// Signals are the user's wishes to end.
	Signals <-chan os.Signal
	// Now is the clock.
	Now func() time.Time
}

// Build runs one build and takes everything down again. The code is that of
// the build where the build failed; err is set where lazybuild or podman could
// not, and belongs to the code.
func Build(ctx context.Context, o Options) (code int, err error) {
	p, err := findPodman(o.Podman, o.Line.Service())
	if err != nil {
		return ExitFailed, err
	}
	if len(o.Plan.Tree.Files) == 0 && len(o.Plan.Tree.Dirs) == 0 {
		o.Asked.Drop()
		return BuildPlain(o)
	}
	if err := checkSupported(&o); err != nil {
		return ExitCode(err), err
	}
	b := &build{o: o, p: p}
	b.findPlace = inBackground(func() (place, error) { return findPlace(ctx, p, &o) })
	defer func() {
		if cerr := b.end(); cerr != nil {
			o.UI.Warn("cleaning up: %v", cerr)
		}
	}()
	code, err = b.run(ctx)
	return code, err
}

// BuildPlain is `podman build` with nothing more: no proxy, no rewriting. The
// results are those of Build.
func BuildPlain(o Options) (int, error) {
	p, err := findPodman(o.Podman, o.Line.Global)
	if err != nil {
		return ExitFailed, err
	}
	args := append([]string{"build"}, o.Line.Verbatim()...)
	c, err := startChild(p, args, o.Stdio, "")
	if err != nil {
		return ExitFailed, err
	}
	w := &watcher{child: c, signals: o.Signals, ui: o.UI}
	return w.wait(nil)
}

// build is one build under way.
type build struct {
	o      Options
	p      *podman
	id     BuildID
	state  State
	file   *stateFile
	reaper *reaper
	proxy  *proxy
	place  place
	dirs   dirs
	// These wait for their results.
	findPlace func() (place, error)
	api       func() (context.Context, error) // of the podman that runs the proxy
	stopAPI   context.CancelFunc              // ends what is under way there
	tag       func() (string, error)          // of a proxy image with this executable in it
	mounted   bool                            // the proxy container has this executable mounted
	view      string                          // where the proxy shows the context, if it does
	way       string                          // how the proxy runs
	plain     bool                            // there is no proxy, but a plain directory
	broken    bool                            // podman may have left something
	unsure    bool                            // the proxy has not been seen to be gone
	layers    *flock.Flock                    // says that layers are being made; nil when it need not
	swept     <-chan struct{}                 // closed when dead builds are cleaned up after; nil before that begins
	progress  *progressFile                   // for `lazybuild ps`; nil before there is a state
	// events
	mu      sync.Mutex
	failed  []wire.Event
	summary *wire.Summary
	mode    *wire.Proxy
}

func (b *build) output() string { return filepath.Join(b.state.Dir, "output") }

func (b *build) run(ctx context.Context) (int, error) {
	args, err := b.start(ctx)
	if err != nil {
		return ExitCode(err), err
	}
	c, err := startChild(&podman{path: b.p.path, global: b.o.Line.Global}, args, b.o.Stdio, b.state.Tmp)
	if err != nil {
		return ExitFailed, err
	}
	b.o.UI.Verbose("running podman %s", strings.Join(args, " "))
	b.state.Child, b.state.ChildStart = c.cmd.Process.Pid, processStart(c.cmd.Process.Pid)
	b.noteState()
	if b.way == ProxyProcess {
		stop := b.learnStorage(ctx)
		defer stop()
	}
	b.progress.enter(PhaseBuilding)
	w := &watcher{child: c, signals: b.o.Signals, ui: b.o.UI}
	var lost <-chan struct{} // nil: there is no proxy to lose
	if !b.plain {
		lost = b.proxy.ended
	}
	code, err := w.wait(lost)
	b.broken = b.broken || w.stopped
	if errors.Is(err, errProxyLost) {
		err = b.place.whyLost(ctx)
	}
	b.progress.enter(PhaseEnding)
	b.o.UI.Verbose("podman has ended")
	b.finish(code)
	return code, err
}

// noteState writes down what the build may leave, now that more is known.
func (b *build) noteState() {
	if err := b.file.write(b.state); err != nil {
		b.o.UI.Warn("%v", err)
	}
}

// learnAfter is when a build without a container learns where podman's storage
// is: it takes both processors for a third of a second, and the start is over.
const learnAfter = 2 * time.Second

// learnStorage asks podman beside the build for what a clean-up would have to ask
// for, and wait for. stop ends the question.
func (b *build) learnStorage(ctx context.Context) (stop func()) {
	ctx, stop = context.WithCancel(ctx)
	go func() {
		select {
		case <-ctx.Done():
			return
		case <-time.After(learnAfter):
		}
		if dir, err := b.p.containerStorage(ctx); err == nil {
			_ = b.file.noteStorage(dir) // else the clean-up asks
		}
	}()
	return stop
}

// traceKey names the builds that read the same files as this one: those of the
// same Containerfile, stage and platform, whatever their locks say.
func (b *build) traceKey() string {
	o := &b.o
	h := sha256.New()
	where := o.Target.Context
	if where == "" {
		where = strings.Join(o.Line.Positionals(), " ")
	}
	for _, part := range []string{
		where, o.Target.Containerfile(),
		o.Line.Value("target"), o.Line.Value("platform"), o.Line.Value("arch"), o.Line.Value("os"),
	} {
		fmt.Fprintf(h, "%d %s\n", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (b *build) onEvent(ev wire.Event) {
	if ev.Kind == wire.Failed {
		b.mu.Lock()
		b.failed = append(b.failed, ev)
		b.mu.Unlock()
	}
	b.progress.update(ev.Progress)
	b.o.UI.Event(ev)
}

// The proxy sums up and unmounts within milliseconds, on a busy machine within
// a second. Nobody waits after a good build; after a Ctrl-C somebody does.
const (
	byeLimitGood  = 10 * time.Second
	byeLimitAbort = 700 * time.Millisecond
	goneLimit     = 1500 * time.Millisecond
)

func (b *build) byeLimit() time.Duration {
	if b.broken {
		return byeLimitAbort
	}
	return byeLimitGood
}

// finish takes the proxy down in order and reports.
func (b *build) finish(code int) {
	if b.plain {
		b.summary, b.mode = &wire.Summary{}, plainMode()
	} else {
		b.byeToProxy(code)
		b.sayOnline()
	}
	if b.o.Report == "" {
		return
	}
	if err := writeReport(b.o.Report, newReport(b, code)); err != nil {
		b.o.UI.Warn("%v", err)
	}
}

// sayOnline calls Online where it is due.
func (b *build) sayOnline() {
	b.mu.Lock()
	failed := len(b.failed)
	b.mu.Unlock()
	if b.o.Online != nil && !b.broken && b.summary.Fetched.Files+failed > 0 {
		b.o.Online()
	}
}

// byeToProxy tells the proxy how the build has ended, and takes and shows its
// summary.
func (b *build) byeToProxy(code int) {
	word := wire.ByeFailed
	if code == ExitOK {
		word = wire.ByeOK
	}
	// Who presses Ctrl-C now does not want to wait for a proxy that is stuck.
	said := make(chan *wire.Summary, 1)
	go func() { said <- b.proxy.bye(word, b.byeLimit()) }()
	select {
	case b.summary = <-said:
	case sig := <-b.o.Signals:
		b.o.UI.Note("%v: not waiting for the proxy", sig)
	}
	if b.summary == nil {
		b.summary = &wire.Summary{}
		b.broken = true
		return
	}
	b.o.UI.Summary(b.o.Plan.Tree, b.summary)
}

// cleanupLimit bounds taking down; what is left then is the next start's.
const cleanupLimit = 30 * time.Second

// end removes whatever there still is. It runs after every end, good or bad.
func (b *build) end() error {
	if b.layers != nil {
		defer b.layers.Unlock()
	}
	defer b.waitSwept()
	defer func() {
		if b.reaper != nil {
			b.reaper.dismiss()
		}
	}()
	if b.file == nil {
		return nil
	}
	b.progress.close()
	b.state.Storage = cmp.Or(b.file.end(), b.state.Storage)
	if b.broken || b.unsure {
		if err := b.place.answers(context.Background()); err != nil {
			return b.leave(err)
		}
	}
	if b.proxy != nil {
		b.proxy.bye(wire.Bye, b.byeLimit())
		b.takenDown(b.proxy.waitGone(max(b.byeLimit(), goneLimit)))
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleanupLimit)
	defer cancel()
	err := cleanup(ctx, &b.state, b.broken || b.unsure)
	b.endAPI()
	if err != nil {
		_ = b.file.lock.Unlock() // the reaper tries once more
		return err
	}
	b.file.remove()
	return nil
}

// takenDown notes whether the proxy was seen to be gone.
func (b *build) takenDown(err error) {
	if err == nil {
		b.o.UI.Verbose("the proxy is gone")
		return
	}
	b.o.UI.Verbose("the proxy may still be there: %v", err)
	b.unsure = true
}

// endAPI ends a service that is just being started, with its socket: it would
// make that when nobody looks any more.
func (b *build) endAPI() {
	if b.stopAPI != nil && b.o.Proxy != ProxyProcess && b.place.kind() != remote {
		b.stopAPI()
		_, _ = b.api()
	}
}

// leave ends a build whose podman cannot be reached. Here is removed what is
// here; there the reaper does it, if podman answers again soon.
func (b *build) leave(why error) error {
	err := cleanHere(context.Background(), &State{ID: b.id, Tmp: b.state.Tmp}, false)
	_ = b.file.lock.Unlock()
	if b.reaper != nil {
		b.reaper.release()
		b.reaper = nil
	}
	b.o.UI.Warn("%v: what is left of the build there will be removed when it answers within %v, "+
		"else by the next build there or by `lazybuild doctor --fix`", why, reapLimit)
	return err
}
