//go:build linux

package mount

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

func modes() map[string]Passthrough {
	return map[string]Passthrough{"passthrough": PassthroughAuto, "cached": PassthroughOff}
}

// eachMode runs a test with both ways of reading present files.
func eachMode(t *testing.T, f func(t *testing.T, o Options)) {
	for name, mode := range modes() {
		t.Run(name, func(t *testing.T) { f(t, Options{Passthrough: mode}) })
	}
}

// Shows S9.
func TestOpenReturnsAtOnceAndTheFirstReadWaits(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options) {
		m := mountTree(t, o, files(file("deps/pip/a.whl", "content")))
		a := newAgent(t)
		fd := a.must("open", m.path("deps/pip/a.whl"))
		a.start("read", fd, 100, 0)
		within(t, "the read's wait", m.src.content("deps/pip/a.whl").waiting)
		m.src.deliver("deps/pip/a.whl", "content")
		if got, errno := a.answer(); got != "content" || errno != "" {
			t.Errorf("read %q, %q", got, errno)
		}
		want := []string{"opened deps/pip/a.whl", "waited deps/pip/a.whl"}
		if d := cmp.Diff(want, m.rec.drain()); d != "" {
			t.Error(d)
		}
		if got := a.must("read", fd, 4, 3); got != "tent" {
			t.Errorf("second read %q", got)
		}
	})
}

// Shows S20.
func TestPresentFileIsReadByAnyUserWithoutWaiting(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options) {
		data := strings.Repeat("0123456789abcdef", 1<<17) // 2 MiB: more than one request
		m := mountTree(t, o, files(file("big", data)))
		m.src.deliver("big", data)
		if got := runAs(t, 1001, "cat "+m.path("big")); got != data {
			t.Errorf("read %d bytes, want %d", len(got), len(data))
		}
		if len(m.src.content("big").waiting) != 0 {
			t.Error("a present file was waited for")
		}
	})
}

func TestReadersOfOneFileWaitForTheSameDownload(t *testing.T) {
	m := mountTree(t, Options{}, files(unsized("a", "shared")))
	m.src.state("a", 6)
	agents := []*agent{newAgent(t), newAgent(t)}
	for _, a := range agents {
		fd := a.must("open", m.path("a"))
		a.start("read", fd, 100, 0)
		within(t, "the wait", m.src.content("a").waiting)
	}
	m.src.deliver("a", "shared")
	for _, a := range agents {
		if got, errno := a.answer(); got != "shared" {
			t.Errorf("read %q, %q", got, errno)
		}
	}
}

// Programs that unpack an archive read a few bytes here and there. Only the first
// of them is a request: other bytes in the store's place show it.
func TestWaitingFileOfKnownSizeIsReadThroughThePageCache(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options) {
		data := strings.Repeat("0123456789abcdef", 1<<10)
		m := mountTree(t, o, files(file("a", data)))
		a, b := newAgent(t), newAgent(t)
		first, second := a.must("open", m.path("a")), b.must("open", m.path("a"))
		a.start("read", first, 16, 0)
		within(t, "the wait", m.src.content("a").waiting)
		b.start("read", second, 16, 32) // for the same page
		m.src.deliver("a", data)
		for _, reader := range []*agent{a, b} {
			if got, errno := reader.answer(); got != "0123456789abcdef" {
				t.Errorf("read %q, %q", got, errno)
			}
		}
		if got := a.must("read", first, len(data)+1, 0); got != data {
			t.Errorf("read %d bytes, want %d", len(got), len(data))
		}
		if err := os.WriteFile(m.src.content("a").path, []byte(strings.Repeat("x", len(data))), 0o444); err != nil {
			t.Fatal(err)
		}
		for at := range 8 {
			if got, want := b.must("read", second, 5, 2000*at+at), data[2000*at+at:][:5]; got != want {
				t.Errorf("read %q at %d, want %q", got, 2000*at+at, want)
			}
		}
	})
}

