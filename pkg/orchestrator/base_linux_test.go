package orchestrator

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func TestManyBuildsMakeOneSharedBase(t *testing.T) {
	inNamespace(t, "bases", t.TempDir())
}

func TestMountsOfOtherNamespacesAppearBelowTheBase(t *testing.T) {
	inNamespace(t, "shared base", filepath.Join(t.TempDir(), "base"))
}

func TestABaseOnASharedMountGetsNone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a dir")
	mountTmp(t, dir)
	if err := unix.Mount("", dir, "", unix.MS_SHARED, ""); err != nil {
		t.Fatal(err)
	}
	base := filepath.Join(dir, "base")
	if err := prepareBase(base); err != nil {
		t.Fatal(err)
	}
	if n := mountsAt(base); n != 0 {
		t.Errorf("%d mounts at the base", n)
	}
}

func TestSharedIsTheMountThatCarriesTheDirectory(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "outer")
	mountTmp(t, dir)
	set := func(path string, how uintptr) {
		t.Helper()
		if err := unix.Mount("", path, "", how, ""); err != nil {
			t.Fatal(err)
		}
	}
	check := func(path string, want bool) {
		t.Helper()
		if got, err := isShared(path); err != nil || got != want {
			t.Errorf("%s is shared: %v, %v", path, got, err)
		}
	}
	set(dir, unix.MS_PRIVATE)
	check(dir, false)
	set(dir, unix.MS_SHARED)
	inner := filepath.Join(dir, "inner")
	mountTmp(t, inner)
	set(inner, unix.MS_PRIVATE)
	below := mkdir(t, filepath.Join(inner, "a/b"))
	check(dir, true)
	check(below, false)
	// On top of the private one: the upper mount is what counts.
	mountTmp(t, inner)
	set(inner, unix.MS_SHARED)
	check(inner, true)
	set(dir, unix.MS_PRIVATE)
	check(mkdir(t, inner+"2"), false) // beside the shared one, whatever its name
	set(dir, unix.MS_SHARED)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(dir, link); err != nil {
		t.Fatal(err)
	}
	check(link, true)
	if _, err := isShared(filepath.Join(dir, "nowhere")); err == nil {
		t.Error("a directory that is not there is shared")
	}
}

func TestABaseOfSomebodyElseIsRefused(t *testing.T) {
	needsRoot(t)
	dir := t.TempDir()
	link := filepath.Join(dir, "link")
	if err := os.Symlink(mkdir(t, filepath.Join(dir, "victim")), link); err != nil {
		t.Fatal(err)
	}
	foreign := mkdir(t, filepath.Join(dir, "foreign"))
	if err := os.Chown(foreign, 12345, 12345); err != nil {
		t.Fatal(err)
	}
	for _, base := range []string{link, foreign} {
		var h *HintError
		if err := prepareBase(base); !errors.As(err, &h) || !strings.Contains(h.Hint, "LAZYBUILD_RUNDIR") {
			t.Errorf("%s: %v", base, err)
		}
	}
	if err := prepareBase(writeFile(t, filepath.Join(dir, "file"), "")); err == nil {
		t.Error("a file became the base")
	}
}

func TestDetachBelowTakesStackedMountsAndNoOthers(t *testing.T) {
	top := t.TempDir()
	dir, beside := filepath.Join(top, "a b"), filepath.Join(top, "a b2")
	mountTmp(t, beside)
	mountTmp(t, dir)
	mountTmp(t, dir)
	mountTmp(t, filepath.Join(dir, "x"))
	mountTmp(t, filepath.Join(dir, "x/y"))
	mountTmp(t, filepath.Join(dir, "x"))
	busy, err := os.Create(filepath.Join(dir, "x/busy"))
	if err != nil {
		t.Fatal(err)
	}
	defer busy.Close()
	if err := detachBelow(dir); err != nil {
		t.Fatal(err)
	}
	if n := mountsAt(dir) + mountsAt(filepath.Join(dir, "x")); n != 0 {
		t.Errorf("%d mounts are left", n)
	}
	if mountsAt(beside) != 1 {
		t.Error("the neighbour's mount is gone")
	}
	if err := detachBelow(dir); err != nil {
		t.Errorf("once more: %v", err)
	}
}

// /var/run/lazybuild is such a path: mountinfo has the real one.
func TestMountsAreSeenThroughASymbolicLink(t *testing.T) {
	top, link := t.TempDir(), filepath.Join(t.TempDir(), "run")
	if err := os.Symlink(top, link); err != nil {
		t.Fatal(err)
	}
	mountTmp(t, filepath.Join(top, "build/output"))
	if seen, err := isMounted(filepath.Join(link, "build/output")); err != nil || !seen {
		t.Errorf("mounted: %v, %v", seen, err)
	}
	if err := detachBelow(filepath.Join(link, "build")); err != nil {
		t.Fatal(err)
	}
	if seen, _ := isMounted(filepath.Join(top, "build/output")); seen {
		t.Error("the mount is still there")
	}
}
