package orchestrator

import (
	"archive/tar"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestADirectoryIsPackedAsRoots(t *testing.T) {
	dir := t.TempDir()
	deps := filepath.Join(dir, "output", "deps")
	if err := os.MkdirAll(deps, 0o755); err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(deps, "data.bin"), "data")
	if err := os.Symlink("data.bin", filepath.Join(deps, "link")); err != nil {
		t.Fatal(err)
	}
	made := time.Unix(1_500_000_000, 0)
	for path, mode := range map[string]os.FileMode{deps: 0o777, filepath.Dir(deps): 0o777, filepath.Join(deps, "data.bin"): 0o644} {
		if err := errors.Join(os.Chmod(path, mode), os.Chtimes(path, made, made)); err != nil {
			t.Fatal(err)
		}
	}

	var packed bytes.Buffer
	if err := packDir(&packed, dir); err != nil {
		t.Fatal(err)
	}
	var got []string
	for r := tar.NewReader(&packed); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if h.Typeflag == tar.TypeSymlink { // as old as the test
			h.Mode, h.ModTime = 0o777, made
		}
		got = append(got, fmt.Sprintf("%s %o %d:%d%s%s %d %s%s", h.Name, h.Mode, h.Uid, h.Gid, h.Uname, h.Gname, h.ModTime.Unix(), content, h.Linkname))
	}
	want := []string{
		"output/ 777 0:0 1500000000 ",
		"output/deps/ 777 0:0 1500000000 ",
		"output/deps/data.bin 644 0:0 1500000000 data",
		"output/deps/link 777 0:0 1500000000 data.bin",
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
