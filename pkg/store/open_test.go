package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

func TestDefaultDir(t *testing.T) {
	tests := map[string]struct {
		env  map[string]string
		uid  int
		home string
		want string // empty: an error
	}{
		"set":               {map[string]string{"LAZYBUILD_STORE": "/data//store/"}, 1000, "/home/u", "/data/store"},
		"set for root":      {map[string]string{"LAZYBUILD_STORE": "/data"}, 0, "/root", "/data"},
		"relative":          {map[string]string{"LAZYBUILD_STORE": "store"}, 1000, "/home/u", ""},
		"root":              {nil, 0, "/root", "/var/cache/lazybuild"},
		"root under sudo":   {map[string]string{"XDG_CACHE_HOME": "/home/u/.cache"}, 0, "/root", "/var/cache/lazybuild"},
		"user":              {nil, 1000, "/home/u", "/home/u/.cache/lazybuild"},
		"XDG":               {map[string]string{"XDG_CACHE_HOME": "/fast"}, 1000, "/home/u", "/fast/lazybuild"},
		"relative XDG":      {map[string]string{"XDG_CACHE_HOME": "fast"}, 1000, "/home/u", "/home/u/.cache/lazybuild"},
		"no home directory": {nil, 1000, "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := DefaultDir(func(k string) string { return tt.env[k] }, tt.uid, tt.home)
			if got != tt.want || (err != nil) != (tt.want == "") {
				t.Errorf("%q, %v, want %q", got, err, tt.want)
			}
		})
	}
}

