package locks

import (
	"fmt"
	"path"
	"strings"
	"testing"
)

func pnpmSample() sample {
	head := "lockfileVersion: '9.0'\npackages:\n"
	entry := func(fields string) string { return head + "  a@1.0.0:\n" + fields }
	const r = "    resolution: {integrity: sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=}\n"
	return sample{
		name: "pnpm", file: "pnpm-lock.yaml", typ: "pnpm", many: manyPnpm,
		siblings: map[string]string{".npmrc": "registry=https://own.example.org/npm/\nsave-exact=true"},
		naming: func(name string) string {
			return head + "  a@https://h/a.tgz:\n    resolution: {tarball: https://h/a.tgz}\n    version: " + quoteJSON(name) + "\n"
		},
		malformed: []malformed{
			{"a list", "- a\n", 1, "not a table"},
			{"no version", "packages: {}\n", 1, "no lockfileVersion"},
			{"version 6", "\nlockfileVersion: '6.0'\n", 2, `"6.0" is not supported`},
			{"version 90", "lockfileVersion: '90'\n", 1, "not supported"},
			{"packages is a list", "lockfileVersion: '9.0'\npackages: [a]\n", 2, "packages is a list"},
			{"entry is text", head + "  a@1: x\n", 3, "not a table"},
			{"no resolution", entry("    hasBin: true\n"), 3, "no resolution"},
			{"resolution is text", entry("    resolution: x\n"), 4, "not a table"},
			{"git", entry("    resolution: {commit: 00, repo: https://git.example.org/a.git, type: git}\n"), 4, "git dependencies are not supported yet"},
			{"other type", entry("    resolution: {type: variations}\n"), 4, `type "variations"`},
			{"bad integrity", entry("    resolution: {integrity: sha512-@@}\n"), 4, "not base64"},
			{"odd scheme", entry("    resolution: {tarball: 'ftp://h/a.tgz'}\n"), 4, "neither http nor https"},
			{"password in a bad url", entry("    resolution: {tarball: 'https://u:secret@h/%zz'}\n"), 4, "the URL can't be read"},
			{"tarball is null", entry("    resolution: {tarball: }\n"), 4, "can't be rewritten"},
			{"odd line ends", "#\u2028" + entry("    resolution: {}\n"), -1, "can't be rewritten"},
			{"tarball in escapes", entry("    resolution: {tarball: \"https://h/\\x61.tgz\"}\n"), 4, "can't be rewritten"},
			{"shared resolution", entry("    resolution: &r {tarball: https://h/a.tgz}\n") + "  b@1.0.0:\n    resolution: *r\n", -1, "can't be rewritten"},
			{"no version in the key", head + "  a:\n" + r, 3, "the version of a: the file name is empty"},
			{"scope leaves", head + "  '@../a@1':\n" + r, 3, "not a file name"},
			{"version leaves", head + "  a@../../x:\n" + r, 3, "path separator"},
			{"os holds a number", entry(r + "    os: [{}]\n"), 5, "a string is expected"},
			{"key twice", entry(r + r), 5, "there twice"},
			{"two files at one path", entry(r) + "  a@https://h/a:\n    resolution: {tarball: https://h/a}\n    version: 1\n" +
				"  a@https://h/b:\n    resolution: {tarball: https://h/b}\n    version: 1\n", 8, "different content"},
		},
	}
}

func manyPnpm(n int) []byte {
	return repeat(n, "lockfileVersion: '9.0'\n\npackages:\n\n", func(i int) string {
		return fmt.Sprintf("  '@s/p%d@1.0.%d':\n    resolution: {integrity: sha512-%086d==}\n    engines: {node: '>=18'}\n", i, i, 0)
	}, "\n", "")
}

