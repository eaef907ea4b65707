package store

import (
	"context"
	"crypto/sha1"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"io"
	"iter"
	"os"
	"path/filepath"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// memory is a directory in memory, where there is one, else the empty string:
// what these tests show does not depend on how long an fsync takes.
func memory() string {
	const shm = "/dev/shm"
	if fi, err := os.Stat(shm); err != nil || !fi.IsDir() {
		return ""
	}
	return shm
}

// tempDir is t.TempDir in memory.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp(memory(), "store-test-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}

func openTest(t *testing.T, opts Options) *Store {
	t.Helper()
	s, err := Open(filepath.Join(tempDir(t), "store"), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// again opens the directory of s once more, as another process would.
func again(t *testing.T, s *Store, opts Options) *Store {
	t.Helper()
	other, err := Open(s.Dir(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { other.Close() })
	return other
}

// fillWith writes the rest of content.
func fillWith(content string) Fill {
	return func(_ context.Context, p *Partial) error {
		_, err := io.WriteString(p, content[p.Offset():])
		return err
	}
}

// fillNever fails the test when it is called.
func fillNever(t *testing.T) Fill {
	return func(context.Context, *Partial) error {
		t.Error("fill was called")
		return errors.New("not expected")
	}
}

func mustPut(t *testing.T, s *Store, content string) digest.Digest {
	t.Helper()
	d := digest.FromBytes([]byte(content))
	f, _, err := s.Put(t.Context(), d, int64(len(content)), fillWith(content))
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, f, content)
	return d
}

// wantContent checks what f holds from its start, and closes it.
func wantContent(t *testing.T, f *os.File, want string) {
	t.Helper()
	defer f.Close()
	got, err := io.ReadAll(f)
	if err != nil || string(got) != want {
		t.Fatalf("content %q, %v, want %q", got, err, want)
	}
}

func sha512Of(s string) digest.Digest {
	sum := sha512.Sum512([]byte(s))
	return digest.Digest("sha512:" + hex.EncodeToString(sum[:]))
}

func sha1Of(s string) digest.Digest {
	sum := sha1.Sum([]byte(s))
	return digest.Digest("sha1:" + hex.EncodeToString(sum[:]))
}

func sha256Of(s string) digest.Digest { return digest.FromBytes([]byte(s)) }

// names lists a directory of the store.
func names(t *testing.T, s *Store, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(s.path(dir))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, e := range entries {
		out = append(out, e.Name())
	}
	return out
}

// path is where a file of the layout is on the disk.
func (s *Store) path(name string) string { return filepath.Join(s.dir, format, name) }

// digestsOf yields the digests of contents.
func digestsOf(contents ...string) iter.Seq[digest.Digest] {
	return func(yield func(digest.Digest) bool) {
		for _, c := range contents {
			if !yield(sha256Of(c)) {
				return
			}
		}
	}
}
