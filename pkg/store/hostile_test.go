package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"
)

// What somebody might plant must neither be served nor lead a write out of the store.
//
// Shows S51.
func TestPlantedFilesAreNotFollowed(t *testing.T) {
	d := sha256Of("content")
	plants := map[string]struct {
		at    string
		plant func(path, outside string) error
	}{
		"link for the blob": {blobPath(d), func(p, o string) error { return os.Symlink(o, p) }},
		"link to another blob": {blobPath(d), func(p, _ string) error {
			return os.Symlink("../"+sha256Of("victim").Hex()[:2]+"/"+sha256Of("victim").Hex(), p)
		}},
		"pipe for the blob":      {blobPath(d), func(p, _ string) error { return unix.Mkfifo(p, 0o600) }},
		"directory for the blob": {blobPath(d), func(p, _ string) error { return os.MkdirAll(p+"/x", 0o700) }},
		"link for the partial":   {"partial/sha256-" + d.Hex(), func(p, o string) error { return os.Symlink(o, p) }},
		"pipe for the partial":   {"partial/sha256-" + d.Hex(), func(p, _ string) error { return unix.Mkfifo(p, 0o600) }},
		"full directory for the partial": {"partial/sha256-" + d.Hex(), func(p, _ string) error {
			return os.MkdirAll(p+"/x", 0o700)
		}},
		"link for the facts": {factsPath(d), func(p, o string) error { return os.Symlink(o, p) }},
		"pipe for the facts": {factsPath(d), func(p, _ string) error { return unix.Mkfifo(p, 0o600) }},
	}
	for name, tt := range plants {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, Options{})
			mustPut(t, s, "victim")
			outside := filepath.Join(tempDir(t), "outside")
			if err := os.WriteFile(outside, []byte("untouched"), 0o600); err != nil {
				t.Fatal(err)
			}
			path := s.path(tt.at)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := tt.plant(path, outside); err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.Get(d); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Get: %v, want fs.ErrNotExist", err)
			}
			mustPut(t, s, "content")
			f, _, err := s.Get(d)
			if err != nil {
				t.Fatal(err)
			}
			wantContent(t, f, "content")
			f, _, err = s.Get(sha256Of("victim"))
			if err != nil {
				t.Fatal(err)
			}
			wantContent(t, f, "victim")
			if got, err := os.ReadFile(outside); string(got) != "untouched" {
				t.Errorf("the file outside: %q, %v", got, err)
			}
			wantNothingUnderWay(t, s)
		})
	}
}

// Shows S51.
func TestALinkedDirectoryDoesNotLeadOut(t *testing.T) {
	for _, dir := range []string{"blobs", "blobs/sha256", partialDir, lockDir} {
		t.Run(dir, func(t *testing.T) {
			s := openTest(t, Options{})
			outside := tempDir(t)
			if err := os.RemoveAll(s.path(dir)); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink(outside, s.path(dir)); err != nil {
				t.Fatal(err)
			}
			if _, _, err := s.Put(t.Context(), sha256Of("content"), 7, fillWith("content")); err == nil {
				t.Error("Put succeeded")
			}
			if left, _ := os.ReadDir(outside); len(left) > 0 {
				t.Errorf("written outside the store: %v", left)
			}
		})
	}
}

func TestALinkForADirectoryIsNotFollowed(t *testing.T) {
	s := openTest(t, Options{})
	d := mustPut(t, s, "content")
	shard := s.path(filepath.Dir(blobPath(d)))
	if err := os.Rename(shard, s.path("elsewhere")); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(s.path("elsewhere"), shard); err != nil {
		t.Fatal(err)
	}
	if f, _, err := s.Get(d); err == nil {
		f.Close()
		t.Error("served through a link")
	}
}

func TestOpeningWithoutOpenat2(t *testing.T) {
	s := openTest(t, Options{})
	d := mustPut(t, s, "content")
	f, err := s.openInRoot(blobPath(d))
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, f, "content")
	link, pipe := blobDir+"/link", blobDir+"/pipe"
	if err := os.Symlink(d.Hex()[:2]+"/"+d.Hex(), s.path(link)); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(s.path(pipe), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{link, pipe, blobDir} {
		if _, err := s.openInRoot(name); !errors.Is(err, errNotRegular) {
			t.Errorf("%s: %v, want errNotRegular", name, err)
		}
	}
	if _, err := s.openInRoot("none"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("nothing: %v", err)
	}
}

// Shows S7.
func TestADamagedBlobIsQuarantined(t *testing.T) {
	s := openTest(t, Options{})
	d := mustPut(t, s, "content")
	if err := os.Chmod(s.path(blobPath(d)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(s.path(blobPath(d)), 3); err != nil {
		t.Fatal(err)
	}
	var corrupt *CorruptError
	_, _, err := again(t, s, Options{}).Get(d)
	if !errors.As(err, &corrupt) || !errors.Is(err, fs.ErrNotExist) || corrupt.Digest != d {
		t.Fatalf("Get: %v, want a *CorruptError", err)
	}
	if got := names(t, s, quarantineDir); len(got) != 1 || got[0] != "sha256-"+d.Hex() {
		t.Errorf("quarantine: %q", got)
	}
	mustPut(t, s, "content")
}
