//go:build linux

package mount

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// Shows S8.
func TestStatAndListingsNeverOpen(t *testing.T) {
	tr := files(file("deps/npm/a.tgz", "aa"), file("deps/npm/b.tgz", "bbb"), unsized("deps/x.zip", "x"))
	m := mountTree(t, Options{}, tr)
	a := newAgent(t)
	if got := a.must("ls", m.path("deps/npm")); got != "a.tgz b.tgz" {
		t.Errorf("ls: %q", got)
	}
	if got := a.must("ls", m.dir); got != "deps" {
		t.Errorf("ls of the root: %q", got)
	}
	got := a.must("stat", m.path("deps/npm/b.tgz"))
	if want := "mode=100644 size=3 nlink=1 "; !strings.HasPrefix(got, want) || !strings.HasSuffix(got, ".0 uid=0") {
		t.Errorf("stat: %q, want %q…", got, want)
	}
	if got := a.must("stat", m.path("deps")); !strings.HasPrefix(got, "mode=40777 ") {
		t.Errorf("stat of a directory: %q", got)
	}
	if got := a.must("stat", m.path("deps/x.zip")); !strings.Contains(got, " size=0 ") {
		t.Errorf("stat of a file of unknown size: %q", got)
	}
	a.refused("ENOENT", "stat", m.path("deps/absent"))
	a.refused("ENOENT", "open", m.path("deps/npm/absent"))
	a.refused("ENOTDIR", "stat", m.path("deps/x.zip/below"))
	a.refused("ENOTSUP", "getxattr", m.path("deps"), "user.overlay.opaque") // no file of this tree has attributes
	if got := a.must("statfs", m.dir); got != "files=6 bytes=4096 free=0 namelen=255" {
		t.Errorf("statfs: %s", got)
	}
	if n := m.src.totalOpens(); n != 0 {
		t.Errorf("%d calls of Source.Open", n)
	}
}

// Shows S20.
func TestReadOnlyTreeHasReadOnlyDirectories(t *testing.T) {
	m := mountTree(t, Options{ReadOnly: true}, files(file("deps/a", "x")))
	if got := newAgent(t).must("stat", m.path("deps")); !strings.HasPrefix(got, "mode=40555 ") {
		t.Errorf("stat: %q", got)
	}
}

// Shows S19.
func TestAttributesAreAFunctionOfTheDigest(t *testing.T) {
	tr := func() *tree.Tree {
		return files(file("one/a", "same"), file("two/b", "same"), file("two/c", "other"))
	}
	var seen []string
	for range 2 {
		m := mountTree(t, Options{}, tr())
		a := newAgent(t)
		seen = append(seen, a.must("stat", m.path("one/a")), a.must("stat", m.path("two/b")))
		if other := a.must("stat", m.path("two/c")); other == seen[0] {
			t.Errorf("another content has the same attributes: %s", other)
		}
	}
	for _, s := range seen[1:] {
		if d := cmp.Diff(seen[0], s); d != "" {
			t.Error(d)
		}
	}
}

// Shows S22.
func TestUnknownSizeIsToldOnceTheFileIsOpen(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options) {
		m := mountTree(t, o, files(unsized("a", "twelve bytes")))
		a := newAgent(t)
		fd := a.must("open", m.path("a"))
		a.start("fstat", fd)
		within(t, "fstat's wait", m.src.content("a").sizing)
		m.src.state("a", 12) // the origin's header comes before the content
		if got, _ := a.answer(); !strings.Contains(got, " size=12 ") {
			t.Errorf("fstat: %q", got)
		}
		a.must("close", fd)
		if got := a.must("stat", m.path("a")); !strings.Contains(got, " size=12 ") {
			t.Errorf("stat after close: %q", got)
		}
		m.src.deliver("a", "twelve bytes")
		if got := runAs(t, 1001, "d=$(mktemp -d); cp "+m.path("a")+" $d/copy; cat $d/copy; rm -r $d"); got != "twelve bytes" {
			t.Errorf("cp: %q", got)
		}
	})
}

func TestUnknownSizeIsLearntFromTheContent(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options) {
		m := mountTree(t, o, files(unsized("a", "content"), unsized("b", "more content")))
		a := newAgent(t)
		a.must("stat", m.path("a"))
		a.must("stat", m.path("b"))
		fd := a.must("open", m.path("a"))
		a.start("read", fd, 100, 0)
		within(t, "the wait", m.src.content("a").waiting)
		m.src.deliver("a", "content")
		if got, _ := a.answer(); got != "content" {
			t.Errorf("read %q", got)
		}
		if got := a.must("fstat", fd); !strings.Contains(got, " size=7 ") {
			t.Errorf("fstat: %q", got)
		}
		m.src.deliver("b", "more content") // present before its first open
		if got := runAs(t, 1001, "cat "+m.path("b")); got != "more content" {
			t.Errorf("cat: %q", got)
		}
	})
}

// Shows S22.
func TestFailureToLearnASizeIsAnError(t *testing.T) {
	m := mountTree(t, Options{}, files(unsized("a", "x")))
	a := newAgent(t)
	fd := a.must("open", m.path("a"))
	m.src.fail("a", errors.New("no such host"))
	a.refused("EIO", "fstat", fd)
	a.refused("EIO", "read", fd, 1, 0)
	want := []string{"opened a", "failed a: no such host"}
	if d := cmp.Diff(want, m.rec.drain()); d != "" {
		t.Error(d)
	}
}

