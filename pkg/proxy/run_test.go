//go:build linux

package proxy

import (
	"bufio"
	"errors"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

func TestBuildReadsAndEnds(t *testing.T) {
	for _, readOnly := range []bool{false, true} {
		for _, noPassthrough := range []bool{false, true} {
			t.Run(map[bool]string{true: "read-only", false: "writable"}[readOnly]+map[bool]string{true: " cached", false: ""}[noPassthrough], func(t *testing.T) {
				o := newOrigin(t)
				spec := specFor(t, t.TempDir())
				spec.ReadOnly, spec.NoPassthrough = readOnly, noPassthrough
				spec.Files = map[string][]byte{"cachi2.env": []byte("export A=1\n"), "repos.d/a.repo": []byte("[a]\n")}
				b := run(t, spec, treeOf(t, "npm",
					o.file("deps/npm/a.tgz", "content of a"), o.file("deps/npm/b.tgz", "content of b"),
					tree.File{Path: "small", Content: []byte("made here")}))
				if got := b.sh("ls deps/npm && cat deps/npm/a.tgz small ../cachi2.env ../repos.d/a.repo"); got != "a.tgz\nb.tgz\ncontent of amade hereexport A=1\n[a]\n" {
					t.Errorf("%q", got)
				}
				if got := b.sh("cat deps/npm/a.tgz"); got != "content of a" {
					t.Errorf("read again: %q", got)
				}
				if readOnly {
					b.fails("echo x > new")
				} else if got := b.sh("echo x > new && cat new"); got != "x\n" {
					t.Errorf("a written file: %q", got)
				}
				sum := b.bye(wire.ByeOK)
				if n := o.all(); n != 1 {
					t.Errorf("%d requests for one file", n)
				}
				if len(sum.Opened) != 2 || sum.Opened[0].Path != "deps/npm/a.tgz" || sum.Opened[0].From != "origin" ||
					sum.Opened[1].Path != "small" || sum.Opened[1].From != "tree" {
					t.Errorf("opened: %+v", sum.Opened)
				}
				if want := (wire.Count{Files: 1, Bytes: 12}); sum.Fetched != want || sum.Failed != 0 || sum.Unused.Files != 0 {
					t.Errorf("%+v", sum)
				}
			})
		}
	}
}

// Shows S12, S71.
func TestSecondBuildReadsFromTheStore(t *testing.T) {
	o := newOrigin(t)
	dir := t.TempDir()
	tr := treeOf(t, "npm", o.file("a", "content"))
	first := run(t, specFor(t, dir), tr)
	first.sh("cat a")
	first.bye(wire.ByeOK)
	o.Close() // no network any more
	second := run(t, specFor(t, dir), tr)
	if got := second.sh("cat a"); got != "content" {
		t.Errorf("%q", got)
	}
	sum := second.bye(wire.ByeOK)
	if want := (wire.Count{Files: 1, Bytes: 7}); sum.FromStore != want || sum.Fetched.Files != 0 {
		t.Errorf("%+v", sum)
	}
}

func TestEveryWordEndsABuildInOrder(t *testing.T) {
	for _, word := range []string{wire.Bye, wire.ByeOK, wire.ByeFailed} {
		t.Run(word, func(t *testing.T) {
			o := newOrigin(t)
			b := run(t, specFor(t, t.TempDir()), treeOf(t, "npm", o.file("a", "x")))
			b.bye(word)
		})
	}
}

// clock lets a test decide when time has passed.
type clock struct {
	asked chan time.Duration
	pass  chan time.Time
}

func newClock() *clock { return &clock{make(chan time.Duration, 8), make(chan time.Time)} }

func (c *clock) after(d time.Duration) <-chan time.Time {
	c.asked <- d
	return c.pass
}

// Shows S42.
func TestLostCLILeavesADeadMountThenNothing(t *testing.T) {
	ends := map[string]func(*build){
		"EOF":              func(b *build) { b.in.Close() },
		"EOF in a line":    func(b *build) { _, _ = io.WriteString(b.in, "by"); b.in.Close() },
		"a signal":         func(b *build) { close(b.stop) },
		"a broken read":    func(b *build) { b.in.CloseWithError(net.ErrClosed) },
		"nobody listening": func(b *build) { b.in.Close() },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			o := newOrigin(t)
			c := newClock()
			b := launch(t, specFor(t, t.TempDir()), treeOf(t, "npm", o.file("a", "x"), o.gated("b", "y")), func(op *Options) {
				op.After = c.after
				if name == "nobody listening" {
					op.Out = deaf{}
				}
			})
			if name == "nobody listening" {
				b.mountedUnheard()
			} else {
				b.ready()
			}
			b.sh("cat a")
			waiting := b.starts("cat b")
			o.until("the request of the waiting program", func() bool { return o.files["/b"].gets > 0 })
			end(b)
			if d := within(t, "the wait with a dead mount", c.asked); d != graceDead {
				t.Errorf("the dead mount stays for %v", d)
			}
			if _, errs, err := waiting.ends(); err == nil || !strings.Contains(errs, "Input/output error") {
				t.Errorf("the waiting program: %v, %q", err, errs)
			}
			// A RUN that comes later must not find an empty directory.
			for _, script := range []string{"cat b", "cat absent", "ls deps"} {
				if errs := b.fails(script); !strings.Contains(errs, "Input/output error") {
					t.Errorf("%s: %q", script, errs)
				}
			}
			close(c.pass)
			if err := b.ended(); !errors.Is(err, errLease) {
				t.Errorf("Run: %v", err)
			}
			b.nothingLeft()
		})
	}
}

