package prefetch

import (
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

func TestFetchKeepsWhatIsThereAndRefusesWrongContent(t *testing.T) {
	origin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte("right")) }))
	defer origin.Close()
	sum := sha256.Sum256([]byte("right"))
	good := Entry{Path: "deps/generic/a", Digest: digest.Digest("sha256:" + hex.EncodeToString(sum[:])), URLs: []string{origin.URL}}
	dir := t.TempDir()

	first, err := Fetch(t.Context(), []Entry{good}, dir)
	if err != nil || first.Files != 1 || first.Bytes != 5 {
		t.Fatalf("first Fetch = %+v, %v", first, err)
	}
	second, err := Fetch(t.Context(), []Entry{good}, dir)
	if err != nil || second.Files != 0 {
		t.Fatalf("second Fetch = %+v, %v; want nothing fetched", second, err)
	}
	wrong := good
	wrong.Path, wrong.Digest = "deps/generic/b", digest.FromBytes([]byte("other"))
	if _, err := Fetch(t.Context(), []Entry{wrong}, dir); err == nil {
		t.Error("wrong content was accepted")
	}
	if _, err := os.Stat(filepath.Join(dir, wrong.Path)); err == nil {
		t.Error("wrong content was written")
	}
}

func TestOnlyFittingKeepsOneFilePerPackageWhereItCan(t *testing.T) {
	const lock = `{"packages":{"":{},
		"node_modules/@a/b":{"version":"1.0.0"},
		"node_modules/x/node_modules/mac":{"version":"2.0.0","os":["darwin"]},
		"node_modules/notwin":{"version":"3.0.0","os":["!win32"]},
		"node_modules/musl":{"version":"4.0.0","libc":["musl"]}}}`
	tests := map[string]bool{
		"deps/pip/a-1-py3-none-any.whl":                             true,
		"deps/pip/a-1.tar.gz":                                       false,
		"deps/pip/only_source-1.tar.gz":                             true,
		"deps/pip/b-1-cp311-cp311-manylinux_2_17_x86_64.whl":        true,
		"deps/pip/b-1-cp311-cp311-manylinux_2_17_aarch64.whl":       false,
		"deps/pip/b-1-cp312-cp312-manylinux_2_17_x86_64.whl":        false,
		"deps/pip/b-1-cp311-cp311-musllinux_1_2_x86_64.whl":         false,
		"deps/pip/c-1-cp39-abi3-manylinux1_x86_64.linux_x86_64.whl": true,
		"deps/pip/d-1-py2.py3-none-any.whl":                         true,
		"deps/pip/e-1-cp313-cp313t-manylinux_2_17_x86_64.whl":       false,
		"deps/npm/a-b-1.0.0.tgz":                                    true,
		"deps/npm/mac-2.0.0.tgz":                                    false,
		"deps/npm/notwin-3.0.0.tgz":                                 true,
		"deps/npm/musl-4.0.0.tgz":                                   false,
		"deps/generic/data":                                         true,
	}
	var all []Entry
	for p := range tests {
		all = append(all, Entry{Path: p})
	}
	kept, err := OnlyFitting(all, []byte(lock), "x86_64")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]bool{}
	for _, e := range kept {
		got[e.Path] = true
	}
	for p, want := range tests {
		if got[p] != want {
			t.Errorf("%s: kept = %v, want %v", p, got[p], want)
		}
	}
}

func TestRewritePackageLockPointsRegistryPackagesIntoTheDirectory(t *testing.T) {
	const lock = `{"lockfileVersion":3,"packages":{"":{"name":"app"},
		"node_modules/@a/b":{"version":"1.0.0","resolved":"https://example.org/b.tgz"},
		"node_modules/alias":{"name":"real","version":"2.0.0"},
		"node_modules/l":{"link":true},
		"node_modules/@a/b/node_modules/in":{"version":"1.0.0","inBundle":true}}}`
	out, err := RewritePackageLock([]byte(lock), "/cachi2/output")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		`"resolved": "file:///cachi2/output/deps/npm/a-b-1.0.0.tgz"`,
		`"resolved": "file:///cachi2/output/deps/npm/real-2.0.0.tgz"`,
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("%s is missing in\n%s", want, out)
		}
	}
	if n := strings.Count(string(out), `"resolved"`); n != 2 {
		t.Errorf("%d entries have resolved, want 2:\n%s", n, out)
	}
}
