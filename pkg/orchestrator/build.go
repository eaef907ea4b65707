package orchestrator

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/lazybuild/lazybuild/pkg/orchestrator/cmdline"
	"github.com/lazybuild/lazybuild/pkg/orchestrator/containerfile"
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
	// Executable is lazybuild's own file: the proxy image and the reaper are made of it.
	Executable string
	// Base is the directory for mounts and state; Store the blob store; Tmp
	// where temporary files go (podman's too).
	Base, Store, Tmp string
	// OutputDir is where the build sees the tree.
	OutputDir string
	// ReadOnly leaves the writable overlay off. Hermetic runs without network.
	ReadOnly, Hermetic bool
	// YumRepos mounts the tree's repos.d over /etc/yum.repos.d.
	YumRepos bool
	// AllowUnverified and ReadAhead are passed to the proxy.
	AllowUnverified, ReadAhead string
	// Network settings of the proxy.
	CA                             []byte
	HTTPProxy, HTTPSProxy, NoProxy string
	Credentials                    []wire.Credential
	// Report is the file for the JSON report; empty for none.
	Report string
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
	p, err := findPodman(o.Podman, o.Line.Global)
	if err != nil {
		return ExitFailed, err
	}
	if len(o.Plan.Tree.Files) == 0 && len(o.Plan.Tree.Dirs) == 0 {
		return BuildPlain(o)
	}
	if err := checkSupported(&o); err != nil {
		return ExitCode(err), err
	}
	b := &build{o: o, p: p}
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
	broken bool // podman may have left something
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
	c, err := startChild(b.p, args, b.o.Stdio, b.state.Tmp)
	if err != nil {
		return ExitFailed, err
	}
	b.o.UI.Verbose("running podman %s", strings.Join(args, " "))
	b.state.Child, b.state.ChildStart = c.cmd.Process.Pid, processStart(c.cmd.Process.Pid)
	b.noteState()
	w := &watcher{child: c, signals: b.o.Signals, ui: b.o.UI}
	code, err := w.wait(b.proxy.ended)
	b.broken = w.stopped
	b.o.UI.Verbose("podman has ended")
	b.finish(code)
	return code, err
}

