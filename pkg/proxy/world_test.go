//go:build linux

package proxy

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

func itoa(n int) string { return strconv.Itoa(n) }

// within fails the test when something that must happen does not.
func within[T any](t testing.TB, what string, c <-chan T) T {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(30 * time.Second):
		t.Fatalf("%s did not happen", what)
		panic("unreachable")
	}
}

// build is one Run, seen from the CLI. The test process itself never touches the
// mount: programs do.
type build struct {
	t    testing.TB
	spec wire.Spec
	in   *io.PipeWriter
	stop chan struct{}
	done chan error // what Run returned
	over bool

	mu      sync.Mutex
	events  []wire.Event
	changed chan struct{} // closed and replaced with each event
}

var builds struct {
	sync.Mutex
	n int
}

// specFor describes a build with directories of its own.
func specFor(t testing.TB, store string) wire.Spec {
	builds.Lock()
	builds.n++
	id := "test-" + itoa(builds.n)
	builds.Unlock()
	base := t.TempDir()
	return wire.Spec{
		BuildID: id, Dir: filepath.Join(base, id), Output: filepath.Join(base, id, "output"),
		Scratch: filepath.Join(store, "scratch", id), Store: store, AllowUnverified: "weak", ReadAhead: "off",
	}
}

func treeOf(t testing.TB, typ string, files ...tree.File) *tree.Tree {
	t.Helper()
	tr, err := tree.Build([]tree.Input{{Type: typ, Lock: "lock"}}, files, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// launch runs a proxy. It does not wait for anything.
func launch(t testing.TB, spec wire.Spec, tr *tree.Tree, change func(*Options)) *build {
	t.Helper()
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	b := &build{t: t, spec: spec, in: inW, stop: make(chan struct{}), done: make(chan error, 1), changed: make(chan struct{})}
	o := Options{In: inR, Out: outW, Stop: b.stop}
	if change != nil {
		change(&o)
	}
	go func() {
		_ = wire.ReadEvents(outR, b.hear)
	}()
	go func() {
		err := Run(context.Background(), o)
		outW.Close()
		b.done <- err
	}()
	t.Cleanup(func() {
		b.in.Close()
		if !b.over {
			<-b.done
		}
		inR.Close()
	})
	go func() {
		if err := wire.WriteSpec(inW, spec, tr); err != nil && !errors.Is(err, io.ErrClosedPipe) {
			t.Error(err)
		}
	}()
	return b
}

// run starts a proxy and waits until its mount is there.
func run(t testing.TB, spec wire.Spec, tr *tree.Tree) *build {
	t.Helper()
	b := launch(t, spec, tr, nil)
	b.ready()
	return b
}

func (b *build) ready() wire.Event {
	b.t.Helper()
	ev := b.event("the first event", func(ev wire.Event) bool { return ev.Kind == wire.Ready || ev.Kind == wire.Fatal })
	if ev.Kind != wire.Ready {
		b.t.Fatalf("the proxy cannot work: %s", ev.Text)
	}
	return ev
}

func (b *build) hear(ev wire.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, ev)
	close(b.changed)
	b.changed = make(chan struct{})
}

// event waits for an event.
func (b *build) event(what string, ok func(wire.Event) bool) wire.Event {
	b.t.Helper()
	for n := 0; ; {
		b.mu.Lock()
		for ; n < len(b.events); n++ {
			if ok(b.events[n]) {
				defer b.mu.Unlock()
				return b.events[n]
			}
		}
		changed := b.changed
		b.mu.Unlock()
		within(b.t, what, changed)
	}
}

// of lists the events of some kinds so far.
func (b *build) of(kinds ...wire.Kind) []wire.Event {
	b.mu.Lock()
	defer b.mu.Unlock()
	var out []wire.Event
	for _, ev := range b.events {
		for _, k := range kinds {
			if ev.Kind == k {
				out = append(out, ev)
			}
		}
	}
	return out
}

// ended waits for the end of Run.
func (b *build) ended() error {
	b.t.Helper()
	err := within(b.t, "the end of the proxy", b.done)
	b.over = true
	return err
}

// bye ends the build in order and returns the summary. Nothing may be left, and
// no person may be bothered.
func (b *build) bye(word string) *wire.Summary {
	b.t.Helper()
	if _, err := io.WriteString(b.in, word+"\n"); err != nil {
		b.t.Fatal(err)
	}
	if err := b.ended(); err != nil {
		b.t.Errorf("the orderly end: %v", err)
	}
	ev := b.event("the summary", func(ev wire.Event) bool { return ev.Kind == wire.SummaryKind })
	if warnings := b.of(wire.Warning); len(warnings) > 0 {
		b.t.Errorf("warnings: %+v", warnings)
	}
	b.nothingLeft()
	return ev.Summary
}

func (b *build) nothingLeft() {
	b.t.Helper()
	if mounts := mountsBelow(b.t, b.spec.Dir); len(mounts) > 0 {
		b.t.Errorf("still mounted: %v", mounts)
	}
	for _, path := range []string{b.spec.Dir, b.spec.Scratch, filepath.Join(b.spec.Store, "v1/pins", b.spec.BuildID)} {
		if _, err := os.Lstat(path); !errors.Is(err, os.ErrNotExist) {
			b.t.Errorf("%s is left (%v)", path, err)
		}
	}
}

func mountsBelow(t testing.TB, dir string) []string {
	t.Helper()
	data, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	var mounts []string
	for line := range strings.Lines(string(data)) {
		if at := strings.Fields(line)[4]; at == dir || strings.HasPrefix(at, dir+"/") {
			mounts = append(mounts, at)
		}
	}
	return mounts
}

// program is a program in the build.
type program struct {
	t    testing.TB
	cmd  *exec.Cmd
	out  bytes.Buffer
	errs bytes.Buffer
	done chan error
}

// starts begins a shell script in the output directory, as a user without rights.
func (b *build) starts(script string) *program {
	b.t.Helper()
	p := &program{t: b.t, done: make(chan error, 1)}
	p.cmd = exec.Command("sh", "-c", "cd '"+b.spec.Output+"' && "+script)
	p.cmd.Dir = "/"
	p.cmd.Stdout, p.cmd.Stderr = &p.out, &p.errs
	if err := p.cmd.Start(); err != nil {
		b.t.Fatal(err)
	}
	go func() { p.done <- p.cmd.Wait() }()
	return p
}

// ends waits for the end of the program.
func (p *program) ends() (out, errs string, err error) {
	p.t.Helper()
	err = within(p.t, "the end of a program", p.done)
	return p.out.String(), p.errs.String(), err
}

// sh runs a script that must succeed.
func (b *build) sh(script string) string {
	b.t.Helper()
	out, errs, err := b.starts(script).ends()
	if err != nil {
		b.t.Fatalf("%s: %v\n%s", script, err, errs)
	}
	return out
}

// fails runs a script that must fail, and returns what it complains about.
func (b *build) fails(script string) string {
	b.t.Helper()
	out, errs, err := b.starts(script).ends()
	if err == nil {
		b.t.Fatalf("%s succeeded: %q", script, out)
	}
	return errs
}

// stored counts the blobs in a store.
func stored(t testing.TB, store string) int {
	t.Helper()
	found, err := filepath.Glob(filepath.Join(store, "v1/blobs/sha256/*/*"))
	if err != nil {
		t.Fatal(err)
	}
	return len(found)
}
