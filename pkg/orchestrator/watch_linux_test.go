package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// sh runs a script as the child. What it prints is what the test waits for.
func sh(t *testing.T, script string) (*child, *os.File) {
	t.Helper()
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	c, err := startChild(&podman{path: "/bin/sh"}, []string{"-c", script}, Stdio{Out: w, Err: w}, "")
	w.Close()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = c.cmd.Process.Kill()
		<-c.done
		r.Close()
	})
	return c, r
}

// says waits for a word of the child.
func says(t *testing.T, r io.Reader, want string) {
	t.Helper()
	got := make([]byte, len(want))
	if _, err := io.ReadFull(r, got); err != nil || string(got) != want {
		t.Fatalf("the child said %q, %v", got, err)
	}
}

func quiet() *UI { return NewUI(io.Discard, false, false) }

func TestTheChildsExitCodeIsPassedOn(t *testing.T) {
	for script, want := range map[string]int{"exit 0": 0, "exit 1": 1, "exit 42": 42, "exit 125": 125, "exit 255": 255} {
		c, _ := sh(t, script)
		w := &watcher{child: c, ui: quiet()}
		if code, err := w.wait(nil); code != want || err != nil || w.stopped {
			t.Errorf("%s: %d, %v, stopped=%v", script, code, err, w.stopped)
		}
	}
}

func TestAKilledChildHasTheSignalsCode(t *testing.T) {
	for sig, want := range map[string]int{"KILL": 137, "TERM": 143} {
		c, _ := sh(t, "kill -"+sig+" $$")
		w := &watcher{child: c, ui: quiet()}
		code, err := w.wait(nil)
		if code != want || err == nil || !w.stopped {
			t.Errorf("%s: %d, %v, stopped=%v", sig, code, err, w.stopped)
		}
	}
}

