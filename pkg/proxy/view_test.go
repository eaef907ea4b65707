//go:build linux

package proxy

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// project makes a build context of somebody else's and describes its view.
func project(t *testing.T) (string, *wire.Spec) {
	t.Helper()
	lower := filepath.Join(t.TempDir(), "project")
	old := time.Date(2001, 2, 3, 4, 5, 6, 7e6, time.UTC)
	for _, f := range []struct {
		path, data string
		mode       fs.FileMode
	}{
		{"package-lock.json", "the original", 0o640},
		{"sub/dir/package.json", "another original", 0o4755},
		{"sub/kept", "kept", 0o600},
	} {
		path := filepath.Join(lower, f.path)
		if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(f.data), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chown(path, 1234, 5678); err != nil {
			t.Fatal(err)
		}
		mode := f.mode.Perm()
		if f.mode&0o4000 != 0 {
			mode |= fs.ModeSetuid
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("kept", filepath.Join(lower, "sub/link")); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{"sub/dir", "sub", "."} {
		path := filepath.Join(lower, dir)
		if err := os.Chown(path, 1234, 5678); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(path, old, old); err != nil {
			t.Fatal(err)
		}
	}
	spec := specFor(t, t.TempDir())
	spec.View = &wire.View{Lower: lower, Target: filepath.Join(spec.Dir, "context"), Files: map[string][]byte{
		"package-lock.json": []byte("rewritten"), "sub/dir/package.json": []byte("rewritten too"), ".npmrc": []byte("new"),
		"new/dir/config": []byte("new too"),
	}}
	return lower, &spec
}

// snapshot describes everything below a directory but access and change times.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		st := info.Sys().(*syscall.Stat_t)
		data := ""
		if info.Mode().IsRegular() {
			raw, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			data = string(raw)
		}
		rel, _ := filepath.Rel(dir, path)
		b.WriteString(strings.Join([]string{rel, info.Mode().String(), info.ModTime().String(), itoa(int(st.Uid)), itoa(int(st.Gid)), data}, " ") + "\n")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestViewReplacesFilesAndNothingElse(t *testing.T) {
	lower, spec := project(t)
	before := snapshot(t, lower)
	b := run(t, *spec, treeOf(t, "npm"))
	got := b.sh("cd ../context && cat package-lock.json sub/dir/package.json .npmrc new/dir/config sub/kept sub/link")
	if got != "rewrittenrewritten toonewnew tookeptkept" {
		t.Errorf("%q", got)
	}
	const ask = `stat -c '%n %A %u:%g %.9Y' package-lock.json sub sub/dir sub/dir/package.json sub/kept .`
	if original, view := b.sh("cd '"+lower+"' && "+ask), b.sh("cd ../context && "+ask); view != original {
		t.Errorf("attributes:\n%s\nnot those of the originals:\n%s", view, original)
	}
	if got := b.sh("cd ../context && stat -c %a .npmrc new/dir/config && ls -A"); got != "644\n644\n.npmrc\nnew\npackage-lock.json\nsub\n" {
		t.Errorf("%q", got)
	}
	b.sh("cd ../context && echo changed > sub/kept && rm package-lock.json && mkdir more && rm -r new")
	b.bye(wire.ByeOK)
	if after := snapshot(t, lower); after != before {
		t.Errorf("the user's files were\n%s\nand are\n%s", before, after)
	}
}

// Shows S73.
func TestViewFollowsNoLinkOutOfTheContext(t *testing.T) {
	lower, spec := project(t)
	outside := filepath.Join(t.TempDir(), "outside")
	if err := os.WriteFile(outside, []byte("untouched"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(outside, filepath.Join(lower, "linked.json")); err != nil {
		t.Fatal(err)
	}
	spec.View.Files["linked.json"] = []byte("rewritten")
	b := run(t, *spec, treeOf(t, "npm"))
	if got := b.sh("cat ../context/linked.json"); got != "rewritten" {
		t.Errorf("%q", got)
	}
	b.bye(wire.ByeOK)
	if data, _ := os.ReadFile(outside); string(data) != "untouched" {
		t.Errorf("a file outside of the context is now %q", data)
	}
}

func TestViewReplacesBehindALinkedDirectory(t *testing.T) {
	lower, spec := project(t)
	if err := os.Symlink("sub", filepath.Join(lower, "alias")); err != nil {
		t.Fatal(err)
	}
	spec.View.Files = map[string][]byte{"alias/dir/package.json": []byte("rewritten")}
	b := run(t, *spec, treeOf(t, "npm"))
	if got := b.sh("cd ../context && cat alias/dir/package.json sub/dir/package.json alias/kept && readlink alias"); got != "rewrittenrewrittenkeptsub\n" {
		t.Errorf("%q", got)
	}
	b.bye(wire.ByeOK)
}

// Shows S73.
func TestViewRefusesALinkThatLeadsOut(t *testing.T) {
	lower, spec := project(t)
	if err := os.Symlink(t.TempDir(), filepath.Join(lower, "alias")); err != nil {
		t.Fatal(err)
	}
	spec.View.Files = map[string][]byte{"alias/package.json": []byte("rewritten")}
	b := launch(t, *spec, treeOf(t, "npm"), nil)
	if err := b.ended(); err == nil || !strings.Contains(err.Error(), "leads out") {
		t.Errorf("%v", err)
	}
	b.nothingLeft()
}

func TestViewEndsWithALostCLI(t *testing.T) {
	lower, spec := project(t)
	before := snapshot(t, lower)
	b := run(t, *spec, treeOf(t, "npm"))
	b.sh("cd ../context && echo x > sub/kept")
	b.in.Close()
	_ = b.ended()
	b.nothingLeft()
	if after := snapshot(t, lower); after != before {
		t.Error("the user's files have changed")
	}
}