func TestInodeChangesItsWayOnlyWhenClosed(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options) {
		m := mountTree(t, o, files(file("a", "bytes")))
		a, b := newAgent(t), newAgent(t)
		first := a.must("open", m.path("a"))
		a.start("read", first, 100, 0)
		within(t, "the wait", m.src.content("a").waiting)
		m.src.deliver("a", "bytes")
		if got, errno := a.answer(); got != "bytes" {
			t.Fatalf("first reader: %q, %q", got, errno)
		}
		// The first is still open, and may be mapped: the second must not be refused
		// for it, nor take the first one's right to map away.
		if got := a.must("mmap", first, 5, "shared"); got != "bytes" {
			t.Errorf("MAP_SHARED of the first: %q", got)
		}
		second := b.must("open", m.path("a"))
		if got := b.must("read", second, 100, 0); got != "bytes" {
			t.Errorf("second reader: %q", got)
		}
		if got := a.must("mmap", first, 5, "private"); got != "bytes" {
			t.Errorf("MAP_PRIVATE of the first: %q", got)
		}
		a.stop() // the mapping goes with the process
		b.must("close", second)
		within(t, "the close", m.src.content("a").closed)
		within(t, "the close", m.src.content("a").closed)
		m.src.content("a").closed <- struct{}{} // give them back for the count
		m.src.content("a").closed <- struct{}{}
		third := b.must("open", m.path("a"))
		if got := b.must("read", third, 100, 0); got != "bytes" {
			t.Errorf("third reader: %q", got)
		}
		if got := m.server.table.mustFind(t, "a").passthroughOpens(); (got == 1) != m.Info().Passthrough {
			t.Errorf("%d passthrough files open in a mount with passthrough %v", got, m.Info().Passthrough)
		}
	})
}

func TestPresentFileIsOpenSeveralTimes(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options) {
		m := mountTree(t, o, files(file("a", "bytes")))
		m.src.deliver("a", "bytes")
		a, b := newAgent(t), newAgent(t)
		first := a.must("open", m.path("a"))
		second := b.must("open", m.path("a"))
		a.must("close", first)
		within(t, "the close", m.src.content("a").closed)
		m.src.content("a").closed <- struct{}{} // give it back for the count
		if got := b.must("read", second, 100, 0); got != "bytes" {
			t.Errorf("read %q", got)
		}
		third := a.must("open", m.path("a"))
		if got := a.must("mmap", third, 5, "shared"); got != "bytes" {
			t.Errorf("mapped %q", got)
		}
	})
}

// The kernel checks the order in which opens of an inode change from one way to
// another, and programs open while the content arrives.
func TestContentArrivesWhileManyOpen(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options) {
		m := mountTree(t, o, files(file("a", "bytes")))
		const loop = "for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15; do cat %[1]s; done"
		cmd := exec.Command("sh", "-c", fmt.Sprintf("for j in 1 2 3 4 5 6; do ("+loop+") & done; wait", m.path("a")))
		out := make(chan string)
		go func() {
			b, err := cmd.CombinedOutput()
			if err != nil {
				t.Error(err)
			}
			out <- string(b)
		}()
		within(t, "the wait", m.src.content("a").waiting)
		m.src.deliver("a", "bytes")
		if got := within(t, "the end", out); got != strings.Repeat("bytes", 6*15) {
			t.Errorf("%q", got)
		}
	})
}

func TestMapOfWaitingFileWaits(t *testing.T) {
	m := mountTree(t, Options{}, files(file("a", "mapped")))
	a := newAgent(t)
	fd := a.must("open", m.path("a"))
	a.start("mmap", fd, 6, "private")
	within(t, "the wait", m.src.content("a").waiting)
	m.src.deliver("a", "mapped")
	if got, errno := a.answer(); got != "mapped" {
		t.Errorf("mapped %q, %q", got, errno)
	}
}

// Shows S24.
func TestFailedDownloadIsAnErrnoAndReportedOnce(t *testing.T) {
	cases := []struct {
		name  string
		err   error
		errno string
	}{
		{"no space", fmt.Errorf("storing: %w", syscall.ENOSPC), "ENOSPC"},
		{"bad checksum", errors.New("checksum differs"), "EIO"},
		{"bare errno", syscall.EACCES, "EACCES"},
		{"errno of the download's own", fmt.Errorf("dialing: %w", syscall.ENOENT), "EIO"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := mountTree(t, Options{}, files(file("a", "x")))
			m.src.fail("a", c.err)
			a := newAgent(t)
			fd := a.must("open", m.path("a"))
			a.refused(c.errno, "read", fd, 10, 0)
			a.refused(c.errno, "read", fd, 10, 0)
			want := []string{"opened a", "failed a: " + c.err.Error()}
			if d := cmp.Diff(want, m.rec.drain()); d != "" {
				t.Error(d)
			}
		})
	}
}

