package digest

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/mod/sumdb/dirhash"
)

// archive makes a zip of names and contents, in the given order.
func archive(t testing.TB, pairs ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for i := 0; i < len(pairs); i += 2 {
		f, err := w.Create(pairs[i])
		if err == nil {
			_, err = io.WriteString(f, pairs[i+1])
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func fromZip(data []byte) (Digest, error) {
	return FromFile(GoZip, bytes.NewReader(data), int64(len(data)))
}

// What go computes is the truth.
//
// Shows S77.
func TestGoZipIsWhatGoComputes(t *testing.T) {
	for name, data := range map[string][]byte{
		"empty":       archive(t),
		"unsorted":    archive(t, "m@v1/z.go", "package z", "m@v1/go.mod", "module m\n", "m@v1/a/a.go", ""),
		"directories": archive(t, "m@v1/", "", "m@v1/sub/", "", "m@v1/sub/x", "x"),
		"large":       archive(t, "m@v1/x", strings.Repeat("x", 3<<20)),
	} {
		file := filepath.Join(t.TempDir(), "m.zip")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		want, err := dirhash.HashZip(file, dirhash.Hash1)
		if err != nil {
			t.Fatal(err)
		}
		got, err := fromZip(data)
		if err != nil || got.H1() != want {
			t.Errorf("%s: %s %s, %v, want %s", name, got, got.H1(), err, want)
		}
		if back, err := ParseH1(GoZip, want); err != nil || back != got {
			t.Errorf("%s: %s became %s, %v", name, want, back, err)
		}
	}
}

// Shows S77.
func TestGoModIsWhatGoComputes(t *testing.T) {
	for _, text := range []string{"", "module m\n", strings.Repeat("x", 100_000)} {
		want, err := dirhash.Hash1([]string{"go.mod"}, func(string) (io.ReadCloser, error) {
			return io.NopCloser(strings.NewReader(text)), nil
		})
		if err != nil {
			t.Fatal(err)
		}
		h := Digest(GoMod + ":").Hash()
		io.WriteString(h, text)
		if got := FromHash(GoMod, h); got.H1() != want || !got.Valid() {
			t.Errorf("%s, want %s", got.H1(), want)
		}
	}
}

func TestGoDigestsAreStrong(t *testing.T) {
	for _, algo := range []string{GoMod, GoZip} {
		d, err := ParseH1(algo, "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=")
		if err != nil || d != Digest(algo+":"+emptySHA256) || d.Weak() || !d.Valid() {
			t.Errorf("%q, %v", d, err)
		}
		if d.NeedsFile() != (algo == GoZip) || (d.Hash() == nil) != (algo == GoZip) {
			t.Errorf("%q: NeedsFile is %v", d, d.NeedsFile())
		}
		if p, err := Parse(string(d)); err != nil || p != d {
			t.Errorf("%q is parsed as %q, %v", d, p, err)
		}
	}
	if got := Digest("sha256:" + emptySHA256).H1(); got != "" {
		t.Errorf("a sha256 digest as h1: %q", got)
	}
}

// No other lock may use lazybuild's names for go's hashes.
func TestGoDigestsAreForGoSumOnly(t *testing.T) {
	if d, err := New(GoZip, emptySHA256); err == nil {
		t.Errorf("New gave %q", d)
	}
	if d, err := ParseSRI(sri(GoMod, emptySHA256)); err == nil {
		t.Errorf("ParseSRI gave %q", d)
	}
}

func TestParseH1Refuses(t *testing.T) {
	for _, s := range []string{"", "h1:", "h2:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", "h1:AAAA", "h1:@@", "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"} {
		if d, err := ParseH1(GoZip, s); err == nil {
			t.Errorf("%q gave %q", s, d)
		}
	}
}

// Shows S75.
func TestBadArchivesHaveNoDigest(t *testing.T) {
	good := archive(t, "m@v1/a", "a", "m@v1/b", strings.Repeat("b", 1000))
	flipped := bytes.Clone(good)
	flipped[45]++ // in the first file's content
	for name, data := range map[string][]byte{
		"nothing": nil, "no archive": []byte("<html>"), "cut": good[:len(good)/2], "flipped": flipped,
		"name twice": archive(t, "m@v1/a", "a", "m@v1/a", "b"), "line end in a name": archive(t, "m@v1/a\nb", "a"),
	} {
		if d, err := fromZip(data); err == nil {
			t.Errorf("%s: %s", name, d)
		}
	}
	if _, err := FromFile("sha256", bytes.NewReader(nil), 0); err == nil {
		t.Error("sha256 needs no file")
	}
	if _, err := FromFile(GoZip, nil, maxGoZip+1); err == nil {
		t.Error("an archive that go refuses for its size has a digest")
	}
}

// Shows S75.
func TestBombsAreNotUnpacked(t *testing.T) {
	data := archive(t, "m@v1/a", strings.Repeat("a", 600), "m@v1/b", strings.Repeat("b", 400))
	for limit, ok := range map[int64]bool{1000: true, 999: false, 600: false, 0: false} {
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			t.Fatal(err)
		}
		d, err := hashZip(z, limit)
		if ok != (err == nil) || !ok && !strings.Contains(err.Error(), "unpacks to more") {
			t.Errorf("within %d bytes: %s, %v", limit, d, err)
		}
	}
}

func TestLongDirectoriesAreNotRead(t *testing.T) {
	d := &directoryReader{ReaderAt: bytes.NewReader(make([]byte, 100)), left: 50}
	if _, err := d.ReadAt(make([]byte, 50), 0); err != nil {
		t.Error(err)
	}
	if _, err := d.ReadAt(make([]byte, 1), 0); !errors.Is(err, errLongDirectory) {
		t.Error(err)
	}
}

func FuzzGoZip(f *testing.F) {
	f.Add(archive(f))
	f.Add(archive(f, "m@v1/go.mod", "module m\n", "m@v1/", ""))
	f.Add([]byte("PK\x05\x06"))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := fromZip(data)
		if err != nil {
			return
		}
		file := filepath.Join(t.TempDir(), "m.zip")
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		want, err := dirhash.HashZip(file, dirhash.Hash1)
		if err != nil || got.H1() != want {
			t.Errorf("%s, go: %s, %v", got.H1(), want, err)
		}
	})
}

func BenchmarkGoZip(b *testing.B) {
	var pairs []string
	for i := range 200 {
		pairs = append(pairs, fmt.Sprintf("m@v1/%d.go", i), strings.Repeat(fmt.Sprintf("func f%d() {}\n", i), 500))
	}
	data := archive(b, pairs...)
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := fromZip(data); err != nil {
			b.Fatal(err)
		}
	}
}