func TestLibrepoAttributes(t *testing.T) {
	rpm, plain := file("deps/rpm/a.rpm", "rpm"), file("deps/rpm/a.txt", "text")
	m := mountTree(t, Options{}, files(rpm, plain))
	a := newAgent(t)
	path := m.path(rpm.Path)
	if got := a.must("getxattr", path, xattrSHA256); got != rpm.Digest.Hex() {
		t.Errorf("%s = %q", xattrSHA256, got)
	}
	mtime := strings.Replace(field(a.must("stat", path), "mtime"), ".0", "000000000", 1)
	if got := a.must("getxattr", path, xattrMtime); got != mtime {
		t.Errorf("%s = %q, stat says %q", xattrMtime, got, mtime)
	}
	if got := a.must("listxattr", path); got != xattrMtime+"\x00"+xattrSHA256+"\x00" {
		t.Errorf("listxattr %q", got)
	}
	a.refused("ENODATA", "getxattr", path, "user.Librepo.checksum.md5")
	a.refused("ENODATA", "getxattr", m.path(plain.Path), xattrSHA256)
	if got := a.must("listxattr", m.path(plain.Path)); got != "" {
		t.Errorf("listxattr of a text file %q", got)
	}
	a.must("fsync", a.must("open", path)) // librepo does, and takes an error for a bad package
}

// field returns the value of name=value in an agent's answer.
func field(s, name string) string {
	for f := range strings.FieldsSeq(s) {
		if v, ok := strings.CutPrefix(f, name+"="); ok {
			return v
		}
	}
	return ""
}

// Shows S26.
func TestGeneratedDirectoryIsMadeOnFirstAccess(t *testing.T) {
	tr := &tree.Tree{
		Files: []tree.File{file("rpms/a.rpm", "rpm"), file("rpms/repodata/fixed", "fixed")},
		Dirs:  []tree.Dir{{Path: "rpms/repodata", Make: tree.Recipe{Kind: "repodata"}}},
	}
	m := mountTree(t, Options{}, tr)
	calls := make(chan struct{}, 10)
	proceed := make(chan struct{})
	m.src.expand = func(context.Context, *tree.Dir) ([]tree.File, error) {
		calls <- struct{}{}
		<-proceed
		md := file("repomd.xml", "<repomd/>")
		md.Content = []byte("<repomd/>")
		return []tree.File{md, file("sub/other.zck", "z")}, nil
	}
	a, b := newAgent(t), newAgent(t)
	a.must("ls", m.path("rpms"))
	a.must("stat", m.path("rpms/repodata"))
	if got := a.must("stat", m.path("rpms/repodata/fixed")); got == "" || len(calls) != 0 {
		t.Error("a fixed entry needed the generated ones")
	}
	a.start("ls", m.path("rpms/repodata"))
	within(t, "the expansion", calls)
	b.start("open", m.path("rpms/repodata/repomd.xml"))
	close(proceed)
	if got, errno := a.answer(); got != "fixed repomd.xml sub" {
		t.Errorf("ls: %q, %q", got, errno)
	}
	fd, errno := b.answer()
	if errno != "" {
		t.Fatal(errno)
	}
	if got := b.must("read", fd, 100, 0); got != "<repomd/>" {
		t.Errorf("read %q", got)
	}
	b.must("stat", m.path("rpms/repodata/sub/other.zck"))
	b.refused("ENOENT", "stat", m.path("rpms/repodata/absent"))
	if len(calls) != 0 {
		t.Error("the directory was made again")
	}
}

func TestFailedGenerationIsRetriedLater(t *testing.T) {
	var now atomic.Int64
	clock := Clock{Now: func() time.Time { return time.Unix(now.Load(), 0) }}
	tr := &tree.Tree{Dirs: []tree.Dir{{Path: "repodata"}}}
	m := mountTree(t, Options{Clock: clock}, tr)
	var calls atomic.Int64
	m.src.expand = func(context.Context, *tree.Dir) ([]tree.File, error) {
		if calls.Add(1) == 1 {
			return nil, fmt.Errorf("reading headers: %w", syscall.ENOSPC)
		}
		return []tree.File{file("repomd.xml", "x")}, nil
	}
	a := newAgent(t)
	a.refused("ENOSPC", "stat", m.path("repodata/repomd.xml"))
	a.refused("ENOSPC", "stat", m.path("repodata/repomd.xml"))
	if n := calls.Load(); n != 1 {
		t.Errorf("%d tries without a pause", n)
	}
	now.Add(int64(retryExpand / time.Second))
	a.must("stat", m.path("repodata/repomd.xml"))
	want := []string{"failed repodata: reading headers: no space left on device"}
	if d := cmp.Diff(want, m.rec.drain()); d != "" {
		t.Error(d)
	}
}

func TestBadTreesAreRefused(t *testing.T) {
	for _, path := range []string{"", "a//b", "../a", "a/../b", "a/"} {
		if _, err := newTable(files(tree.File{Path: path})); err == nil {
			t.Errorf("a file with the path %q was accepted", path)
		}
	}
}
