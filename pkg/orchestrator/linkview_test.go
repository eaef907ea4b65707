package orchestrator

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestAViewDiffersInTheOtherFilesOnly(t *testing.T) {
	top := t.TempDir()
	context, view := mkdir(t, filepath.Join(top, "context")), filepath.Join(top, "view")
	old := time.Unix(1_000_000_000, 0)
	for name, mode := range map[string]os.FileMode{"a": 0o640, "web/package-lock.json": 0o600, "web/x.sh": 0o755, ".npmrc.d/y": 0o644} {
		mkdir(t, filepath.Dir(filepath.Join(context, name)))
		path := writeFile(t, filepath.Join(context, name), "old "+name)
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
	}
	for name, target := range map[string]string{"link": "web/x.sh", "out": "/etc/passwd", "lock": "web/package-lock.json"} {
		if err := os.Symlink(target, filepath.Join(context, name)); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"a", "web", "web/package-lock.json", ""} {
		if err := os.Chtimes(filepath.Join(context, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
	err := linkView(context, view, map[string][]byte{
		filepath.Join(context, "web/package-lock.json"): []byte("new"), filepath.Join(context, ".npmrc"): []byte("more"),
		filepath.Join(top, "elsewhere"): []byte("no"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"a": "old a", "web/package-lock.json": "new", "web/x.sh": "old web/x.sh", ".npmrc": "more", ".npmrc.d/y": "old .npmrc.d/y", "lock": "new",
	} {
		if got, _ := os.ReadFile(filepath.Join(view, name)); string(got) != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	same := 0
	err = filepath.WalkDir(context, func(path string, d fs.DirEntry, err error) error {
		rel, _ := filepath.Rel(context, path)
		a, errA := os.Lstat(path)
		b, errB := os.Lstat(filepath.Join(view, rel))
		if errA != nil || errB != nil || a.Mode() != b.Mode() || d.Type() != fs.ModeSymlink && !a.ModTime().Equal(b.ModTime()) {
			t.Errorf("%s: %v %v, %v %v", rel, a, b, errA, errB)
		}
		same++
		return err
	})
	if err != nil || same != 10 {
		t.Errorf("%d files, %v", same, err)
	}
	if got, _ := os.ReadFile(filepath.Join(context, "web/package-lock.json")); string(got) != "old web/package-lock.json" || exists(filepath.Join(context, ".npmrc")) {
		t.Errorf("the user's own file is %q", got)
	}
}

// A directory of the context that is a link leads to the user's own files.
func TestAViewWritesNothingBehindALink(t *testing.T) {
	top := t.TempDir()
	context, outside := mkdir(t, filepath.Join(top, "context")), mkdir(t, filepath.Join(top, "outside"))
	mine := writeFile(t, filepath.Join(outside, "package-lock.json"), "mine")
	if err := os.Symlink(outside, filepath.Join(context, "web")); err != nil {
		t.Fatal(err)
	}
	err := linkView(context, filepath.Join(top, "view"), map[string][]byte{filepath.Join(context, "web/package-lock.json"): []byte("new")})
	if got, _ := os.ReadFile(mine); string(got) != "mine" || err == nil {
		t.Errorf("it is %q, %v", got, err)
	}
}
