//go:build e2e

// Package e2e tests lazybuild from outside: the real binary, real podman, a
// real mount in a real container, real package managers, and an origin server
// that counts what it is asked for. README.md says how to run and extend it.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"

	"github.com/lazybuild/lazybuild/e2e/realapp"
)

// binary is the lazybuild under test: $LAZYBUILD_BIN, or what `make build` wrote.
func binary() string {
	bin := os.Getenv("LAZYBUILD_BIN")
	if bin == "" {
		bin = filepath.Join("..", "bin", "lazybuild")
	}
	abs, err := filepath.Abs(bin)
	if err != nil {
		panic(err)
	}
	return abs
}

// work holds everything of this run of the tests: projects, podman's storage,
// lazybuild's mounts and state. So a run leaves nothing in the user's podman,
// and what it finds left is its own.
var work string

// baseStore is the user's own podman storage, which has the base image.
var baseStore string

// TestMain fails, and does not skip, where the tests cannot run: a skipped test
// would look like one that has passed.
func TestMain(m *testing.M) {
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
	}
	os.Exit(code)
}

func runAll(m *testing.M) (code int, err error) {
	// A short path: podman's sockets are below it, and Linux allows them 107 bytes.
	if work, err = os.MkdirTemp("/var/tmp", "lazy-e2e-"); err != nil {
		return 1, err
	}
	defer removeWork()
	// Builds in a user namespace have to get at what is below, as in /var/tmp itself.
	if err := os.Chmod(work, 0o711); err != nil {
		return 1, err
	}
	// Whoever runs the tests may ignore these (nohup, a shell's background), which
	// lazybuild would heed; what is listened to, children do not ignore.
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGHUP} {
		if signal.Ignored(s) {
			signal.Notify(make(chan os.Signal, 1), s)
		}
	}
	if err := isolate(); err != nil {
		return 1, err
	}
	if err := ready(); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func ready() error {
	if _, err := os.Stat(binary()); err != nil {
		return fmt.Errorf("there is no lazybuild to test (run `make build`): %w", err)
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		return fmt.Errorf("FUSE is missing: %w", err)
	}
	out, err := exec.Command("podman", "run", "--rm", "--network=none", realapp.BaseImage, "true").CombinedOutput()
	if err != nil {
		return fmt.Errorf("podman cannot run the base image (run `make setup`, and the tests with `make e2e`): %w\n%s", err, out)
	}
	return nil
}

// isolate gives this process and its children a podman storage and a run
// directory below work. The base image is read from the user's storage.
func isolate() error {
	if err := os.Setenv("LAZYBUILD_RUNDIR", runDir()); err != nil {
		return err
	}
	if isRemote() {
		return nil
	}
	out, err := exec.Command("podman", "info", "--format", "{{.Store.GraphRoot}}").Output()
	if err != nil {
		return fmt.Errorf("podman info: %w", err)
	}
	baseStore = strings.TrimSpace(string(out))
	conf := filepath.Join(work, "storage.conf")
	// A rootless podman heeds rootless_storage_path alone.
	text := fmt.Sprintf("[storage]\ndriver = \"overlay\"\ngraphroot = %q\nrootless_storage_path = %[1]q\nrunroot = %q\n[storage.options]\nadditionalimagestores = [%q]\n",
		filepath.Join(work, "storage"), filepath.Join(work, "runroot"), baseStore)
	if err := os.WriteFile(conf, []byte(text), 0o644); err != nil {
		return err
	}
	return os.Setenv("CONTAINERS_STORAGE_CONF", conf)
}

// runDir is where lazybuild keeps its mounts and state in these tests.
func runDir() string { return filepath.Join(work, "run") }

// removeWork ends what still runs (podman's API service waits a few seconds for
// the next client, and would write to its storage again), unmounts what podman
// and lazybuild keep mounted between builds, and removes all.
func removeWork() {
	if isRemote() {
		removeRemote()
	}
	for _, p := range processes() {
		if p.pid != os.Getpid() && (p.ours || slices.Contains(p.args, runMarker())) {
			_ = unix.Kill(p.pid, unix.SIGKILL)
		}
	}
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(work))
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e: cleaning up:", err)
	}
	for _, m := range slices.Backward(mounts) {
		_ = unix.Unmount(m.Mountpoint, unix.MNT_DETACH)
	}
	if err := removeAll(work); err != nil {
		fmt.Fprintln(os.Stderr, "e2e: cleaning up:", err)
	}
}

// removeAll removes a directory. A rootless podman's files belong to users that
// only podman's namespace has, and its mounts are there.
func removeAll(dir string) error {
	if os.Geteuid() == 0 || isRemote() {
		return os.RemoveAll(dir)
	}
	script := `grep -o " $1/[^ ]*" /proc/self/mountinfo | sort -r | xargs -r -n 1 umount -l; rm -rf "$1"`
	if out, err := exec.Command("podman", "unshare", "sh", "-c", script, "sh", dir).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, out)
	}
	return nil
}