// Shows S2.
func TestContentOfAnotherLengthIsNeverServed(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options) {
		late, present := file("late", "twelve bytes"), file("present", "twelve bytes")
		late.Size, present.Size = 13, 11 // the lock is wrong
		m := mountTree(t, o, files(late, present))
		m.src.deliver("present", "twelve bytes")
		a := newAgent(t)
		fd := a.must("open", m.path("late"))
		m.src.deliver("late", "twelve bytes")
		a.refused("EIO", "read", fd, 100, 0)
		fd = a.must("open", m.path("present"))
		a.refused("EIO", "read", fd, 100, 0)
		got := strings.Join(m.rec.drain(), "\n")
		if strings.Count(got, "failed ") != 2 || !strings.Contains(got, `"late" has 12 bytes, but 13 were announced`) {
			t.Error(got)
		}
	})
}

func TestManyWaitersLeaveRoomForOthers(t *testing.T) {
	eachMode(t, testManyWaiters)
}

func testManyWaiters(t *testing.T, o Options) {
	const n = 99
	tr := files(append(lateFiles(n), file("present", "here"))...)
	m := mountTree(t, o, tr)
	m.src.deliver("present", "here")
	end := m.waiters(t, n)
	if got := runAs(t, 1001, "ls "+m.dir+" | wc -l; cat "+m.path("present")); got != "100\nhere" {
		t.Errorf("%q", got)
	}
	end()
}

// late is more than a page.
var late = strings.Repeat("late", 1<<14)

func lateName(i int) string { return fmt.Sprintf("late%02d", i) }

// lateFiles are n files that nobody has delivered.
func lateFiles(n int) (list []tree.File) {
	for i := range n {
		list = append(list, file(lateName(i), late))
	}
	return list
}

// waiters starts a program for each of the n lateFiles and returns when all wait.
// end delivers the files and checks what the programs have read.
func (m *testMount) waiters(t testing.TB, n int) (end func()) {
	t.Helper()
	cats := exec.Command("sh", "-c", "for i in "+m.dir+"/late*; do [ -e $i ] && cat $i & done; wait")
	var out, stderr strings.Builder
	cats.Stdout, cats.Stderr = &out, &stderr
	if err := cats.Start(); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		within(t, "the wait", m.src.content(lateName(i)).waiting)
	}
	return func() {
		t.Helper()
		for i := range n {
			m.src.deliver(lateName(i), late)
		}
		if err := cats.Wait(); err != nil {
			t.Fatal(err)
		}
		if out.String() != strings.Repeat(late, n) {
			t.Errorf("%d bytes\n%s", out.Len(), stderr.String())
		}
	}
}

func TestGeneratedContentIsServedFromMemory(t *testing.T) {
	gen, empty := file("cachi2.env", ""), file("empty", "")
	gen.Content, gen.Size = []byte("export A=b\n"), int64(len("export A=b\n"))
	empty.Content = []byte{}
	m := mountTree(t, Options{}, files(gen, empty))
	a := newAgent(t)
	fd := a.must("open", m.path("cachi2.env"))
	if got := a.must("read", fd, 100, 0); got != "export A=b\n" {
		t.Errorf("read %q", got)
	}
	if got := a.must("read", fd, 100, 7); got != "A=b\n" {
		t.Errorf("read %q", got)
	}
	if got := a.must("read", a.must("open", m.path("empty")), 100, 0); got != "" {
		t.Errorf("read %q of an empty file", got)
	}
	if n := m.src.totalOpens(); n != 0 {
		t.Errorf("%d calls of Source.Open", n)
	}
}

// Shows S20.
func TestWritesAreRefused(t *testing.T) {
	m := mountTree(t, Options{}, files(file("dir/a", "x")))
	a := newAgent(t)
	a.refused("EROFS", "openwrite", m.path("dir/a"))
	a.refused("EROFS", "write", m.path("dir/new"), "x")
	if n := m.src.totalOpens(); n != 0 {
		t.Errorf("%d calls of Source.Open", n)
	}
}

// Without passthrough the kernel keeps what was read: the next program that opens
// the file costs no request for its bytes. Other bytes in the same place show it.
func TestWithoutPassthroughTheKernelKeepsWhatWasRead(t *testing.T) {
	m := mountTree(t, Options{Passthrough: PassthroughOff}, files(file("a", "first")))
	m.src.deliver("a", "first")
	read := func() {
		t.Helper()
		if got := runAs(t, 0, "cat "+m.path("a")); got != "first" {
			t.Errorf("read %q", got)
		}
	}
	read()
	if err := os.WriteFile(m.src.content("a").path, []byte("other"), 0o444); err != nil {
		t.Fatal(err)
	}
	read()
}
