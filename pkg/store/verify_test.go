package store

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

func TestVerifyFindsAndRepairs(t *testing.T) {
	d := sha256Of("content")
	alias := ref{"sha512", sha512Of("content").Hex()}.alias()
	overwrite := func(name, content string) func(*Store) error {
		return func(s *Store) error {
			if err := os.MkdirAll(filepath.Dir(s.path(name)), 0o700); err != nil {
				return err
			}
			if err := os.Remove(s.path(name)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				return err
			}
			return os.WriteFile(s.path(name), []byte(content), 0o444)
		}
	}
	remove := func(name string) func(*Store) error {
		return func(s *Store) error { return os.Remove(s.path(name)) }
	}
	tests := map[string]struct {
		damage func(s *Store) error
		path   string
		lost   bool // the blob is no longer there
	}{
		"other bytes of the same length": {overwrite(blobPath(d), "CONTENT"), blobPath(d), true},
		"a short blob":                   {overwrite(blobPath(d), "con"), blobPath(d), true},
		"a blob that can be written to": {func(s *Store) error {
			return os.Chmod(s.path(blobPath(d)), 0o644)
		}, blobPath(d), false},
		"a stray file among the blobs": {overwrite("blobs/sha256/stray", ""), "blobs/sha256/stray", false},
		"a blob in the wrong shard": {overwrite("blobs/sha256/00/"+d.Hex(), "content"),
			"blobs/sha256/00/" + d.Hex(), false},
		"lost facts":       {remove(factsPath(d)), factsPath(d), false},
		"wrong facts":      {overwrite(factsPath(d), `{"size":8,"verified":true}`), factsPath(d), false},
		"unreadable facts": {overwrite(factsPath(d), `{"size`), factsPath(d), false},
		"a stray fact":     {overwrite("facts/stray", ""), "facts/stray", false},
		"an alias that lies": {overwrite(ref{"sha512", sha512Of("another").Hex()}.alias(), string(d)),
			ref{"sha512", sha512Of("another").Hex()}.alias(), false},
		"an unreadable alias": {overwrite(alias, "nonsense"), alias, false},
		"a stray alias":       {overwrite("alias/sha512/stray", string(d)), "alias/sha512/stray", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, Options{})
			mustPut(t, s, "content")
			mustPut(t, s, "another blob")
			if err := s.Alias(d, sha512Of("content")); err != nil {
				t.Fatal(err)
			}
			wantVerified(t, s)
			if err := tt.damage(s); err != nil {
				t.Fatal(err)
			}
			// A process that remembers nothing.
			s = again(t, s, Options{})
			r, err := again(t, s, Options{ReadOnly: true}).Verify(t.Context(), false)
			if err != nil || len(r.Problems) == 0 || r.Problems[0].Repaired {
				t.Fatalf("Verify of a read-only store: %+v, %v", r, err)
			}
			r, err = s.Verify(t.Context(), true)
			if err != nil || len(r.Problems) == 0 {
				t.Fatalf("Verify: %+v, %v", r, err)
			}
			if p := r.Problems[0]; p.Path != tt.path || !p.Repaired || p.What == "" {
				t.Errorf("problem %+v, want one of %s", p, tt.path)
			}
			wantVerified(t, s)
			if _, err := s.Stat(d); errors.Is(err, fs.ErrNotExist) != tt.lost {
				t.Errorf("Stat: %v", err)
			}
			if _, err := s.Stat(sha256Of("another blob")); err != nil {
				t.Errorf("another blob: %v", err)
			}
			mustPut(t, s, "content")
		})
	}
}

// wantVerified checks that the whole store is good.
func wantVerified(t testing.TB, s *Store) VerifyReport {
	t.Helper()
	r, err := s.Verify(t.Context(), false)
	if err != nil {
		t.Error(err)
	}
	for _, p := range r.Problems {
		t.Errorf("%s %s", p.Path, p.What)
	}
	return r
}

func TestVerifyWithoutRepairTakesADamagedBlobAway(t *testing.T) {
	s := openTest(t, Options{})
	d := mustPut(t, s, "content")
	if err := os.Chmod(s.path(blobPath(d)), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.path(blobPath(d)), []byte("CONTENT"), 0); err != nil {
		t.Fatal(err)
	}
	if r, err := s.Verify(t.Context(), false); err != nil || len(r.Problems) != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	if _, _, err := s.Get(d); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Get: %v, want fs.ErrNotExist", err)
	}
	if got := names(t, s, quarantineDir); len(got) != 1 {
		t.Errorf("quarantine: %q", got)
	}
}

func TestUsageAndPaths(t *testing.T) {
	s := openTest(t, Options{})
	d := mustPut(t, s, "content")
	mustPut(t, s, "more")
	if r := wantVerified(t, s); r.Blobs != (Count{2, 11}) {
		t.Errorf("verified %+v", r.Blobs)
	}
	u, err := s.Du(t.Context())
	if err != nil || u.Blobs != (Count{2, 11}) || u.Pinned != (Count{}) || u.Limits.MaxBytes <= 0 || u.DiskFree <= 0 {
		t.Errorf("Du: %+v, %v", u, err)
	}
	list, err := s.List(t.Context())
	if err != nil || len(list) != 2 || list[0].LastUse.IsZero() {
		t.Errorf("List: %+v, %v", list, err)
	}
	path, err := s.Path(d)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); string(got) != "content" {
		t.Errorf("Path: %q, %v", got, err)
	}
	if _, err := s.Path(sha256Of("nothing")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Path of nothing: %v", err)
	}
}
