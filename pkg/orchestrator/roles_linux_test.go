package orchestrator

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// playRole is the test binary as another process.
func playRole(role string, args []string) error {
	switch role {
	case "base":
		return prepareBases(args)
	case "bases":
		return manyPrepare(args[0])
	case "shared base":
		return checkPropagation(args[0])
	case "parent":
		return parent()
	case "damaged state":
		return cleanDamaged(args[0])
	case "podman":
		return playPodman()
	}
	return fmt.Errorf("no role %q", role)
}

// self is the test binary in a role.
func self(role string, args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	return cmd
}

// inNamespace runs a role in a private mount namespace: a host where mounts do
// not propagate. Whatever it mounts goes with it.
func inNamespace(t *testing.T, role string, args ...string) {
	t.Helper()
	needsRoot(t)
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("unshare", append([]string{"--mount", "--propagation", "private", exe}, args...)...)
	cmd.Env = append(os.Environ(), roleEnv+"="+role)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", role, err, out)
	}
}

// needsRoot: mounts are made for real.
func needsRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("mounting needs root")
	}
}

// mountTmp mounts a tmpfs at dir until the test's end.
func mountTmp(t *testing.T, dir string) {
	t.Helper()
	needsRoot(t)
	mkdir(t, dir)
	if err := unix.Mount("none", dir, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(dir, unix.MNT_DETACH) })
}

func mountsAt(dir string) int {
	n := 0
	mounts, _ := mountinfo.GetMounts(nil)
	for _, m := range mounts {
		if m.Mountpoint == dir {
			n++
		}
	}
	return n
}

// prepareBase is what every build on this machine begins with.
func prepareBase(base string) error {
	if err := makeBase(base); err != nil {
		return err
	}
	return shareBase(base)
}

// prepareBases is one lazybuild of several: it waits until all of them run.
func prepareBases(bases []string) error {
	fmt.Println("ready")
	_, _ = bufio.NewReader(os.Stdin).ReadString('\n')
	for _, base := range bases {
		if err := prepareBase(base); err != nil {
			return err
		}
	}
	return nil
}

func manyPrepare(dir string) error {
	if shared, err := isShared(dir); err != nil || shared {
		return fmt.Errorf("the namespace is shared (%v, %v): nothing is tested", shared, err)
	}
	// Once is not often enough for two to meet.
	var bases []string
	for i := range 30 {
		bases = append(bases, filepath.Join(dir, fmt.Sprint(i)))
	}
	if err := atOnce(4, func() *exec.Cmd { return self("base", bases...) }); err != nil {
		return err
	}
	for _, base := range bases {
		if n := mountsAt(base); n != 1 {
			return fmt.Errorf("%d mounts at the base, want 1", n)
		}
		if shared, err := isShared(base); err != nil || !shared {
			return fmt.Errorf("the base is shared: %v, %v", shared, err)
		}
	}
	return nil
}

// atOnce runs n processes that say a line when they are ready, and then wait
// for the end of their stdin.
func atOnce(n int, command func() *exec.Cmd) error {
	var cmds []*exec.Cmd
	var lets []io.Closer
	for range n {
		cmd := command()
		cmd.Stderr = os.Stderr
		in, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		out, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		if _, err := bufio.NewReader(out).ReadString('\n'); err != nil {
			return err
		}
		cmds, lets = append(cmds, cmd), append(lets, in)
	}
	for _, l := range lets {
		_ = l.Close()
	}
	var errs []error
	for _, cmd := range cmds {
		errs = append(errs, cmd.Wait())
	}
	return errors.Join(errs...)
}

// checkPropagation stands for the whole reason of prepareBase: what is mounted
// in another namespace below the base appears here.
func checkPropagation(base string) error {
	if err := prepareBase(base); err != nil {
		return err
	}
	dir := filepath.Join(base, "x")
	if err := os.Mkdir(dir, 0o700); err != nil {
		return err
	}
	out, err := exec.Command("unshare", "--mount", "--propagation", "unchanged", "mount", "-t", "tmpfs", "none", dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("mounting: %w: %s", err, out)
	}
	if seen, err := isMounted(dir); err != nil || !seen {
		return fmt.Errorf("the other namespace's mount is here: %v, %v", seen, err)
	}
	return prepareBase(base) // and finds it done
}

// cleanDamaged cleans up after states that name nothing, or what is not theirs.
func cleanDamaged(dir string) error {
	other := filepath.Join(dir, string(otherID))
	for _, d := range []string{dir, other} {
		if err := os.MkdirAll(d, 0o700); err != nil {
			return err
		}
		if err := unix.Mount("none", d, "tmpfs", 0, ""); err != nil {
			return err
		}
	}
	for _, bad := range []string{"", "/", dir, filepath.Dir(dir), strings.TrimPrefix(dir, "/"), other} {
		s := &State{ID: testID, Dir: bad, Tmp: bad, Scratch: bad, Podman: "/bin/true", Storage: other}
		if err := cleanup(context.Background(), s, true); err != nil {
			return fmt.Errorf("%q: %w", bad, err)
		}
		if mountsAt(dir) != 1 || mountsAt(other) != 1 || mountsAt("/proc") == 0 {
			return fmt.Errorf("a state that names %q has unmounted something", bad)
		}
	}
	return nil
}

// parent is a lazybuild with a child, until it is killed.
func parent() error {
	c, err := startChild(&podman{path: "/bin/sh"}, []string{"-c", `trap 'echo term; exit' TERM; echo $$; while kill -0 $PPID; do sleep 0.01; done`},
		Stdio{Out: os.Stdout, Err: os.Stderr}, "")
	if err != nil {
		return err
	}
	<-c.done
	return errors.New("the child has ended first")
}

// testPlace is where a build of a test happens.
func testPlace(b *build) place { return &rootfulPlace{localPlace{p: b.p, dirs: b.dirs}} }
