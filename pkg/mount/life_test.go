//go:build linux

package mount

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// Shows S42.
func TestKilledMountFailsLoudly(t *testing.T) {
	m := mountTree(t, Options{}, files(file("a", "x"), file("b", "y"), file("dir/c", "z")))
	m.src.deliver("b", "y")
	a, waiting := newAgent(t), newAgent(t)
	fd := waiting.must("open", m.path("a"))
	waiting.start("read", fd, 10, 0)
	within(t, "the wait", m.src.content("a").waiting)

	m.Kill(errors.New("the client has died"))
	if got, errno := waiting.answer(); errno != "EIO" {
		t.Errorf("the waiting read: %q, %q", got, errno)
	}
	for _, cmd := range [][]any{
		{"open", m.path("a")}, {"open", m.path("b")}, {"stat", m.path("dir")},
		{"stat", m.path("absent")}, {"ls", m.dir}, {"statfs", m.dir},
	} {
		a.refused("EIO", cmd...)
	}
	if !mountedAt(t, m.dir) {
		t.Error("the mount has gone: a build would see an empty directory")
	}
}

func TestUnmountLeavesNothing(t *testing.T) {
	m := mountTree(t, Options{}, files(file("a", "x"), file("b", "y")))
	m.src.deliver("b", "y")
	a, b := newAgent(t), newAgent(t)
	fd := a.must("open", m.path("a"))
	a.start("read", fd, 10, 0)
	within(t, "the wait", m.src.content("a").waiting)
	b.must("open", m.path("b")) // stays open
	if !mountedAt(t, m.dir) {
		t.Fatal("not mounted")
	}
	if err := m.Unmount(); err != nil {
		t.Fatal(err)
	}
	if mountedAt(t, m.dir) {
		t.Error("still mounted")
	}
	if got, errno := a.answer(); errno == "" {
		t.Errorf("the waiting read got %q", got)
	}
	within(t, "the end of service", m.Done())
	if err := os.Remove(m.dir); err != nil {
		t.Errorf("the mountpoint: %v", err)
	}
	if err := m.Unmount(); err != nil {
		t.Errorf("second Unmount: %v", err)
	}
}

func TestUnmountTakesStackedMountsOfItsOwnOnly(t *testing.T) {
	m := mountTree(t, Options{ID: "stack"}, files(file("a", "x")))
	if err := unix.Mount(m.dir, m.dir, "", unix.MS_BIND, ""); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mount("foreign", m.dir, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	if err := m.Unmount(); err == nil {
		t.Error("a foreign mount on top was taken away")
	}
	if err := unix.Unmount(m.dir, 0); err != nil {
		t.Fatal(err)
	}
	if err := m.Unmount(); err != nil {
		t.Fatal(err)
	}
	if mountedAt(t, m.dir) {
		t.Error("still mounted")
	}
}

func TestUnmountByOthersEndsTheService(t *testing.T) {
	m := mountTree(t, Options{}, files(file("a", "x")))
	a := newAgent(t)
	fd := a.must("open", m.path("a"))
	a.start("read", fd, 10, 0)
	within(t, "the wait", m.src.content("a").waiting)
	if out, err := exec.Command("umount", "-f", "-l", m.dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	within(t, "the end of service", m.Done())
	if _, errno := a.answer(); errno == "" {
		t.Error("the read succeeded")
	}
}

func TestUnmountAfterOthersDetachedABusyMount(t *testing.T) {
	at := make(chan time.Time)
	close(at) // no time passes while programs keep files open
	clock := Clock{After: func(time.Duration) <-chan time.Time { return at }}
	m := mountTree(t, Options{Clock: clock}, files(file("a", "x")))
	a := newAgent(t)
	fd := a.must("open", m.path("a"))
	if out, err := exec.Command("umount", "-l", m.dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if _, err := os.Stat("/sys/fs/fuse/connections/1"); err == nil {
		t.Log("fusectl is mounted: Unmount can cut the connection")
	} else if err := m.Unmount(); err == nil {
		t.Error("Unmount says that nothing is left, but a file is open")
	}
	a.must("close", fd)
	within(t, "the end of service", m.Done())
	if err := m.Unmount(); err != nil {
		t.Error(err)
	}
}

func TestMountNeedsADirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "absent")
	m, err := Start(dir, &tree.Tree{}, newFakeSource(t), Options{ID: "x"})
	if err == nil {
		t.Fatal(m.Unmount())
	}
	if !strings.Contains(err.Error(), dir) || !errors.Is(err, unix.ENOENT) {
		t.Errorf("the error %q does not name the directory", err)
	}
}

func TestMountIsNamedInMountinfo(t *testing.T) {
	m := mountTree(t, Options{ID: "0123456789ab-cdef"}, files(file("a", "x")))
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		if strings.Contains(line, " "+m.dir+" ") {
			if !strings.Contains(line, " - fuse.lazybuild lazybuild-0123456789ab-cdef ro,") {
				t.Errorf("mountinfo: %s", line)
			}
			return
		}
	}
	t.Error("not in mountinfo")
}

func TestPassthroughIsExplained(t *testing.T) {
	if info := mountTree(t, Options{Passthrough: PassthroughOff}, files()).Info(); info.Passthrough || info.Why == "" {
		t.Errorf("switched off: %+v", info)
	}
	if info := mountTree(t, Options{}, files()).Info(); info.Passthrough != (info.Why == "") {
		t.Errorf("%+v", info)
	}
}

func TestHostWarnings(t *testing.T) {
	read := func(name string) ([]byte, error) {
		if strings.HasSuffix(name, "/max_request_timeout") {
			return []byte("600\n"), nil
		}
		return nil, os.ErrNotExist
	}
	got := hostWarnings(read)
	if len(got) != 1 || !strings.Contains(got[0], "max_request_timeout is 600 s") {
		t.Errorf("%q", got)
	}
}

// With one P, a thread of this process that waited for the mount would stop the
// goroutine that answers it.
//
// Shows S28.
func TestOneProcessorIsEnough(t *testing.T) {
	if os.Getenv("GOMAXPROCS") == "1" {
		t.Skip("this is the run with one")
	}
	cmd := exec.Command("/proc/self/exe", "-test.run=^(TestReaders|TestOverlay|TestKilled|TestUnmount|TestUnknown)", "-test.timeout=60s")
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