// deaf is the stdout of a CLI that is gone.
type deaf struct{}

func (deaf) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

// mountedUnheard waits for a mount of which no event tells.
func (b *build) mountedUnheard() {
	b.t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for len(mountsBelow(b.t, b.spec.Output)) == 0 {
		if time.Now().After(deadline) {
			b.t.Fatal("no mount")
		}
		time.Sleep(time.Millisecond)
	}
}

func TestOrderlyEndDoesNotWaitForDownloads(t *testing.T) {
	for _, readOnly := range []bool{false, true} {
		t.Run(map[bool]string{true: "read-only", false: "writable"}[readOnly], func(t *testing.T) {
			o := newOrigin(t)
			spec := specFor(t, t.TempDir())
			spec.ReadOnly = readOnly
			b := launch(t, spec, treeOf(t, "npm", o.gated("a", "x"), o.gated("b", "y")), func(op *Options) {
				op.After = func(d time.Duration) <-chan time.Time {
					if d != settleLimit {
						t.Errorf("an orderly end waits for %v", d)
					}
					return nil // never passes: downloads must end by themselves
				}
			})
			b.ready()
			readers := []*program{b.starts("cat a"), b.starts("cat a"), b.starts("cat b")}
			o.until("both requests", func() bool { return o.files["/a"].gets > 0 && o.files["/b"].gets > 0 })
			sum := b.bye(wire.ByeFailed)
			for _, p := range readers {
				if _, _, err := p.ends(); err == nil {
					t.Error("a reader got something")
				}
			}
			if sum.Failed != 0 || len(b.of(wire.Failed)) != 0 {
				t.Errorf("what was not waited for counts as failed: %+v", sum)
			}
			if len(sum.Opened) != 2 {
				t.Errorf("opened: %+v", sum.Opened)
			}
		})
	}
}

func TestEndWhileAProgramHoldsAFileOpen(t *testing.T) {
	o := newOrigin(t)
	b := run(t, specFor(t, t.TempDir()), treeOf(t, "npm", o.file("a", "x")))
	p := b.starts("exec 3<a; cat <&3; echo; exec >&-; exec sleep 1000")
	t.Cleanup(func() { _ = p.cmd.Process.Kill(); <-p.done })
	o.until("the request", func() bool { return o.files["/a"].gets > 0 })
	b.bye(wire.ByeOK)
}

// Shows S43.
func TestMountTakenAwayByOthersIsTheEnd(t *testing.T) {
	o := newOrigin(t)
	spec := specFor(t, t.TempDir())
	spec.ReadOnly = true
	b := run(t, spec, treeOf(t, "npm", o.file("a", "x")))
	p := b.starts("cd / && umount -l -f '" + spec.Output + "'")
	if _, errs, err := p.ends(); err != nil {
		t.Fatal(err, errs)
	}
	if err := b.ended(); err == nil || !strings.Contains(err.Error(), "taken away") {
		t.Errorf("%v", err)
	}
	b.nothingLeft()
}

