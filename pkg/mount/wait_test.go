//go:build linux

package mount

import (
	"context"
	"log/slog"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// noteLooks makes every look at a caller's signals visible to the test. It must
// run before the first request.
func noteLooks(m *testMount) <-chan bool {
	looks := make(chan bool, 1000)
	real := m.server.dying
	m.server.dying = func(tid uint32) bool {
		d := real(tid)
		looks <- d
		return d
	}
	return looks
}

// Shows S23.
func TestHarmlessSignalDoesNotBreakARead(t *testing.T) {
	m := mountTree(t, Options{}, files(unsized("a", "whole")))
	looks := noteLooks(m)
	a := newAgent(t)
	fd := a.must("open", m.path("a"))
	a.start("read", fd, 100, 0)
	within(t, "the wait", m.src.content("a").waiting)
	if err := unix.Tgkill(a.cmd.Process.Pid, a.tid, syscall.SIGURG); err != nil {
		t.Fatal(err)
	}
	if within(t, "the look at the reader", looks) {
		t.Error("a reader with SIGURG pending is taken for dying")
	}
	m.src.deliver("a", "whole")
	if got, errno := a.answer(); got != "whole" {
		t.Errorf("read %q, %q", got, errno)
	}
}

// Shows S23.
func TestKilledReaderGoesAtOnceAndOthersGetTheBytes(t *testing.T) {
	direct, cached := unsized("a", "whole"), file("a", "whole")
	cases := []struct {
		name   string
		file   tree.File
		signal syscall.Signal
		clone  uintptr
	}{
		{"SIGKILL", direct, syscall.SIGKILL, 0},
		{"SIGHUP", direct, syscall.SIGHUP, 0}, // fatal by default: the kernel makes it a SIGKILL
		{"SIGKILL in a container", direct, syscall.SIGKILL, syscall.CLONE_NEWPID},
		{"SIGKILL, known size", cached, syscall.SIGKILL, 0},
		{"SIGHUP, known size", cached, syscall.SIGHUP, 0},
		{"SIGKILL in a container, known size", cached, syscall.SIGKILL, syscall.CLONE_NEWPID},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := mountTree(t, Options{}, files(c.file))
			m.src.state("a", 5)
			// cat, not an agent: Go handles SIGHUP itself.
			victim := exec.Command("cat", m.path("a"))
			victim.SysProcAttr = &syscall.SysProcAttr{Cloneflags: c.clone}
			// Whoever runs the tests may ignore it (nohup); what is listened to, children do not ignore.
			heard := make(chan os.Signal, 1)
			signal.Notify(heard, syscall.SIGHUP)
			defer signal.Stop(heard)
			if err := victim.Start(); err != nil {
				t.Fatal(err)
			}
			within(t, "the victim's wait", m.src.content("a").waiting)
			other := newAgent(t)
			fd := other.must("open", m.path("a"))
			other.start("read", fd, 100, 0)
			if c.file.Size < 0 { // else it waits in the kernel, for the victim's page
				within(t, "the other's wait", m.src.content("a").waiting)
			}

			if err := victim.Process.Signal(c.signal); err != nil {
				t.Fatal(err)
			}
			gone := make(chan struct{})
			go func() { _ = victim.Wait(); close(gone) }()
			within(t, "the victim's end", gone)
			m.src.deliver("a", "whole")
			if got, errno := other.answer(); got != "whole" {
				t.Errorf("read %q, %q", got, errno)
			}
			if got := strings.Join(m.rec.drain(), "\n"); strings.Contains(got, "failed") {
				t.Errorf("a kill was reported as a failed download: %s", got)
			}
		})
	}
}

func TestKilledStatGoesAtOnce(t *testing.T) {
	m := mountTree(t, Options{}, files(unsized("a", "whole")))
	holder, victim := newAgent(t), newAgent(t)
	holder.must("open", m.path("a"))
	victim.start("stat", m.path("a"))
	within(t, "the wait", m.src.content("a").sizing)
	gone := make(chan struct{})
	go func() { victim.stop(); close(gone) }()
	within(t, "the end", gone)
}

func TestUnseenCallersAreWarnedOfOnce(t *testing.T) {
	var lines strings.Builder
	m := mountTree(t, Options{Log: slog.New(slog.NewTextHandler(&lines, nil))}, files())
	cancel := make(chan struct{})
	close(cancel)
	for range 2 {
		ctx, stop := context.WithCancelCause(context.Background())
		m.server.disconnected = func() bool { stop(nil); return false } // after the warning
		m.server.watch(ctx, stop, cancel, 0)
	}
	if n := strings.Count(lines.String(), "level=WARN"); n != 1 {
		t.Errorf("%d warnings:\n%s", n, lines.String())
	}
}

func TestKillAfterAHarmlessSignalIsSeen(t *testing.T) {
	m := mountTree(t, Options{}, files(unsized("a", "whole")))
	looks := noteLooks(m)
	a := newAgent(t)
	fd := a.must("open", m.path("a"))
	a.start("read", fd, 100, 0)
	within(t, "the wait", m.src.content("a").waiting)
	if err := unix.Tgkill(a.cmd.Process.Pid, a.tid, syscall.SIGURG); err != nil {
		t.Fatal(err)
	}
	within(t, "the look at the reader", looks) // the one interrupt has been used up
	gone := make(chan struct{})
	go func() { a.stop(); close(gone) }() // SIGKILL, then wait
	within(t, "the reader's end", gone)
}

func TestDyingReadsTheSignalSets(t *testing.T) {
	cases := []struct {
		set  string
		want bool
	}{
		{"\t0000000000000000", false},
		{"\t0000000000000100", true},
		{"\t0000000000400000", false}, // SIGURG
		{"\t0000000000404100", true},  // SIGKILL among others
		{"", false},
		{"\tnonsense", false},
	}
	for _, c := range cases {
		if got := hasSigkill(c.set); got != c.want {
			t.Errorf("hasSigkill(%q) = %v", c.set, got)
		}
	}
}

func TestDyingOfUnseenThreads(t *testing.T) {
	if dying(0) {
		t.Error("a caller of another PID namespace is taken for dying")
	}
	if !dying(1<<31 - 1) {
		t.Error("a thread that is gone is taken for living")
	}
}

func FuzzHasSigkill(f *testing.F) {
	f.Add("\t0000000000000100")
	f.Add("")
	f.Fuzz(func(_ *testing.T, s string) { hasSigkill(s) })
}
