package store

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// beside writes a file beside v1 that was used so long ago.
func beside(t *testing.T, s *Store, name string, size int, now time.Time, age time.Duration) {
	t.Helper()
	path := filepath.Join(s.Dir(), name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, make([]byte, size), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chtimes(path, now.Add(-age), now.Add(-age)); err != nil {
		t.Fatal(err)
	}
}

func wantBeside(t *testing.T, s *Store, name string, want bool) {
	t.Helper()
	if _, err := os.Lstat(filepath.Join(s.Dir(), name)); (err == nil) != want {
		t.Errorf("%s is there: %v, want %v", name, err == nil, want)
	}
}

// Shows S67.
func TestGCKeepsAnswersSmall(t *testing.T) {
	// A twentieth of the limit is for answers: 1000 bytes; the low mark is 800.
	s, clock := aged(t, Limits{MaxBytes: 20_000, MinFree: -1}, "a")
	day := 24 * time.Hour
	for name, f := range map[string]struct {
		size int
		age  time.Duration
		kept bool
	}{
		"index/ab/unused.json":    {10, 181 * day, false},
		"registries/unused.json":  {10, 181 * day, false},
		"index/ab/.new-dead":      {10, 2 * time.Hour, false},
		"index/ab/.new-live":      {10, time.Minute, true},
		"index/aa/oldest.json":    {400, 9 * day, false},
		"index/zz/younger.json":   {400, 8 * day, true},
		"registries/younger.json": {300, 7 * day, true},
		"other/of-somebody.json":  {5000, 999 * day, true},
	} {
		beside(t, s, name, f.size, clock.t, f.age)
		defer wantBeside(t, s, name, f.kept)
	}
	u, err := s.Du(t.Context())
	if err != nil || u.Answers.Files != 7 || u.Answers.Bytes != 1140 {
		t.Errorf("Du counts %+v, %v", u.Answers, err)
	}
	r, err := s.GC(t.Context(), Policy{DryRun: true})
	if err != nil || len(r.Removed) != 4 || r.Freed != 430 {
		t.Errorf("a dry run: %+v, %v", r, err)
	}
	wantBeside(t, s, "index/ab/unused.json", true)
	if r, err = s.GC(t.Context(), Policy{}); err != nil {
		t.Fatal(err)
	}
	why := map[string]Reason{}
	for _, one := range r.Removed {
		why[one.Name] = one.Reason
	}
	if why["index/ab/unused.json"] != ReasonUnused || why["index/aa/oldest.json"] != ReasonQuota || why["index/ab/.new-dead"] != ReasonDangling {
		t.Errorf("reasons: %v", why)
	}
	if got := kept(t, s, "a"); got != "a" {
		t.Error("the blob is gone")
	}
}

func TestALinkBesideTheStoreIsNotFollowed(t *testing.T) {
	s, clock := aged(t, noLimit(), "a")
	out := tempDir(t)
	victim := filepath.Join(out, "victim.json")
	old := clock.t.Add(-999 * 24 * time.Hour)
	if err := errors.Join(os.WriteFile(victim, []byte("mine"), 0o600), os.Chtimes(victim, old, old),
		os.Symlink(out, filepath.Join(s.Dir(), "index"))); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GC(t.Context(), Policy{}); err != nil {
		t.Logf("GC: %v", err) // a refusal is as good
	}
	if _, err := os.Stat(victim); err != nil {
		t.Error(err)
	}
	if _, err := Beside(s.Dir(), "index"); !errors.As(err, new(*UnsafeError)) {
		t.Logf("Beside: %v", err)
		if err == nil {
			t.Error("Beside accepts a link")
		}
	}
}

func TestBesideRefusesWhatOthersCanWriteTo(t *testing.T) {
	dir := filepath.Join(tempDir(t), "store")
	sub, err := Beside(dir, "index")
	if err != nil || sub != filepath.Join(dir, "index") {
		t.Fatalf("Beside: %q, %v", sub, err)
	}
	if fi, err := os.Stat(dir); err != nil || fi.Mode().Perm() != 0o700 {
		t.Errorf("made with mode %v, %v", fi.Mode(), err)
	}
	for _, open := range []string{sub, dir} {
		if err := os.Chmod(open, 0o777); err != nil {
			t.Fatal(err)
		}
		if _, err := Beside(dir, "index"); !errors.As(err, new(*UnsafeError)) {
			t.Errorf("with %s open to all: %v, want an *UnsafeError", open, err)
		}
		if err := os.Chmod(open, 0o700); err != nil {
			t.Fatal(err)
		}
	}
}

// Shows S67.
func TestGCRemovesTheScratchOfTheDead(t *testing.T) {
	s, clock := aged(t, noLimit(), "a")
	day := 24 * time.Hour
	for dir, f := range map[string]struct {
		age  time.Duration
		kept bool
	}{
		"scratch/live":            {9 * day, true},
		"scratch/live-createrepo": {9 * day, true},
		"scratch/starting":        {time.Hour, true},
		"scratch/dead":            {2 * day, false},
		"scratch/materialize-7":   {2 * day, false},
	} {
		beside(t, s, dir+"/upper/file", 100, clock.t, 0)
		path := filepath.Join(s.Dir(), dir)
		if err := os.Chtimes(path, clock.t.Add(-f.age), clock.t.Add(-f.age)); err != nil {
			t.Fatal(err)
		}
		defer wantBeside(t, s, dir, f.kept)
	}
	release, err := s.Pin(t.Context(), "live", func(func(digest.Digest) bool) {})
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if u, err := s.Du(t.Context()); err != nil || u.Scratch.Bytes != 500 {
		t.Errorf("Du counts %+v, %v", u.Scratch, err)
	}
	other := again(t, s, Options{Now: clock.now})
	if r, err := other.GC(context.Background(), Policy{}); err != nil || len(r.Removed) != 2 || r.Freed != 200 {
		t.Errorf("GC: %+v, %v", r, err)
	}
}
