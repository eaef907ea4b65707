package locks

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// readReal returns a published lock file of testdata/real.
func readReal(t testing.TB, name string) []byte {
	t.Helper()
	z, err := os.ReadFile(filepath.Join("testdata", "real", name+".gz"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(z))
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestRealLocksHaveTheirNumbers holds the parsers against numbers that other
// programs (Python's tomllib, grep) have counted in the same files.
func TestRealLocksHaveTheirNumbers(t *testing.T) {
	cases := []struct {
		file, typ, arch string
		packages        int // distinct names; 0: not counted
		wheels, others  int
		bytes           int64
	}{
		{"runtimes-minimal.pylock.cpu.toml", "pip", "", 86, 134, 0, 156_671_410},
		{"jupyter-minimal.pylock.cpu.toml", "pip", "", 113, 161, 0, 563_693_148},
		{"jupyter-baseline.pylock.toml", "pip", "", 195, 937, 195, 1_707_889_856},
		{"odh.rpms.lock.yaml", "rpm", "", 0, 0, 864 + 864 + 862 + 864, 2_824_175_302},
		{"odh.rpms.lock.yaml", "rpm", "x86_64", 0, 0, 864, 735_401_152},
		{"odh.rpms.lock.yaml", "rpm", "s390x", 0, 0, 862, 678_624_926},
		{"odh.artifacts.lock.yaml", "generic", "", 2, 0, 2, 0},
		{"quay.artifacts.lock.yaml", "generic", "", 2, 0, 2, 0},
		{"extensions.package-lock.json", "npm", "", 51, 0, 51, 0},
		{"microsoft-authentication.package-lock.json", "npm", "", 60, 0, 60, 0},
		{"porta.yarn.lock", "yarn", "", 1252, 0, 1460, 0},
		{"quay.pnpm-lock.yaml", "pnpm", "", 1202, 0, 1302, 0},
	}
	for _, c := range cases {
		t.Run(c.file+" "+c.arch, func(t *testing.T) {
			base := c.file[strings.IndexByte(c.file, '.')+1:]
			f, ok := ForFile(base)
			if !ok || f.Type != c.typ {
				t.Fatalf("%s is found as %q, want %q", base, f.Type, c.typ)
			}
			src := Source{Path: base, Data: readReal(t, c.file), OutputDir: "/cachi2/output", Arches: strings.Fields(c.arch)}
			if c.typ == "pnpm" {
				src.RegistryURL = func(string) string { return "https://npm.example.org" }
			}
			lock, err := f.Parse(src)
			if err != nil {
				t.Fatal(err)
			}
			names := make(map[string]bool)
			var wheels, others int
			var size int64
			for _, a := range lock.Artifacts {
				names[a.Name] = true
				if strings.HasSuffix(a.Path, ".whl") {
					wheels++
				} else {
					others++
				}
				size += max(a.Size, 0)
				if a.Digest == "" || len(a.URLs) != 1 || a.Line == 0 {
					t.Errorf("%s: digest %q, %d URLs, line %d", a.Path, a.Digest, len(a.URLs), a.Line)
				}
			}
			if c.packages != 0 && len(names) != c.packages {
				t.Errorf("%d packages, want %d", len(names), c.packages)
			}
			if wheels != c.wheels || others != c.others || size != c.bytes {
				t.Errorf("%d wheels, %d others, %d bytes; want %d, %d, %d",
					wheels, others, size, c.wheels, c.others, c.bytes)
			}
			if len(lock.Warnings) > 0 {
				t.Errorf("warnings: %q", lock.Warnings)
			}
		})
	}
}

// TestRealPackageLockIsRewrittenInPlace: what npm reads after the rewriting
// differs in the values of "resolved" and in nothing else.
func TestRealPackageLockIsRewrittenInPlace(t *testing.T) {
	for _, file := range []string{"extensions.package-lock.json", "microsoft-authentication.package-lock.json"} {
		data := readReal(t, file)
		lock, err := Parse("npm", Source{Path: "package-lock.json", Data: data, OutputDir: "/cachi2/output"})
		if err != nil {
			t.Fatal(err)
		}
		if len(lock.Rewrites) != 1 {
			t.Fatalf("%d rewrites", len(lock.Rewrites))
		}
		before := strings.Split(string(data), "\n")
		after := strings.Split(string(lock.Rewrites[0].Content), "\n")
		if len(before) != len(after) {
			t.Fatalf("%d lines became %d", len(before), len(after))
		}
		changed := 0
		for i := range before {
			if before[i] == after[i] {
				continue
			}
			changed++
			indent, _, _ := strings.Cut(before[i], `"`)
			if !strings.HasPrefix(after[i], indent+`"resolved": "file:///cachi2/output/deps/npm/`) {
				t.Errorf("line %d became %q", i+1, after[i])
			}
		}
		if changed != len(lock.Artifacts) {
			t.Errorf("%d lines changed for %d artifacts", changed, len(lock.Artifacts))
		}
	}
}
