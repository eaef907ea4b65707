//go:build linux

package proxy

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// onTmpfs mounts a small file system on a new directory, which remount changes.
func onTmpfs(t *testing.T, options string) (dir string, remount func(flags uintptr)) {
	t.Helper()
	dir = t.TempDir()
	err := syscall.Mount("tmpfs", dir, "tmpfs", 0, options+",mode=0700")
	if errors.Is(err, syscall.EPERM) {
		t.Skip("needs root: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return dir, func(flags uintptr) {
		t.Helper()
		if err := syscall.Mount("", dir, "", syscall.MS_REMOUNT|flags, ""); err != nil {
			t.Fatal(err)
		}
	}
}

// Shows S68.
func TestReadOnlyStoreServesWhatItHasAndSaysSo(t *testing.T) {
	o := newOrigin(t)
	dir, remount := onTmpfs(t, "size=4m")
	tr := treeOf(t, "npm", o.file("a", "content"), o.file("b", "other"))
	first := run(t, specFor(t, dir), tr)
	first.sh("cat a")
	first.bye(wire.ByeOK)
	remount(syscall.MS_RDONLY)
	before := o.all()

	spec := specFor(t, dir)
	b := launch(t, spec, tr, nil)
	if err := b.ended(); err == nil || !strings.Contains(err.Error(), "can't be written to") || !strings.Contains(err.Error(), "--lazy-read-only") {
		t.Errorf("with a writable directory: %v", err)
	}

	spec = specFor(t, dir)
	spec.ReadOnly = true
	b = run(t, spec, tr)
	b.event("a warning", func(ev wire.Event) bool {
		return ev.Kind == wire.Warning && strings.Contains(ev.Text, "can't be written to")
	})
	if got := b.sh("cat a"); got != "content" {
		t.Errorf("what it has: %q", got)
	}
	b.fails("cat b")
	b.event("the cause", func(ev wire.Event) bool { return strings.Contains(ev.Text, "read-only") })
	b.endsAfter(wire.ByeFailed)
	if n := o.all() - before; n != 0 {
		t.Errorf("%d requests that nothing can come of", n)
	}
}

// Shows S68.
func TestFullStoreRefusesOneFileAndServesTheRest(t *testing.T) {
	dir, _ := onTmpfs(t, "size=2m")
	wantRefusal(t, specFor(t, dir), 3<<20, "the disk of the store is nearly full: 3.0 MiB needed, ")
}

// Shows S70.
func TestAFileThatIsLargerThanTheLimitFailsBeforeItsFirstByte(t *testing.T) {
	spec := specFor(t, t.TempDir())
	spec.StoreBytes = 1000
	wantRefusal(t, spec, 2000, "the store has reached its size limit: 2.0 KiB needed, 1000 B available (raise the limit with --lazy-store-size)")
}

// wantRefusal sees that a large file is refused before anybody is asked for it,
// and that a small one is served all the same.
func wantRefusal(t *testing.T, spec wire.Spec, large int, why string) {
	t.Helper()
	o := newOrigin(t)
	b := run(t, spec, treeOf(t, "npm", o.file("large", strings.Repeat("x", large)), o.file("small", "content")))
	b.fails("cat large")
	b.event("the cause", func(ev wire.Event) bool { return strings.Contains(ev.Text, why) })
	if n := o.all(); n != 0 {
		t.Errorf("%d requests for what can't fit", n)
	}
	if got := b.sh("cat small"); got != "content" {
		t.Errorf("what fits: %q", got)
	}
	b.endsAfter(wire.ByeFailed)
}

// endsAfter ends a build that had something to say.
func (b *build) endsAfter(word string) {
	b.t.Helper()
	if _, err := b.in.Write([]byte(word + "\n")); err != nil {
		b.t.Fatal(err)
	}
	if err := b.ended(); err != nil {
		b.t.Error(err)
	}
	b.nothingLeft()
}

// Shows S69.
func TestADamagedBlobIsFetchedAgainOnceAndSaid(t *testing.T) {
	o := newOrigin(t)
	dir := t.TempDir()
	tr := treeOf(t, "npm", o.file("a", "content"))
	first := run(t, specFor(t, dir), tr)
	first.sh("cat a")
	first.bye(wire.ByeOK)
	blobs, err := filepath.Glob(filepath.Join(dir, "v1/blobs/sha256/*/*"))
	if err != nil || len(blobs) != 1 {
		t.Fatal(blobs, err)
	}
	damage := func() {
		t.Helper()
		if err := os.Chmod(blobs[0], 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Truncate(blobs[0], 3); err != nil {
			t.Fatal(err)
		}
	}
	damage()
	b := run(t, specFor(t, dir), tr)
	if got := b.sh("cat a"); got != "content" {
		t.Errorf("%q", got)
	}
	b.event("a report", func(ev wire.Event) bool { return ev.Kind == wire.Warning && strings.Contains(ev.Text, "damaged") })
	if n := o.all(); n != 2 {
		t.Errorf("%d requests", n)
	}
	b.endsAfter(wire.ByeOK)
	// The origin is gone: what is damaged once more can't be mended.
	o.Close()
	damage()
	b = run(t, specFor(t, dir), tr)
	b.fails("cat a")
	b.endsAfter(wire.ByeFailed)
	if put, _ := filepath.Glob(filepath.Join(dir, "v1/quarantine/*")); len(put) == 0 {
		t.Error("nothing is in quarantine")
	}
}