// Shows S51.
func TestOpenRefusesWhatOthersCanWriteTo(t *testing.T) {
	mkdir := func(t *testing.T, path string, mode fs.FileMode) string {
		t.Helper()
		if err := os.Mkdir(path, 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Chmod(path, mode); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := map[string]struct {
		make func(t *testing.T, tmp string) (dir string)
		safe bool
	}{
		"new":            {func(t *testing.T, tmp string) string { return filepath.Join(tmp, "a/b/c") }, true},
		"readable":       {func(t *testing.T, tmp string) string { return mkdir(t, tmp+"/s", 0o755) }, true},
		"group-writable": {func(t *testing.T, tmp string) string { return mkdir(t, tmp+"/s", 0o770) }, false},
		"world-writable": {func(t *testing.T, tmp string) string { return mkdir(t, tmp+"/s", 0o777) }, false},
		"sticky itself":  {func(t *testing.T, tmp string) string { return mkdir(t, tmp+"/s", 0o777|fs.ModeSticky) }, false},
		"in a sticky one": {func(t *testing.T, tmp string) string {
			return mkdir(t, tmp+"/tmp", 0o777|fs.ModeSticky) + "/s"
		}, true},
		"in a world-writable one": {func(t *testing.T, tmp string) string { return mkdir(t, tmp+"/open", 0o777) + "/s" }, false},
		"through my link": {func(t *testing.T, tmp string) string {
			mkdir(t, tmp+"/real", 0o700)
			os.Symlink("real", tmp+"/link")
			return tmp + "/link/s"
		}, true},
		"a link into a world-writable one": {func(t *testing.T, tmp string) string {
			mkdir(t, tmp+"/open", 0o777)
			os.Symlink(tmp+"/open/s", tmp+"/link")
			return tmp + "/link"
		}, false},
		"of another user": {func(t *testing.T, tmp string) string {
			dir := mkdir(t, tmp+"/s", 0o700)
			asRoot(t, os.Chown(dir, 12345, 12345))
			return dir
		}, false},
		"v1 of another user": {func(t *testing.T, tmp string) string {
			dir := mkdir(t, tmp+"/s", 0o700)
			asRoot(t, os.Chown(mkdir(t, dir+"/v1", 0o700), 12345, 12345))
			return dir
		}, false},
		"v1 is a link": {func(t *testing.T, tmp string) string {
			dir := mkdir(t, tmp+"/s", 0o700)
			mkdir(t, tmp+"/other", 0o700)
			os.Symlink(tmp+"/other", dir+"/v1")
			return dir
		}, false},
		"another user's link": {func(t *testing.T, tmp string) string {
			mkdir(t, tmp+"/real", 0o700)
			os.Symlink("real", tmp+"/link")
			asRoot(t, os.Lchown(tmp+"/link", 12345, 12345))
			return tmp + "/link/s"
		}, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			dir := tt.make(t, tempDir(t))
			s, err := Open(dir, Options{})
			if tt.safe {
				if err != nil {
					t.Fatal(err)
				}
				if fi, err := os.Stat(s.path("")); err != nil || fi.Mode().Perm() != 0o700 {
					t.Errorf("mode of v1: %v, %v", fi.Mode(), err)
				}
				mustPut(t, s, "content")
				s.Close()
				return
			}
			var unsafe *UnsafeError
			if !errors.As(err, &unsafe) {
				t.Fatalf("Open: %v, want an *UnsafeError", err)
			}
		})
	}
}

// asRoot skips a test that only root can set up.
func asRoot(t *testing.T, err error) {
	t.Helper()
	if errors.Is(err, fs.ErrPermission) {
		t.Skip("needs root: ", err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// Shows S69.
func TestOpenErrors(t *testing.T) {
	tmp := tempDir(t)
	os.WriteFile(tmp+"/file", nil, 0o600)
	os.Symlink("loop", tmp+"/loop")
	os.MkdirAll(tmp+"/newer/v2", 0o700)
	for dir, want := range map[string]error{
		tmp + "/file":   syscall.ENOTDIR,
		tmp + "/file/s": syscall.ENOTDIR,
		tmp + "/loop":   syscall.ELOOP,
		tmp + "/newer":  ErrNewerFormat,
	} {
		if _, err := Open(dir, Options{}); !errors.Is(err, want) {
			t.Errorf("Open(%q): %v, want %v", dir, err, want)
		}
	}
	if _, err := os.Stat(tmp + "/newer/v1"); err == nil {
		t.Error("a v1 was made beside the newer format")
	}
	if _, err := Open("relative", Options{}); err == nil {
		t.Error("a relative path was accepted")
	}
	if _, err := Open(tmp+"/none", Options{ReadOnly: true}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("read-only Open of nothing: %v", err)
	}
}

func TestAReadOnlyStoreServesAndRefuses(t *testing.T) {
	s := openTest(t, Options{})
	d := mustPut(t, s, "content")
	ro := again(t, s, Options{ReadOnly: true})
	wantReadOnlyStore(t, ro, d)
}

// wantReadOnlyStore checks a store that holds "content" under d and can't be written to.
func wantReadOnlyStore(t *testing.T, s *Store, d digest.Digest) {
	t.Helper()
	if !s.ReadOnly() {
		t.Error("ReadOnly is false")
	}
	f, _, err := s.Get(d)
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, f, "content")
	if f, _, err = s.Put(t.Context(), d, 7, fillNever(t)); err != nil {
		t.Errorf("Put of what is there: %v", err)
	} else {
		f.Close()
	}
	_, _, err = s.Put(t.Context(), sha256Of("other"), 5, fillNever(t))
	if !errors.Is(err, ErrReadOnly) || !errors.Is(err, syscall.EROFS) {
		t.Errorf("Put: %v, want ErrReadOnly", err)
	}
	if err := s.SetFacts(d, Facts{Size: 7}); !errors.Is(err, ErrReadOnly) {
		t.Errorf("SetFacts: %v, want ErrReadOnly", err)
	}
	release, err := s.Pin(t.Context(), "build", digestsOf("content"))
	if err != nil {
		t.Fatalf("Pin: %v", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
}

func TestADirectoryThatTurnsReadOnly(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write everywhere; see TestAReadOnlyFileSystem")
	}
	s := openTest(t, Options{})
	d := mustPut(t, s, "content")
	for _, dir := range []string{partialDir, lockDir} {
		os.Chmod(s.path(dir), 0o500)
		t.Cleanup(func() { os.Chmod(s.path(dir), 0o700) })
	}
	if _, _, err := s.Put(t.Context(), sha256Of("other"), 5, fillNever(t)); !errors.Is(err, ErrReadOnly) {
		t.Errorf("Put: %v, want ErrReadOnly", err)
	}
	wantReadOnlyStore(t, again(t, s, Options{}), d)
}