func TestTheChildGetsItsOwnTemporaryDirectoryAndTheStdio(t *testing.T) {
	dir := t.TempDir()
	in, err := os.Open(writeFile(t, filepath.Join(dir, "in"), "typed"))
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := os.Create(filepath.Join(dir, "out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	t.Setenv("TMPDIR", "/elsewhere")
	p := &podman{path: "/bin/sh", global: []string{"-c", `cat; echo " $TMPDIR $*" >&2`}}
	c, err := startChild(p, []string{"build", "a b"}, Stdio{In: in, Out: out, Err: out}, dir)
	if err != nil {
		t.Fatal(err)
	}
	<-c.done
	if got, _ := os.ReadFile(out.Name()); string(got) != "typed "+dir+" a b\n" {
		t.Errorf("got %q", got)
	}
}

func TestAChildThatCannotBeStarted(t *testing.T) {
	if _, err := startChild(&podman{path: "/nowhere/podman"}, nil, Stdio{}, ""); err == nil || !strings.Contains(err.Error(), "starting podman") {
		t.Errorf("got %v", err)
	}
}

func TestASignalEndsTheBuild(t *testing.T) {
	for _, sig := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		c, r := sh(t, `trap 'echo int; exit 1' INT; trap 'echo term; exit 1' TERM; echo ready; while :; do sleep 0.01; done`)
		says(t, r, "ready\n")
		signals := make(chan os.Signal, 4)
		signals <- sig
		w := &watcher{child: c, signals: signals, ui: quiet()}
		if code, err := w.wait(nil); code != ExitInterrupted || !Interrupted(err) || !w.stopped {
			t.Errorf("%d, %v, stopped=%v", code, err, w.stopped)
		}
		// It is the user's own signal that podman gets.
		says(t, r, map[os.Signal]string{os.Interrupt: "int\n", syscall.SIGTERM: "term\n"}[sig])
	}
}

// podman and the proxy may be reached over the same connection.
func TestAFailureTogetherWithTheProxysEndIsALostProxy(t *testing.T) {
	c, _ := sh(t, "exit 1")
	<-c.done
	lost := make(chan struct{})
	close(lost)
	w := &watcher{child: c, ui: quiet()}
	if code, err := w.ended(lost); code != ExitFailed || !errors.Is(err, errProxyLost) || !w.stopped {
		t.Errorf("%d, %v, stopped=%v", code, err, w.stopped)
	}
}

// A terminal sends Ctrl-C to podman too, and podman may be the quicker one.
func TestAFailureTogetherWithASignalIsAnInterruption(t *testing.T) {
	c, _ := sh(t, "exit 1")
	<-c.done
	signals := make(chan os.Signal, 1)
	signals <- os.Interrupt
	var said strings.Builder
	w := &watcher{child: c, signals: signals, ui: NewUI(&said, false, false)}
	if code, err := w.ended(nil); code != ExitInterrupted || !Interrupted(err) || !w.stopped || !strings.Contains(said.String(), "interrupt: ending the build") {
		t.Errorf("%d, %v, stopped=%v", code, err, w.stopped)
	}
}

func TestABuildThatSucceededBeforeTheSignalHasSucceeded(t *testing.T) {
	c, _ := sh(t, "exit 0")
	<-c.done
	signals := make(chan os.Signal, 1)
	signals <- os.Interrupt
	w := &watcher{child: c, signals: signals, ui: quiet()}
	if code, err := w.ended(nil); code != ExitOK || err != nil || w.stopped {
		t.Errorf("%d, %v, stopped=%v", code, err, w.stopped)
	}
}

const deaf = `trap '' INT TERM; echo ready; while :; do sleep 0.01; done`

func TestASecondSignalKillsAtOnce(t *testing.T) {
	c, r := sh(t, deaf)
	says(t, r, "ready\n")
	signals := make(chan os.Signal, 4)
	signals <- os.Interrupt
	signals <- os.Interrupt
	w := &watcher{child: c, signals: signals, ui: quiet()}
	if code, err := w.wait(nil); code != ExitInterrupted || !Interrupted(err) {
		t.Errorf("%d, %v", code, err)
	}
	if c.code != 137 {
		t.Errorf("the child ended with %d", c.code)
	}
}

func TestADeafChildIsKilledAfterAGrace(t *testing.T) {
	c, r := sh(t, deaf)
	says(t, r, "ready\n")
	c.stop(os.Interrupt, nil)
	if c.code != 137 {
		t.Errorf("the child ended with %d", c.code)
	}
}

// Shows S44.
func TestALostProxyStopsTheBuild(t *testing.T) {
	c, r := sh(t, `trap 'exit 1' INT; echo ready; while :; do sleep 0.01; done`)
	says(t, r, "ready\n")
	lost := make(chan struct{})
	close(lost)
	w := &watcher{child: c, ui: quiet()}
	code, err := w.wait(lost)
	var h *HintError
	if code != ExitFailed || !errors.As(err, &h) || !strings.Contains(err.Error(), "the proxy has ended before the build") || !w.stopped {
		t.Errorf("%d, %v, stopped=%v", code, err, w.stopped)
	}
}

func TestASignalBeforeTheChildEndsTheContext(t *testing.T) {
	signals := make(chan os.Signal, 2)
	ctx, stop := UntilSignal(context.Background(), signals)
	signals <- os.Interrupt
	<-ctx.Done()
	if !errors.Is(context.Cause(ctx), errInterrupted) {
		t.Errorf("the cause is %v", context.Cause(ctx))
	}
	stop()
}

func TestSignalsAreGivenBackOnceThereIsAChild(t *testing.T) {
	signals := make(chan os.Signal, 1)
	ctx, stop := UntilSignal(context.Background(), signals)
	stop()
	signals <- os.Interrupt
	select {
	case <-ctx.Done():
		t.Error("the context has ended without a signal")
	case sig := <-signals:
		if sig != os.Interrupt {
			t.Error(sig)
		}
	}
}

// What runs in a terminal is killed with it; the child must not stay behind.
func TestTheChildDiesWithLazybuild(t *testing.T) {
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	cmd := self("parent")
	cmd.Stdout = w
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	w.Close()
	var pid int
	if _, err := fmt.Fscanln(r, &pid); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	// The pipe ends when its last writer has gone.
	if rest, _ := io.ReadAll(r); string(rest) != "term\n" {
		t.Errorf("the child said %q", rest)
	}
}