func TestUnusableSpecIsFatal(t *testing.T) {
	good := func(t *testing.T) wire.Spec { return specFor(t, t.TempDir()) }
	for name, c := range map[string]struct {
		spec func(*testing.T) wire.Spec
		want string
	}{
		"store of everybody": {func(t *testing.T) wire.Spec {
			s := good(t)
			if err := os.Chmod(s.Store, 0o777); err != nil {
				t.Fatal(err)
			}
			return s
		}, "not safe"},
		"store that is a file": {func(t *testing.T) wire.Spec {
			s := good(t)
			s.Store = filepath.Join(s.Store, "file")
			if err := os.WriteFile(s.Store, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			return s
		}, "not a directory"},
		"broken CA bundle": {func(t *testing.T) wire.Spec {
			s := good(t)
			s.CA = []byte("no certificate")
			return s
		}, "certificate"},
		"impossible build ID": {func(t *testing.T) wire.Spec {
			s := good(t)
			s.BuildID = "../x"
			return s
		}, "build ID"},
		"directory in a file": {func(t *testing.T) wire.Spec {
			s := good(t)
			file := filepath.Join(t.TempDir(), "file")
			if err := os.WriteFile(file, nil, 0o600); err != nil {
				t.Fatal(err)
			}
			s.Dir = filepath.Join(file, "dir")
			return s
		}, "directory"},
		"view of nothing": {func(t *testing.T) wire.Spec {
			s := good(t)
			s.View = &wire.View{Lower: filepath.Join(s.Store, "absent"), Target: filepath.Join(s.Dir, "context"), Files: map[string][]byte{"../up": nil}}
			return s
		}, "not inside"},
	} {
		t.Run(name, func(t *testing.T) {
			spec := c.spec(t)
			b := launch(t, spec, treeOf(t, "npm"), nil)
			err := b.ended()
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("Run: %v", err)
			}
			ev := b.event("the event", func(wire.Event) bool { return true })
			if ev.Kind != wire.Fatal || !strings.Contains(ev.Text, c.want) {
				t.Errorf("%+v", ev)
			}
			if mounts := mountsBelow(t, spec.Dir); len(mounts) > 0 {
				t.Errorf("mounted: %v", mounts)
			}
			if _, err := os.Lstat(spec.Dir); err == nil {
				t.Error("the build's directory is left")
			}
		})
	}
}

func TestNonsenseOnStdinIsFatal(t *testing.T) {
	for _, in := range []string{"", "\n", "{}\n", "nonsense\n", `{"Version":1,"TreeBytes":10}` + "\n", `{"Version":1,"TreeBytes":4}` + "\nAAAA", `{"Version":9}` + "\n"} {
		var out strings.Builder
		err := Run(t.Context(), Options{In: strings.NewReader(in), Out: &out})
		if err == nil {
			t.Errorf("%q: no error", in)
		}
		var events []wire.Event
		_ = wire.ReadEvents(bufio.NewReader(strings.NewReader(out.String())), func(ev wire.Event) { events = append(events, ev) })
		if len(events) != 1 || events[0].Kind != wire.Fatal || events[0].Text == "" {
			t.Errorf("%q: %+v", in, events)
		}
	}
}

func TestSignalBeforeTheSpecIsTheEnd(t *testing.T) {
	in, w := io.Pipe()
	defer w.Close()
	stop := make(chan struct{})
	close(stop)
	done := make(chan error)
	go func() { done <- Run(t.Context(), Options{In: in, Out: io.Discard, Stop: stop}) }()
	if err := within(t, "the end", done); !errors.Is(err, errLease) {
		t.Errorf("%v", err)
	}
}

// A user of the machine builds while the proxy is root: podman machine. The base
// is root's alone until a build lets that user in.
func TestAGuestFindsItsOwnFilesInAMountOfItsOwn(t *testing.T) {
	o := newOrigin(t)
	spec := specFor(t, t.TempDir())
	spec.Guest = 1234
	if err := os.Chmod(filepath.Dir(spec.Dir), 0o700); err != nil {
		t.Fatal(err)
	}
	b := run(t, spec, treeOf(t, "npm", o.file("deps/npm/a.tgz", "content of a")))
	if got := b.sh("stat -c '%u:%g %a' . deps deps/npm/a.tgz; stat -c %a .. ../.."); got != "1234:1234 777\n1234:1234 777\n1234:1234 644\n711\n711\n" {
		t.Errorf("%q", got)
	}
	if got := b.sh("setpriv --reuid 1234 --regid 1234 --clear-groups sh -c 'cat deps/npm/a.tgz && echo x >deps/new && cat deps/new'"); got != "content of ax\n" {
		t.Errorf("the guest: %q", got)
	}
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil || !strings.Contains(string(mounts), " "+spec.Dir+" ") {
		t.Errorf("the build's directory is no mount, %v", err)
	}
	b.bye(wire.ByeOK)
	if _, err := os.Lstat(spec.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("something is left: %v", err)
	}
}
