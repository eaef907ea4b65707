//go:build linux

package mount

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// overlayOn puts a writable view on a mount.
func overlayOn(t testing.TB, m *testMount, userxattr bool) string {
	t.Helper()
	base := t.TempDir()
	if err := os.Chmod(filepath.Dir(base), 0o755); err != nil {
		t.Fatal(err)
	}
	target := filepath.Join(base, "merged")
	if err := os.Mkdir(target, 0o755); err != nil {
		t.Fatal(err)
	}
	err := Overlay(m.dir, filepath.Join(base, "upper"), filepath.Join(base, "work"), target, userxattr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := UnmountOverlay(target); err != nil {
			t.Error(err)
		}
		if mountedAt(t, target) {
			t.Error("the overlay is still mounted")
		}
	})
	return target
}

// Shows S20.
func TestOverlayIsWritableForEveryUser(t *testing.T) {
	for _, userxattr := range []bool{false, true} {
		t.Run(fmt.Sprintf("userxattr=%v", userxattr), func(t *testing.T) {
			eachMode(t, func(t *testing.T, o Options) {
				o.UnderOverlay = true
				m := mountTree(t, o, files(file("deps/gomod/cache/a.zip", "zip"), file("deps/b.rpm", "rpm")))
				m.src.deliver("deps/gomod/cache/a.zip", "zip")
				top := overlayOn(t, m, userxattr)
				got := runAs(t, 1001, "cd "+top+`
					cat deps/gomod/cache/a.zip
					echo new > top.txt; mkdir deps/gomod/new; echo lock > deps/gomod/cache/lock
					cat top.txt deps/gomod/cache/lock
					cat deps/gomod/cache/a.zip`)
				if got != "zipnew\nlock\nzip" {
					t.Errorf("%q", got)
				}
				if n := m.src.opens("deps/b.rpm"); n != 0 {
					t.Errorf("an untouched file was opened %d times", n)
				}
			})
		})
	}
}

// Node's fs.copyFile asks fstat, and then has the kernel copy that many bytes: it
// would never end if the kernel took the file for an empty one. Shows S22.
func TestOverlayTakesNoFileOfUnknownSizeForEmpty(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options) {
		o.UnderOverlay = true
		m := mountTree(t, o, files(unsized("a", "twelve bytes"), unsized("b", "other")))
		top := overlayOn(t, m, false)
		path := filepath.Join(top, "a")
		a := newAgent(t)
		if got := a.must("stat", path); !strings.Contains(got, " size=0 ") {
			t.Errorf("stat before the size is known: %q", got)
		}
		fd := a.must("open", path)
		a.start("fstat", fd)
		within(t, "fstat's wait", m.src.content("a").sizing)
		m.src.state("a", 12)
		m.src.deliver("a", "twelve bytes")
		if got, _ := a.answer(); !strings.Contains(got, " size=12 ") {
			t.Errorf("fstat: %q", got)
		}
		// Kernels copy all or say that they can't; then programs copy themselves.
		dir := overlayOn(t, mountTree(t, o, files()), false)
		for i, want := range []int{12, 1 << 20} {
			a.start("copyrange", a.must("open", path), want, filepath.Join(dir, fmt.Sprint("copy", i)))
			if got, errno := a.answer(); got != "12" && errno != "EXDEV" {
				t.Errorf("of %d bytes %q were copied (%s)", want, got, errno)
			}
		}
		if got := runAs(t, 0, "cat "+path+" && stat -c ' %s' "+path+" && stat -c %s "+filepath.Join(top, "b")); got != "twelve bytes 12\n0\n" {
			t.Errorf("%q", got)
		}
	})
}

func TestOverlayReadsWaitToo(t *testing.T) {
	m := mountTree(t, Options{}, files(file("a", "late")))
	top := overlayOn(t, m, false)
	a, b := newAgent(t), newAgent(t)
	first := a.must("open", filepath.Join(top, "a"))
	a.start("read", first, 100, 0)
	within(t, "the wait", m.src.content("a").waiting)
	m.src.deliver("a", "late")
	if got, errno := a.answer(); got != "late" {
		t.Errorf("read %q, %q", got, errno)
	}
	second := b.must("open", filepath.Join(top, "a")) // while the first is open
	if got := b.must("read", second, 100, 0); got != "late" {
		t.Errorf("second read %q", got)
	}
	if got := b.must("mmap", second, 4, "shared"); got != "late" {
		t.Errorf("mapped %q", got)
	}
}

func TestOverlayTellsASizeOnceTheFileIsOpen(t *testing.T) {
	m := mountTree(t, Options{UnderOverlay: true}, files(unsized("a", "twelve bytes")))
	top := overlayOn(t, m, false)
	a := newAgent(t)
	path := filepath.Join(top, "a")
	if got := a.must("stat", path); !strings.Contains(got, " size=0 ") {
		t.Errorf("stat: %q", got)
	}
	fd := a.must("open", path)
	a.start("fstat", fd)
	within(t, "fstat's wait", m.src.content("a").sizing)
	m.src.state("a", 12)
	if got, _ := a.answer(); !strings.Contains(got, " size=12 ") {
		t.Errorf("fstat: %q", got)
	}
	m.src.deliver("a", "twelve bytes")
	if got := a.must("read", fd, 100, 0); got != "twelve bytes" {
		t.Errorf("read %q", got)
	}
	if got := a.must("mmap", fd, 12, "shared"); got != "twelve bytes" {
		t.Errorf("mapped %q", got)
	}
}

