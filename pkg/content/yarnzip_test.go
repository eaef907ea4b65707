package content

import (
	"archive/tar"
	"compress/gzip"
	"crypto/sha512"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// demoSum is what yarn 4.5.0 says of the archive that it makes of demoPackage.
const demoSum = "f2f4741573c46fe05a3b4e65ac6b4a0f73517dec36e79dd62dace671eec1454d3f0bd6d1ec829d5876486c04073f413fc3d1bab737be51fc1180bb8943ff65b6"

type tarEntry struct {
	name, data string
	mode       int64
	typ        byte
}

// demoPackage has what yarn treats in a way of its own: modes, directories with
// and without files, a name that is not ASCII, a file that is there twice, one
// without content, another first directory, a file beside it.
func demoPackage() []tarEntry {
	return []tarEntry{
		{"package/package.json", `{"name":"@scope/demo","version":"1.0.0"}`, 0o644, tar.TypeReg},
		{"package/bin/run", "#!/bin/sh\n", 0o700, tar.TypeReg},
		{"package/lib", "", 0o700, tar.TypeDir},
		{"package/lib/index.js", "first", 0o644, tar.TypeReg},
		{"package/lib/é.js", "x", 0o644, tar.TypeReg},
		{"package/lib/index.js", "the second counts", 0o755, tar.TypeReg},
		{"package/empty", "", 0o644, tar.TypeReg},
		{"package/bare/dir/", "", 0o700, tar.TypeDir},
		{"other/deep/file.js", "the first directory does not count", 0o644, tar.TypeReg},
		{"beside", "not taken", 0o644, tar.TypeReg},
		{"package/../../leaves", "not taken either", 0o644, tar.TypeReg},
	}
}

func tgz(t *testing.T, entries []tarEntry) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "package.tgz")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	zip := gzip.NewWriter(f)
	out := tar.NewWriter(zip)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: e.mode, Size: int64(len(e.data)), Typeflag: e.typ}
		if e.typ == tar.TypeSymlink {
			h.Linkname = "/etc/passwd"
		}
		if err := out.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(out, e.data); err != nil {
			t.Fatal(err)
		}
	}
	if out.Close() != nil || zip.Close() != nil {
		t.Fatal("the package can't be made")
	}
	return name
}

func packYarn(t *testing.T, name string) (sum string, err error) {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	h := sha512.New()
	err = writeYarnZip(t.Context(), f, h, "node_modules/@scope/demo")
	return hex.EncodeToString(h.Sum(nil)), err
}

// Shows S77.
func TestArchiveIsYarnsOwnToTheByte(t *testing.T) {
	if sum, err := packYarn(t, tgz(t, demoPackage())); err != nil || sum != demoSum {
		t.Errorf("sha512 %s, %v", sum, err)
	}
}

// Shows S75.
func TestPackagesThatNoArchiveIsMadeOf(t *testing.T) {
	for name, entries := range map[string][]tarEntry{
		"a link":   {{"package/a", "", 0o644, tar.TypeSymlink}},
		"no files": {{"beside", "x", 0o644, tar.TypeReg}},
		"leaves":   {{"package/../../x", "x", 0o644, tar.TypeReg}, {"/etc/x", "x", 0o644, tar.TypeReg}},
		"a device": {{"package/d", "", 0o644, tar.TypeChar}},
	} {
		if _, err := packYarn(t, tgz(t, entries)); err == nil {
			t.Errorf("%s: made", name)
		}
	}
	name := filepath.Join(t.TempDir(), "plain")
	if err := os.WriteFile(name, []byte("no gzip"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := packYarn(t, name); err == nil || !strings.Contains(err.Error(), "no gzip archive") {
		t.Errorf("no gzip: %v", err)
	}
}

// Shows S77.
func TestArchiveOfYarnIsServedOnlyIfItIsTheLocks(t *testing.T) {
	file := tgz(t, demoPackage())
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { http.ServeFile(w, r, file) }))
	t.Cleanup(srv.Close)
	for name, c := range map[string]struct{ sum, allow, says string }{
		"the lock's":                {demoSum, "none", ""},
		"another":                   {strings.Repeat("0", 128), "all", "and not the lock's 000"},
		"unchecked":                 {"", "weak", "no checksum"},
		"unchecked, and all may be": {"", "all", ""},
	} {
		t.Run(name, func(t *testing.T) {
			tr, err := tree.Build([]tree.Input{{Type: "yarn", Lock: "yarn.lock"}}, []tree.File{{
				Path: "deps/yarn/cache/demo.zip", Size: tree.SizeUnknown, Make: &tree.Recipe{
					Kind: kindYarnZip, Args: map[string]string{"prefix": "node_modules/@scope/demo", "sha512": c.sum},
					From: &tree.File{Size: tree.SizeUnknown, URLs: []string{srv.URL + "/demo.tgz"}},
				},
			}}, nil)
			if err != nil {
				t.Fatal(err)
			}
			s := yarnSource(t, tr, c.allow)
			b := s.Open(&tr.Files[0])
			defer b.Close()
			f, err := b.Wait(t.Context())
			if c.says != "" {
				if err == nil || !strings.Contains(err.Error(), c.says) {
					t.Errorf("it was served: %v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			h := sha512.New()
			if _, err := io.Copy(h, section(f)); err != nil || hex.EncodeToString(h.Sum(nil)) != demoSum {
				t.Errorf("what is served differs: %v", err)
			}
		})
	}
}

func yarnSource(t *testing.T, tr *tree.Tree, allow string) *Source {
	t.Helper()
	src, err := New(t.Context(), tr, Options{Store: openStore(t), Events: deaf{}, AllowUnverified: allow})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(src.Close)
	return src
}

// Shows S75.
func TestPackagesOfYarnAreNotHeldInMemory(t *testing.T) {
	big := strings.Repeat("0", 24<<20)
	name := tgz(t, []tarEntry{
		{"package/a", big, 0o644, tar.TypeReg}, {"package/b", "small", 0o644, tar.TypeReg},
		{"package/a", big, 0o755, tar.TypeReg}, {"package/a", big, 0o755, tar.TypeReg},
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	if _, err := packYarn(t, name); err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
		t.Errorf("%d bytes were allocated", n)
	}
	if left, err := os.ReadDir(filepath.Dir(name)); err != nil || len(left) != 1 {
		t.Errorf("left: %v, %v", left, err)
	}
}

func FuzzArchiveOfYarn(f *testing.F) {
	f.Add("package/a", "x", int64(0o755), byte(tar.TypeReg))
	f.Add("package/../a/", "", int64(0), byte(tar.TypeDir))
	f.Fuzz(func(t *testing.T, name, data string, mode int64, typ byte) {
		file := filepath.Join(t.TempDir(), "p.tgz")
		out, err := os.Create(file)
		if err != nil {
			t.Fatal(err)
		}
		zip := gzip.NewWriter(out)
		archive := tar.NewWriter(zip)
		if archive.WriteHeader(&tar.Header{Name: name, Mode: mode, Size: int64(len(data)), Typeflag: typ}) == nil {
			_, _ = archive.Write([]byte(data))
		}
		_, _ = archive.Close(), zip.Close()
		var sink strings.Builder
		if writeYarnZip(t.Context(), out, &sink, "node_modules/a") == nil && strings.Contains(sink.String(), "/../") {
			t.Errorf("%q leaves the package", name)
		}
		_ = out.Close()
	})
}
