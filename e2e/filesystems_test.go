//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/lazybuild/lazybuild/e2e/oddfs"
)

// odd mounts a file system that is odd.
func (p *project) odd(o oddfs.Options) (dir string) {
	p.t.Helper()
	if _, err := os.Stat("/etc/mtab"); err != nil && os.Geteuid() != 0 {
		p.t.Skip("fusermount3 unmounts nothing here: ", err)
	}
	root := filepath.Join(filepath.Dir(p.dir), "odd")
	dir, backing := filepath.Join(root, "mounted"), filepath.Join(root, "backing")
	for _, d := range []string{root, dir, backing} {
		if err := os.MkdirAll(d, 0o755); err != nil {
			p.t.Fatal(err)
		}
	}
	unmount, err := oddfs.Mount(dir, backing, o)
	if err != nil {
		p.t.Fatal(err)
	}
	p.t.Cleanup(func() {
		if err := unmount(); err != nil {
			p.t.Errorf("somebody still has files there: %v", err)
		}
	})
	return dir
}

// lockOf writes a lock of files by name, each with its own name as content.
func (p *project) lockOf(o *origin, names ...string) {
	p.t.Helper()
	lock := genericHead
	for i, name := range names {
		content := []byte("the content of " + name)
		lock += generic(name, o.add("file-"+string(rune('a'+i)), content), content)
	}
	p.write("artifacts.lock.yaml", lock)
}

// materializeTo writes the project's files to a directory.
func (p *project) materializeTo(dir string) (said string, code int) {
	p.t.Helper()
	cmd := p.materializing()
	cmd.Args[3] = dir
	return output(p.t, cmd)
}

// Two files of a lock that a file system takes for one are an error there and
// nothing is written; where they are two, both are written.
//
// Shows S74.
func TestMaterializeWhereCaseDoesNotCount(t *testing.T) {
	for name, names := range map[string][2]string{
		"case":        {"README", "Readme"},
		"composition": {"caf\u00e9", "cafe\u0301"},
		"directory":   {"A/file", "a/FILE"},
	} {
		t.Run(name, func(t *testing.T) {
			p := newProject(t, nil)
			p.lockOf(newOrigin(t), names[0], names[1], "other")
			dir := p.odd(oddfs.Options{Fold: true})
			said, code := p.materializeTo(filepath.Join(dir, "out"))
			if code != 125 || !strings.Contains(said, "are one file on the file system of") {
				t.Errorf("exit code %d\n%s", code, said)
			}
			if left, err := filepath.Glob(filepath.Join(dir, "out/deps/*/*")); len(left) > 0 || err != nil {
				t.Errorf("written: %q, %v", left, err)
			}
			out := filepath.Join(p.tmp, "elsewhere")
			if said, code := p.materializeTo(out); code != 0 {
				t.Errorf("exit code %d\n%s", code, said)
			}
			for _, n := range names {
				p.holds(filepath.Join(out, "deps/generic", n), "the content of "+n)
			}
		})
	}
}

// All that does not clash works on such a file system, the store as well, as on
// a Mac: a first run, one that finds all, and one with another lock.
//
// Shows S62, S68.
func TestStoreAndFilesWhereCaseDoesNotCount(t *testing.T) {
	p := newProject(t, nil)
	o := newOrigin(t)
	dir := p.odd(oddfs.Options{Fold: true})
	p.store = filepath.Join(dir, "store")
	out := filepath.Join(dir, "out")
	p.lockOf(o, "Upper", "lower/Name")
	for range 2 {
		if said, code := p.materializeTo(out); code != 0 {
			t.Fatalf("exit code %d\n%s", code, said)
		}
		p.holds(filepath.Join(out, "deps/generic/Upper"), "the content of Upper")
		p.holds(filepath.Join(out, "deps/generic/lower/Name"), "the content of lower/Name")
	}
	p.lockOf(o, "UPPER")
	if said, code := p.materializeTo(out); code != 0 {
		t.Fatalf("exit code %d\n%s", code, said)
	}
	p.holds(filepath.Join(out, "deps/generic/UPPER"), "the content of UPPER")
	p.goodStore()
}

// A store without file locks is refused before anything is downloaded, and the
// message says what to do. A directory to write to needs none.
//
// Shows S68.
func TestFileSystemWithoutLocks(t *testing.T) {
	s := generically(t, "RUN cp /cachi2/output/deps/generic/data.bin /data\n")
	good := s.store
	dir := s.odd(oddfs.Options{NoLocks: true})
	before := s.take()
	s.store = filepath.Join(dir, "store")
	said, code := s.materialize()
	if code != 125 || !strings.Contains(said, "has no file locks") || !strings.Contains(said, "--lazy-store") {
		t.Errorf("materialize: exit code %d\n%s", code, said)
	}
	if !isRemote() { // there the store is in a volume
		r := s.build("-f", "Containerfile", "--network=none")
		if r.code() != 125 || !r.err.has("has no file locks") {
			t.Errorf("build: exit code %d\n%s", r.code(), r)
		}
	}
	s.store = good
	if said, code := s.materializeTo(filepath.Join(dir, "out")); code != 0 {
		t.Errorf("writing there: exit code %d\n%s", code, said)
	}
	s.nothingLeft(before)
}

// A build with its store on a small tmpfs, and on a FUSE file system that keeps
// locks by itself (as sshfs does), is right or says why not.
//
// Shows S68.
func TestStoreOnOtherFileSystems(t *testing.T) {
	if isRemote() || os.Geteuid() != 0 {
		t.Skip("the store is elsewhere, or nothing can be mounted")
	}
	t.Run("tmpfs", func(t *testing.T) {
		s := generically(t, "RUN sha256sum /cachi2/output/deps/generic/data.bin && echo x >/cachi2/output/new\n")
		s.store = filepath.Join(filepath.Dir(s.dir), "small")
		if err := os.Mkdir(s.store, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := unix.Mount("tmpfs", s.store, "tmpfs", 0, "size=64m,mode=0700"); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = unix.Unmount(s.store, 0) })
		s.must("-f", "Containerfile", "-t", s.image(), "--network=none")
		s.goodStore()
	})
	t.Run("FUSE", func(t *testing.T) {
		s := generically(t, "RUN sha256sum /cachi2/output/deps/generic/data.bin\n")
		s.store = filepath.Join(s.odd(oddfs.Options{}), "store")
		before := s.take()
		r := s.build("-f", "Containerfile", "--network=none")
		if r.code() != 125 || !r.err.has("may not be able to hold what builds write: keep the store on a local disk") {
			t.Errorf("exit code %d\n%s", r.code(), r)
		}
		s.must("-f", "Containerfile", "-t", s.image(), "--network=none", "--lazy-read-only")
		s.nothingLeft(before)
		s.goodStore()
	})
}

// holds checks a file's content.
func (p *project) holds(path, want string) {
	p.t.Helper()
	if got, err := os.ReadFile(path); err != nil || !bytes.Equal(got, []byte(want)) {
		p.t.Errorf("%s holds %q, want %q (%v)", path, got, want, err)
	}
}