// TestRewrittenPnpmLockDiffersInTarballsOnly reads the rewritten lock again, in
// every style in which people and tools write one.
func TestRewrittenPnpmLockDiffersInTarballsOnly(t *testing.T) {
	const i = "integrity: sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="
	for _, style := range []string{
		"{" + i + "}", "{ " + i + " }", "\n      {\n        " + i + ",\n      }", "\n      " + i + "\n      x: y", "\r\n      " + i + "\r\n      x: y",
		"{" + i + ", tarball: https://h/a.tgz}", "{tarball: 'https://h/a.tgz', " + i + "}", "\n      " + i + "\n      tarball: \"https://h/a.tgz\"",
		"{}", "{ }", "{" + i + "} # é", "\n      'integrity': sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk=",
	} {
		text := "lockfileVersion: '9.0'\npackages:\n  é@1: {resolution: {type: directory}}\n  a@1.0.0:\n    resolution: " + style + "\n    hasBin: true\n"
		for _, out := range []string{"/out", "/o t/#"} {
			lock, err := Parse("pnpm", Source{
				Path: "pnpm-lock.yaml", Data: []byte(text), OutputDir: out,
				RegistryURL: func(string) string { return "https://own.example.org" },
				Mirror:      func(string) string { return "https://own.example.org" },
			})
			if err != nil {
				t.Errorf("%q: %v", style, err)
				continue
			}
			doc, err := readFullYAML(lock.Rewrites[0].Content)
			if err != nil {
				t.Errorf("%q became %q: %v", style, lock.Rewrites[0].Content, err)
				continue
			}
			a := doc.get("packages").get("a@1.0.0")
			got, err := a.get("resolution").str("tarball")
			want := "a-1.0.0.tgz"
			if strings.Contains(style, "tarball") {
				want = "../a-1.0.0.tgz" // not in a registry's place
			}
			if got != want || err != nil {
				t.Errorf("%q: tarball %q, want %q (%v)", style, got, want, err)
			}
			if kept, _ := a.get("resolution").str("integrity"); strings.Contains(style, "integrity") != (kept != "") {
				t.Errorf("%q: integrity %q", style, kept)
			}
			if bin, err := a.truth("hasBin"); !bin || err != nil {
				t.Errorf("%q: what follows is lost: %v", style, err)
			}
		}
	}
}

func TestRegistriesOfTheNpmrcAreReplaced(t *testing.T) {
	for in, want := range map[string]string{
		"":        "",
		"a=b":     "a=b\n",
		"a=b\n":   "a=b\n",
		"a=b\r\n": "a=b\r\n",

		"@s:registry = https://own.example.org\n@jsr:registry=https://own.example.org\n": "@s:registry = https://own.example.org\n@jsr:registry=https://own.example.org\n",
	} {
		s := pnpmSample()
		s.siblings = map[string]string{".npmrc": in}
		lock, err := s.parse(s.source(s.valid(t)))
		if err != nil {
			t.Fatal(err)
		}
		r := lock.Rewrites[1]
		want += "registry=file:///cachi2/output/deps/pnpm/npm/\n@jsr:registry=file:///cachi2/output/deps/pnpm/jsr/\n"
		if strings.Contains(in, "@s:") {
			want += "@s:registry=file:///cachi2/output/deps/pnpm/npm/\n"
		}
		if r.Path != "dir/.npmrc" || string(r.Content) != want {
			t.Errorf("%q became %s: %q, want %q", in, r.Path, r.Content, want)
		}
	}
}

func TestPnpmLockWithoutPackagesStaysAsItIs(t *testing.T) {
	lock, err := Parse("pnpm", Source{Path: "pnpm-lock.yaml", Data: []byte("lockfileVersion: '9.0'\n")})
	if err != nil || len(lock.Artifacts)+len(lock.Rewrites) != 0 {
		t.Errorf("%+v, %v", lock, err)
	}
}

func TestRealPnpmLockIsRewrittenInPlace(t *testing.T) {
	data := readReal(t, "quay.pnpm-lock.yaml")
	lock, err := Parse("pnpm", Source{
		Path: "pnpm-lock.yaml", Data: data, OutputDir: "/cachi2/output",
		RegistryURL: func(string) string { return "https://npm.example.org" },
	})
	if err != nil {
		t.Fatal(err)
	}
	before, after := strings.Split(string(data), "\n"), strings.Split(string(lock.Rewrites[0].Content), "\n")
	if len(before) != len(after) {
		t.Fatalf("%d lines became %d", len(before), len(after))
	}
	changed := 0
	for i := range before {
		if before[i] == after[i] {
			continue
		}
		want := strings.Replace(before[i], "{", "{tarball: "+path.Base(lock.Artifacts[changed].Path)+", ", 1)
		if after[i] != want {
			t.Errorf("line %d became %q, want %q", i+1, after[i], want)
		}
		changed++
	}
	if changed != len(lock.Artifacts) {
		t.Errorf("%d lines changed for %d artifacts", changed, len(lock.Artifacts))
	}
}
