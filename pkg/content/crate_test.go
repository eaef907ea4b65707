package content

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// crateOf makes a .crate file of tar headers; a regular file's content is its
// Linkname.
func crateOf(t testing.TB, headers ...tar.Header) []byte {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	archive := tar.NewWriter(zip)
	for _, h := range headers {
		content := ""
		if h.Typeflag == 0 || h.Typeflag == tar.TypeReg {
			h.Typeflag, content, h.Linkname = tar.TypeReg, h.Linkname, ""
			h.Size = int64(len(content))
		}
		if err := archive.WriteHeader(&h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(archive, content); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// unpackCrate is what the maker makes of a crate demo-1.0.0: the files in it, with their modes.
func unpackCrate(t testing.TB, data []byte) (map[string]string, []byte, error) {
	t.Helper()
	name := filepath.Join(t.TempDir(), "crate")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var out bytes.Buffer
	r := &tree.Recipe{Kind: kindCrate, Args: map[string]string{"package": "demo-1.0.0"}}
	if err := makeCrate(t.Context(), r, f, &out, 1<<20); err != nil {
		return nil, nil, err
	}
	files := map[string]string{}
	archive := tar.NewReader(bytes.NewReader(out.Bytes()))
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, out.Bytes(), nil
		}
		if err != nil {
			t.Fatal(err)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			t.Fatal(err)
		}
		if _, twice := files[h.Name]; twice || h.Typeflag != tar.TypeReg || tree.CheckPath(h.Name) != nil {
			t.Errorf("%q, type %c", h.Name, h.Typeflag)
		}
		files[h.Name] = fmt.Sprintf("%o %s", h.Mode, content)
	}
}

func hexOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// Shows S77.
func TestCrateIsUnpackedAsCargoVendorsIt(t *testing.T) {
	data := crateOf(t,
		tar.Header{Name: "demo-1.0.0/", Typeflag: tar.TypeDir, Mode: 0o755},
		tar.Header{Name: "demo-1.0.0/src/lib.rs", Mode: 0o664, Linkname: "pub fn f() {}"},
		tar.Header{Name: "demo-1.0.0/Cargo.toml", Mode: 0o644, Linkname: "[package]"},
		tar.Header{Name: "demo-1.0.0/build.sh", Mode: 0o775, Linkname: "#!/bin/sh"},
		tar.Header{Name: "demo-1.0.0/.gitignore", Linkname: "target"},
		tar.Header{Name: "demo-1.0.0/.gitattributes", Linkname: "x"},
		tar.Header{Name: "demo-1.0.0/.cargo-ok", Linkname: "ok"},
		tar.Header{Name: "demo-1.0.0/.cargo-checksum.json", Linkname: "{}"},
		tar.Header{Name: "demo-1.0.0/tests/.gitignore", Mode: 0o644, Linkname: "kept"},
		tar.Header{Name: `demo-1.0.0/tests/"ä"`, Mode: 0o644, Linkname: ""},
	)
	files, first, err := unpackCrate(t, data)
	if err != nil {
		t.Fatal(err)
	}
	list := strings.TrimPrefix(files[checksumFile], "644 ")
	delete(files, checksumFile)
	want := map[string]string{
		"src/lib.rs": "644 pub fn f() {}", "Cargo.toml": "644 [package]", "build.sh": "755 #!/bin/sh",
		"tests/.gitignore": "644 kept", `tests/"ä"`: "644 ",
	}
	if fmt.Sprint(files) != fmt.Sprint(want) {
		t.Errorf("%v\nwant %v", files, want)
	}
	wantList := fmt.Sprintf(`{"files":{"Cargo.toml":"%s","build.sh":"%s","src/lib.rs":"%s","tests/\"ä\"":"%s","tests/.gitignore":"%s"},"package":"%s"}`,
		hexOf([]byte("[package]")), hexOf([]byte("#!/bin/sh")), hexOf([]byte("pub fn f() {}")), hexOf(nil), hexOf([]byte("kept")), hexOf(data))
	if list != wantList || !json.Valid([]byte(list)) {
		t.Errorf("%s\nwant %s", list, wantList)
	}
	if _, second, err := unpackCrate(t, data); err != nil || !bytes.Equal(first, second) {
		t.Errorf("two makings differ: %v", err)
	}
}

// Shows S75.
func TestHostileCratesAreRefused(t *testing.T) {
	const in = "demo-1.0.0/"
	for name, c := range map[string]struct {
		data []byte
		want string
	}{
		"no archive":   {[]byte("<html>"), "no gzip archive"},
		"nothing":      {crateOf(t), "holds no files"},
		"cut":          {crateOf(t, tar.Header{Name: in + "a", Linkname: strings.Repeat("a", 100)})[:60], "EOF"},
		"leaves":       {crateOf(t, tar.Header{Name: in + "../../x", Linkname: "x"}), `has a ".." segment`},
		"absolute":     {crateOf(t, tar.Header{Name: "/etc/passwd", Linkname: "x"}), "is not below"},
		"elsewhere":    {crateOf(t, tar.Header{Name: "other-1.0.0/x", Linkname: "x"}), "is not below"},
		"the root":     {crateOf(t, tar.Header{Name: "demo-1.0.0", Linkname: "x"}), "is not below"},
		"backslash":    {crateOf(t, tar.Header{Name: in + `a\b`, Linkname: "x"}), "backslash"},
		"symlink":      {crateOf(t, tar.Header{Name: in + "l", Typeflag: tar.TypeSymlink, Linkname: "/etc"}), "neither file nor directory"},
		"hard link":    {crateOf(t, tar.Header{Name: in + "l", Typeflag: tar.TypeLink, Linkname: in + "x"}), "neither file nor directory"},
		"device":       {crateOf(t, tar.Header{Name: in + "d", Typeflag: tar.TypeChar}), "neither file nor directory"},
		"twice":        {crateOf(t, tar.Header{Name: in + "a"}, tar.Header{Name: in + "a"}), "there twice"},
		"file as dir":  {crateOf(t, tar.Header{Name: in + "a"}, tar.Header{Name: in + "a/b/c"}), "not a directory"},
		"dir as file":  {crateOf(t, tar.Header{Name: in + "a/b/c"}, tar.Header{Name: in + "a/b"}), "there twice"},
		"control char": {crateOf(t, tar.Header{Name: in + "a\x1bb"}), "control character"},
	} {
		_, _, err := unpackCrate(t, c.data)
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

// Shows S75.
func TestCrateBombsAreNotUnpacked(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "crate"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Write(crateOf(t, tar.Header{Name: "demo-1.0.0/zeros", Linkname: strings.Repeat("\x00", 1<<20)}))
	r := &tree.Recipe{Kind: kindCrate, Args: map[string]string{"package": "demo-1.0.0"}}
	if err := makeCrate(t.Context(), r, f, io.Discard, 1<<20); err == nil || !strings.Contains(err.Error(), "more than it may") {
		t.Error(err)
	}
	if err := makeCrate(t.Context(), r, f, io.Discard, 2<<20); err != nil {
		t.Error(err)
	}
}

func TestUnpackingACrateEndsWithItsContext(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "crate"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	f.Write(crateOf(t, tar.Header{Name: "demo-1.0.0/a", Linkname: "a"}))
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := &tree.Recipe{Kind: kindCrate, Args: map[string]string{"package": "demo-1.0.0"}}
	if err := makeCrate(ctx, r, f, io.Discard, 1<<20); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// From the lock's recipe to the files of the directory, with the origin between.
func TestCrateDirectoryIsServed(t *testing.T) {
	o := newOrigin(t)
	data := crateOf(t, tar.Header{Name: "demo-1.0.0/Cargo.toml", Linkname: "[package]"})
	from := o.file("demo-1.0.0.crate", string(data))
	tr, err := tree.Build([]tree.Input{{Type: "cargo", Lock: "Cargo.lock"}}, nil, []tree.Dir{{
		Path: "deps/cargo/demo-1.0.0",
		Make: tree.Recipe{Kind: kindCrate, Args: map[string]string{"package": "demo-1.0.0"}, From: &tree.File{Size: from.Size, Digest: from.Digest, URLs: from.URLs}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	s := newTestSource(t, tr)
	files, err := s.Expand(t.Context(), &tr.Dirs[0])
	if err != nil || len(files) != 2 {
		t.Fatalf("%+v, %v", files, err)
	}
	if got := readPart(t, s, &files[0]); got != "[package]" {
		t.Errorf("%s is %q", files[0].Path, got)
	}
}

func FuzzCrate(f *testing.F) {
	f.Add(crateOf(f, tar.Header{Name: "demo-1.0.0/Cargo.toml", Linkname: "[package]"}, tar.Header{Name: "demo-1.0.0/src/lib.rs"}))
	f.Add([]byte("\x1f\x8b"))
	f.Fuzz(func(t *testing.T, data []byte) {
		_, _, _ = unpackCrate(t, data) // which checks what comes out
	})
}