// start does everything that comes before podman, and returns its arguments.
func (b *build) start(ctx context.Context) (args []string, err error) {
	ctx, stop := untilSignal(ctx, b.o.Signals)
	defer stop()
	if err := b.prepare(ctx); err != nil {
		return nil, err
	}
	if args, err = b.arguments(); err != nil {
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

// noteState writes down what the build may leave, now that more is known.
func (b *build) noteState() {
	if err := b.file.write(b.state); err != nil {
		b.o.UI.Warn("%v", err)
	}
}

// prepare names the build and writes down what it may leave, before any of it
// exists.
func (b *build) prepare(ctx context.Context) error {
	o := &b.o
	inputs := [][]byte{[]byte(o.Plan.Tree.Fingerprint()), []byte(strings.Join(o.Line.Verbatim(), "\x00"))}
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
	if b.file, err = createState(o.Base, b.state); err != nil {
		return err
	}
	if b.reaper, err = startReaper(o.Executable, b.file.path); err != nil {
		return err
	}
	if err := os.MkdirAll(b.state.Tmp, 0o700); err != nil {
		return fmt.Errorf("making a directory for temporary files: %w", err)
	}
	if err := os.MkdirAll(o.Store, 0o700); err != nil {
		return fmt.Errorf("making the store: %w", err)
	}
	return nil
}

// arguments makes podman's command line: the user's own, with the rewritten
// Containerfiles, the context view where one is needed, and our volumes.
func (b *build) arguments() ([]string, error) {
	o := &b.o
	files, extra, err := b.rewriteContainerfiles()
	if err != nil {
		return nil, err
	}
	context := ""
	if len(o.Plan.Rewrites) > 0 {
		context = b.viewTarget()
	}
	extra = append(extra, b.volumes()...)
	if o.Hermetic && !o.Line.Has("network") {
		extra = append(extra, "--network=none")
	}
	return append([]string{"build"}, o.Line.Replace(files, context, extra)...), nil
}

func (b *build) volumes() []string {
	o := &b.o
	mode := "nosuid,nodev"
	if o.ReadOnly {
		// Plain "ro" is EPERM in a user namespace: the mount's own nosuid and
		// nodev may not be cleared by the remount.
		mode = "ro,nosuid,nodev"
	}
	v := []string{
		"--volume", b.output() + ":" + o.OutputDir + ":" + mode,
		"--volume", filepath.Join(b.state.Dir, "cachi2.env") + ":" + filepath.Join(filepath.Dir(o.OutputDir), "cachi2.env") + ":ro,nosuid,nodev",
	}
	if o.YumRepos && len(b.reposD()) > 0 {
		v = append(v, "--volume", filepath.Join(b.state.Dir, "repos.d")+":/etc/yum.repos.d:ro,nosuid,nodev")
	}
	return v
}

// reposD are the repository files of the tree, by name.
func (b *build) reposD() map[string][]byte {
	files := map[string][]byte{}
	for _, f := range b.o.Plan.Tree.Files {
		if dir, name := filepath.Split(f.Path); strings.HasPrefix(dir, "deps/rpm/") && strings.HasSuffix(dir, "/repos.d/") && f.Content != nil {
			files[name] = f.Content
		}
	}
	return files
}

// rewriteContainerfiles writes copies with our ARGs and returns their paths
// and the flags that they need.
func (b *build) rewriteContainerfiles() (files, extra []string, err error) {
	o := &b.o
	args := []containerfile.Arg{{Name: "LAZYBUILD_DEPS", Value: o.Plan.Tree.Fingerprint()}}
	for _, e := range o.Plan.Env {
		args = append(args, containerfile.Arg{Name: e.Name, Value: e.Value})
	}
	for i := range o.Target.Files {
		f := &o.Target.Files[i]
		if !containerfile.Rewritable(f.Name) {
			return nil, nil, &UsageError{fmt.Errorf("%s goes through the C preprocessor and cannot be rewritten: "+
				"preprocess it first, or build it with podman", f.Name)}
		}
		data, err := containerfile.Rewrite(f.Name, f.Data, args)
		if err != nil {
			return nil, nil, &UsageError{err}
		}
		path := filepath.Join(b.state.Tmp, fmt.Sprintf("Containerfile.%d", i))
		if err := os.WriteFile(path, data, 0o600); err != nil {
			return nil, nil, fmt.Errorf("writing the rewritten Containerfile: %w", err)
		}
		files = append(files, path)
		if ignore := f.ignoreFile(); ignore != "" && !o.Line.Has("ignorefile") && len(extra) == 0 {
			extra = append(extra, "--ignorefile", ignore)
		}
	}
	return files, extra, nil
}

// viewTarget is where the context with the rewritten files appears. It has
// the context's own name, because podman prints it.
func (b *build) viewTarget() string {
	return filepath.Join(b.state.Dir, "context")
}

// startProxy brings the mount up and checks that the build will see it.
func (b *build) startProxy(ctx context.Context) error {
	// Taking down happens through the same connection, after a Ctrl-C too.
	api, err := b.p.connect(context.WithoutCancel(ctx), socketPath(b.o.Base, b.id))
	if err != nil {
		return err
	}
	b.o.UI.Verbose("connected to podman")
	storage := make(chan string, 1)
	go func() { storage <- storageOf(api) }()
	image, err := ensureImage(api, b.o.Executable)
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
		Credentials: o.Credentials, AllowUnverified: o.AllowUnverified, ReadAhead: o.ReadAhead,
		TraceKey: b.traceKey(),
	}
	if o.YumRepos {
		for name, data := range b.reposD() {
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

// traceKey names the builds that read the same files as this one: those of the
// same Containerfile, stage and platform, whatever their locks say.
func (b *build) traceKey() string {
	o := &b.o
	h := sha256.New()
	for _, part := range []string{
		o.Target.Context, o.Target.Containerfile(),
		o.Line.Value("target"), o.Line.Value("platform"), o.Line.Value("arch"), o.Line.Value("os"),
	} {
		fmt.Fprintf(h, "%d %s\n", len(part), part)
	}
	return hex.EncodeToString(h.Sum(nil))
}

func (b *build) onEvent(ev wire.Event) {
	switch ev.Kind {
	case wire.Failed:
		b.mu.Lock()
		b.failed = append(b.failed, ev)
		b.mu.Unlock()
		b.o.UI.Failed(ev)
	case wire.Warning:
		b.o.UI.Warn("%s", ev.Text)
	case wire.Debug:
		b.o.UI.Verbose("%s", ev.Text)
	case wire.ProgressKind:
		b.o.UI.Progress(ev.Progress)
	}
}

// The proxy sums up and unmounts within milliseconds, on a busy machine within
// a second. Nobody waits after a good build; after a Ctrl-C somebody does.
const (
	byeLimit      = 10 * time.Second
	byeLimitAbort = 700 * time.Millisecond
)

func (b *build) byeLimit() time.Duration {
	if b.broken {
		return byeLimitAbort
	}
	return byeLimit
}

// finish takes the proxy down in order and reports.
func (b *build) finish(code int) {
	word := wire.ByeFailed
	if code == ExitOK {
		word = wire.ByeOK
	}
	if b.summary = b.proxy.bye(word, byeLimit); b.summary == nil {
		b.summary = &wire.Summary{}
		b.broken = true
	}
	b.o.UI.Summary(b.o.Plan.Tree, b.summary)
	if b.o.Report == "" {
		return
	}
	if err := writeReport(b.o.Report, newReport(b, code)); err != nil {
		b.o.UI.Warn("%v", err)
	}
}

// cleanupLimit bounds taking down; what is left then is the next start's.
const cleanupLimit = 30 * time.Second

// end removes whatever there still is. It runs after every end, good or bad.
func (b *build) end() error {
	if b.file == nil {
		return nil
	}
	if b.proxy != nil {
		b.proxy.bye(wire.Bye, byeLimit)
		b.proxy.waitGone(byeLimit)
		b.o.UI.Verbose("the proxy is gone")
	}
	ctx, cancel := context.WithTimeout(context.Background(), cleanupLimit)
	defer cancel()
	err := cleanup(ctx, &b.state, b.broken)
	if err == nil {
		b.file.remove()
	} else {
		_ = b.file.lock.Unlock() // the reaper tries once more
	}
	if b.reaper != nil {
		b.reaper.dismiss()
	}
	return err
}
