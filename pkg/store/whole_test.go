package store

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// testZip is an archive as go's proxies have them, of 1 to 2 KB.
var testZip = sync.OnceValue(func() string {
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for _, name := range []string{"example.org/m@v1.0.0/go.mod", "example.org/m@v1.0.0/a.go"} {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err == nil {
			_, err = io.WriteString(f, strings.Repeat(name, 20))
		}
		if err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.String()
})

// goZipOf is empty for what is no archive.
func goZipOf(s string) digest.Digest {
	d, _ := digest.FromFile(digest.GoZip, strings.NewReader(s), int64(len(s)))
	return d
}

func goModOf(s string) digest.Digest {
	h := digest.Digest(digest.GoMod + ":").Hash()
	io.WriteString(h, s)
	return digest.FromHash(digest.GoMod, h)
}

func TestGoDigestsNameContents(t *testing.T) {
	s := openTest(t, Options{})
	for d, content := range map[digest.Digest]string{goZipOf(testZip()): testZip(), goModOf("module m\n"): "module m\n"} {
		f, info, err := s.Put(t.Context(), d, SizeUnknown, fillWith(content))
		if err != nil {
			t.Fatal(err)
		}
		wantContent(t, f, content)
		if info.Digest != sha256Of(content) {
			t.Errorf("%s is kept as %s", d, info.Digest)
		}
		f, _, err = again(t, s, Options{}).Get(d)
		if err != nil {
			t.Fatal(err)
		}
		wantContent(t, f, content)
		if n, ok := s.Size(d); !ok || n != int64(len(content)) {
			t.Errorf("the size of %s is %d, %v", d, n, ok)
		}
	}
	wantVerified(t, s)
}

// A web page in the place of an archive, an archive of other files, one that
// is cut: nothing of them is kept.
func TestWhatIsNotTheArchiveIsNeverSeen(t *testing.T) {
	other := strings.Replace(testZip(), "go.modexample", "go.modEXAMPLE", 1)
	for name, content := range map[string]string{"page": "<html>", "nothing": "", "cut": testZip()[:900], "changed": other} {
		s := openTest(t, Options{})
		_, _, err := s.Put(t.Context(), goZipOf(testZip()), SizeUnknown, fillWith(content))
		var wrong *MismatchError
		if !errors.As(err, &wrong) || wrong.Want != goZipOf(testZip()) {
			t.Errorf("%s: %v", name, err)
		}
		if _, _, err := s.Get(goZipOf(testZip())); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s is there: %v", name, err)
		}
		wantNothingUnderWay(t, s)
	}
}

func TestAnArchiveIsContinued(t *testing.T) {
	s := openTest(t, Options{})
	want := goZipOf(testZip())
	broken := errors.New("broken")
	for _, to := range []int{300, len(testZip())} { // the last: all is there, and then the line breaks
		_, _, err := s.Put(t.Context(), want, SizeUnknown, func(_ context.Context, p *Partial) error {
			if _, err := io.WriteString(p, testZip()[p.Offset():to]); err != nil {
				return err
			}
			return broken
		})
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
	}
	f, _, err := s.Put(t.Context(), want, SizeUnknown, fillNever(t))
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, f, testZip())
}

// Somebody who goes away while the archive is held against its digest has not
// shown that it is wrong.
func TestACancelledCheckKeepsWhatIsThere(t *testing.T) {
	s := openTest(t, Options{})
	ctx, cancel := context.WithCancel(t.Context())
	_, _, err := s.Put(ctx, goZipOf(testZip()), SizeUnknown, func(_ context.Context, p *Partial) error {
		defer cancel()
		_, err := io.WriteString(p, testZip())
		return err
	})
	if !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	f, _, err := s.Put(t.Context(), goZipOf(testZip()), SizeUnknown, fillNever(t))
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, f, testZip())
}

func TestVerifyReadsArchivesToo(t *testing.T) {
	s := openTest(t, Options{})
	good := mustPut(t, s, testZip())
	bad := mustPut(t, s, "no archive")
	if err := s.Alias(good, goZipOf(testZip())); err != nil {
		t.Fatal(err)
	}
	if err := s.Alias(bad, goZipOf(testZip())); err == nil {
		t.Error("the store believes in an alias")
	}
	wantVerified(t, s)
	lie := ref{digest.GoZip, strings.Repeat("0", 64)}
	for _, sum := range []digest.Digest{good, bad} {
		name := s.path(lie.alias())
		if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(string(sum)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		r, err := s.Verify(t.Context(), true)
		if err != nil || len(r.Problems) != 1 || r.Problems[0].Path != lie.alias() {
			t.Errorf("%+v, %v", r, err)
		}
		wantVerified(t, s)
	}
	if _, err := s.Stat(goZipOf(testZip())); err != nil {
		t.Error(err)
	}
}