// An open asks for no attributes: the answer would wait for the size.
func TestOverlayOpensAFileOfUnknownSizeTwice(t *testing.T) {
	m := mountTree(t, Options{UnderOverlay: true}, files(unsized("a", "twelve bytes")))
	path := filepath.Join(overlayOn(t, m, false), "a")
	a, b := newAgent(t), newAgent(t)
	a.must("open", path)
	b.start("open", path)
	opened := make(chan string, 1)
	go func() {
		_, errno := b.answer()
		opened <- errno
	}()
	select {
	case errno := <-opened:
		if errno != "" {
			t.Error(errno)
		}
	case <-m.src.content("a").sizing:
		t.Error("the second open waits for the size")
		m.src.state("a", 12)
		<-opened
	}
	m.src.deliver("a", "twelve bytes")
}

func TestOverlayRefusesWhatModesForbid(t *testing.T) {
	tree := files(file("plain", "#!/bin/true\n"))
	m := mountTree(t, Options{UnderOverlay: true}, tree)
	m.src.deliver("plain", "#!/bin/true\n")
	top := overlayOn(t, m, false)
	for _, uid := range []uint32{0, 1001} {
		if got := runAs(t, uid, "cd "+top+"; [ -r plain ] && echo read; [ -x plain ] || echo no; ./plain 2>/dev/null || echo $?"); got != "read\nno\n126\n" {
			t.Errorf("uid %d: %q", uid, got)
		}
	}
	if got := runAs(t, 1001, "cd "+top+"; [ -w plain ] || echo no"); got != "no\n" {
		t.Errorf("a file of root's is writable: %q", got)
	}
}

// Shows S25.
func TestOverlayMetadataChangesDownloadNothing(t *testing.T) {
	m := mountTree(t, Options{UnderOverlay: true}, files(file("deps/a.rpm", "rpm"), file("deps/b.whl", "wheel")))
	top := overlayOn(t, m, false)
	got := runAs(t, 0, "cd "+top+` && chown -R 1001:0 . && chmod -R g+w . && find . -type f | xargs ls -l`)
	if strings.Count(got, "-rw-rw-r--") != 2 {
		t.Errorf("%s", got)
	}
	if n := m.src.totalOpens(); n != 0 {
		t.Errorf("%d calls of Source.Open", n)
	}
	a := newAgent(t)
	a.must("open", filepath.Join(top, "deps/a.rpm"))
	if n := m.src.opens("deps/a.rpm"); n != 1 {
		t.Errorf("a program's open made %d calls of Source.Open", n)
	}
	m.src.deliver("deps/b.whl", "wheel")
	if got := runAs(t, 1001, "cat "+top+"/deps/b.whl"); got != "wheel" {
		t.Errorf("read after chown: %q", got)
	}
}

// Shows S42.
func TestOverlayOnAKilledMountFailsLoudly(t *testing.T) {
	m := mountTree(t, Options{UnderOverlay: true}, files(file("deps/a", "x"), file("deps/b", "y")))
	m.src.deliver("deps/b", "y")
	top := overlayOn(t, m, false)
	a := newAgent(t)
	a.must("ls", filepath.Join(top, "deps"))
	m.Kill(nil)
	for _, cmd := range [][]any{
		{"open", filepath.Join(top, "deps/a")}, {"open", filepath.Join(top, "deps/b")},
		{"stat", filepath.Join(top, "other")},
	} {
		a.refused("EIO", cmd...)
	}
}

func TestOverlayPathsThatOptionsCannotHold(t *testing.T) {
	if err := Overlay("/a:b", "/c", "/d", "/e", false); err == nil || !strings.Contains(err.Error(), "/a:b") {
		t.Errorf("%v", err)
	}
}

// large is a tree of n small files in directories of 1,000.
func large(n int) *tree.Tree {
	tr := &tree.Tree{}
	for i := range n {
		tr.Files = append(tr.Files, file(fmt.Sprintf("deps/%03d/package-%06d.tgz", i/1000, i), fmt.Sprint(i)))
	}
	return tr
}

func TestLargeTreeIsListedWhole(t *testing.T) {
	const n = 20000
	m := mountTree(t, Options{}, large(n))
	if got := runAs(t, 1001, "find "+m.dir+" -type f -size -2 | wc -l"); strings.TrimSpace(got) != fmt.Sprint(n) {
		t.Errorf("find counts %s", got)
	}
	one := &tree.Tree{}
	for i := range n {
		one.Files = append(one.Files, file(fmt.Sprintf("%06d", i), fmt.Sprint(i)))
	}
	flat := mountTree(t, Options{}, one)
	if got := runAs(t, 1001, "ls "+flat.dir+" | uniq | wc -l"); strings.TrimSpace(got) != fmt.Sprint(n) {
		t.Errorf("ls counts %s", got)
	}
}

// An unmount that writes out what the whole machine has in memory would be
// waited for at the end of each build.
func TestOverlaysHaveNothingToWriteOutAtTheEnd(t *testing.T) {
	m := mountTree(t, Options{UnderOverlay: true}, files(file("a", "a")))
	writable := overlayOn(t, m, false)
	base := t.TempDir()
	view := filepath.Join(base, "view")
	for _, dir := range []string{"lower", "upper", "view"} {
		if err := os.Mkdir(filepath.Join(base, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	if err := View(filepath.Join(base, "lower"), filepath.Join(base, "upper"), filepath.Join(base, "work"), view, "test", false); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := UnmountOverlay(view); err != nil {
			t.Error(err)
		}
	}()
	for _, dir := range []string{writable, view} {
		// Kernels say "volatile" or "fsync=volatile".
		if top := topOf(dir); top == nil || !strings.Contains(top.VFSOptions, "volatile") {
			t.Errorf("%s is mounted as %+v", dir, top)
		}
	}
}
