package git

import (
	"archive/tar"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/BurntSushi/toml"
	"github.com/google/go-cmp/cmp"
)

// workspace is a repository with what cargo has to sort out.
var workspace = map[string]string{
	"Cargo.toml": `[package]
name = "root-lib"
version.workspace = true
edition = "2021"

[dependencies]
inner.workspace = true

[target.'cfg(unix)'.dependencies]
plain = { path = "crates/plain" }

[workspace]
members = ["crates/*"]
resolver = "2"

[workspace.package]
version = "1.2.3"
edition = "2021"
license = "MIT"
readme = "README.md"
authors = ["A <a@example.org>"]

[workspace.dependencies]
inner = { path = "crates/inner", version = "1.2.3", default-features = false, features = ["one"] }

[workspace.lints.rust]
unused_variables = "allow"
`,
	"src/lib.rs":                   "pub fn four() -> u32 { inner::one() + plain::three() }\n",
	"README.md":                    "the workspace\n",
	"LICENSE":                      "a licence\n",
	".gitignore":                   "target\n",
	"crates/inner/Cargo.toml":      "[package]\nname = \"inner\"\nversion.workspace = true\nedition.workspace = true\n\n[features]\ndefault = []\none = []\ntwo = []\n",
	"crates/inner/src/lib.rs":      "pub fn one() -> u32 { 1 }\n",
	"crates/outer/Cargo.toml":      "[package]\nname = \"outer\"\nversion = { workspace = true }\nedition.workspace = true\nlicense.workspace = true\nreadme.workspace = true\nauthors.workspace = true\n\n[lints]\nworkspace = true\n\n[dependencies]\ninner = { workspace = true, features = [\"two\"] }\n\n[[bin]]\nname = \"tool\"\npath = \"src/bin/tool.rs\"\n",
	"crates/outer/src/lib.rs":      "pub fn two() -> u32 { let unused = 0; inner::one() * 2 }\n",
	"crates/outer/src/bin/tool.rs": "fn main() {}\n",
	"crates/outer/LICENSE":         "-> ../../LICENSE",
	"crates/outer/.gitignore":      "x\n",
	"crates/outer/run.sh*":         "#!/bin/sh\n",
	"crates/outer/sub/Cargo.toml":  "[package]\nname = \"nested\"\nversion = \"0.0.1\"\n[workspace]\n",
	"crates/outer/sub/src/lib.rs":  "",
	"crates/plain/Cargo.toml":      "[package]\nname = \"plain\"\nversion = \"0.1.0\"\nedition = \"2021\"\n# a comment\n",
	"crates/plain/src/lib.rs":      "pub fn three() -> u32 { 3 }\n",
	".hidden/Cargo.toml":           "[package]\nname = \"plain\"\nversion = \"9.0.0\"\n",
}

// crate writes a package into a directory.
func (w *world) crate(c *Commit, k Crate, dir string) {
	w.t.Helper()
	var b bytes.Buffer
	if err := c.WriteCrate(context.Background(), &b, k); err != nil {
		w.t.Fatal(err)
	}
	extract(w.t, b.Bytes(), dir)
}

// extract unpacks an archive of regular files.
func extract(t testing.TB, archive []byte, dir string) {
	t.Helper()
	for r := tar.NewReader(bytes.NewReader(archive)); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil || h.Typeflag != tar.TypeReg {
			t.Fatalf("%v, %+v", err, h)
		}
		name := filepath.Join(dir, filepath.FromSlash(h.Name))
		data, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, data, fs.FileMode(h.Mode)); err != nil {
			t.Fatal(err)
		}
	}
}

func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(p)
		rel, _ := filepath.Rel(dir, p)
		files[filepath.ToSlash(rel)] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// What cargo vendor makes of the same repository is the measure, and cargo has
// to build with ours.
func TestCratesAreThoseOfCargoVendor(t *testing.T) {
	if _, err := exec.LookPath("cargo"); err != nil {
		t.Skip("no cargo on this machine")
	}
	w := newWorld(t)
	commit := w.repo("lib", workspace)
	app := t.TempDir()
	cargo := func(args ...string) {
		t.Helper()
		cmd := exec.Command("cargo", args...)
		cmd.Dir = app
		cmd.Env = append(os.Environ(), "CARGO_HOME="+filepath.Join(app, ".cargo-home"), "CARGO_NET_RETRY=0", "CARGO_TARGET_DIR="+filepath.Join(app, "target"))
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("cargo %v: %v\n%s", args, err, out)
		}
	}
	write := func(name, text string) {
		t.Helper()
		if err := os.MkdirAll(filepath.Dir(filepath.Join(app, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(app, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	url := w.url("lib")
	write("Cargo.toml", "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n[dependencies]\nouter = { git = \""+url+"\" }\nplain = { git = \""+url+"\" }\nroot-lib = { git = \""+url+"\" }\n")
	write("src/main.rs", "fn main() { println!(\"{}\", outer::two() + plain::three() + root_lib::four()); }\n")
	cargo("vendor", "--versioned-dirs", "theirs")

	c := w.fetch("lib", commit)
	for dir, k := range map[string]Crate{
		"root-lib-1.2.3": {"root-lib", "1.2.3"}, "outer-1.2.3": {"outer", "1.2.3"}, "inner-1.2.3": {"inner", "1.2.3"}, "plain-0.1.0": {"plain", ""},
	} {
		w.crate(c, k, filepath.Join(app, "ours", dir))
		theirs, ours := filesOf(t, filepath.Join(app, "theirs", dir)), filesOf(t, filepath.Join(app, "ours", dir))
		if diff := cmp.Diff(slices.Sorted(maps.Keys(theirs)), slices.Sorted(maps.Keys(ours))); diff != "" {
			t.Errorf("%s has other files (- cargo vendor, + lazybuild):\n%s", dir, diff)
		}
		for name, want := range theirs {
			if name != "Cargo.toml" && name != ".cargo-checksum.json" && ours[name] != want {
				t.Errorf("%s/%s holds %q, want %q", dir, name, ours[name], want)
			}
		}
		sameManifest(t, dir, theirs["Cargo.toml"], ours["Cargo.toml"])
		var sums struct {
			Files   map[string]string
			Package *string
		}
		if err := json.Unmarshal([]byte(ours[".cargo-checksum.json"]), &sums); err != nil || sums.Package != nil || len(sums.Files) != len(ours)-1 {
			t.Errorf("%s: the checksums are %+v (%v)", dir, sums, err)
		}
	}
	write(".cargo/config.toml", "[source.\"git+"+url+"\"]\ngit = \""+url+"\"\nreplace-with = \"ours\"\n[source.ours]\ndirectory = \"ours\"\n")
	if err := os.RemoveAll(filepath.Join(app, ".cargo-home")); err != nil {
		t.Fatal(err)
	}
	cargo("build", "--offline", "--locked")
}

// sameManifest compares what both say of the package and its dependencies.
func sameManifest(t *testing.T, dir, theirs, ours string) {
	t.Helper()
	var a, b map[string]any
	if err := toml.Unmarshal([]byte(theirs), &a); err != nil {
		t.Fatal(err)
	}
	if err := toml.Unmarshal([]byte(ours), &b); err != nil {
		t.Fatalf("%s: %v\n%s", dir, err, ours)
	}
	for _, key := range []string{"name", "version", "edition", "license", "authors", "readme"} {
		got, want := table(b, "package")[key], table(a, "package")[key]
		if key == "readme" && (want == false || got == nil) {
			continue // cargo finds README.md by itself, and writes false where there is none
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: package.%s (- cargo vendor, + lazybuild):\n%s", dir, key, diff)
		}
	}
	for _, key := range []string{"dependencies", "target"} {
		if diff := cmp.Diff(a[key], b[key]); diff != "" {
			t.Errorf("%s: %s (- cargo vendor, + lazybuild):\n%s", dir, key, diff)
		}
	}
	if strings.Contains(ours, "workspace = true") || dir != "root-lib-1.2.3" && strings.Contains(ours, "workspace") {
		t.Errorf("%s still needs a workspace:\n%s", dir, ours)
	}
}

func TestAPackageThatIsNotThere(t *testing.T) {
	w := newWorld(t)
	c := w.fetch("lib", w.repo("lib", workspace))
	for name, k := range map[string]Crate{
		"no package outermost":     {"outermost", ""},
		"version 1.2.3, not 2.0.0": {"outer", "2.0.0"},
		"version 0.1.0, not 9.0.0": {"plain", "9.0.0"},
	} {
		err := c.WriteCrate(context.Background(), io.Discard, k)
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("the error is %v, want %q in it", err, name)
		}
	}
}

func TestALinkedDirectoryIsCopied(t *testing.T) {
	w := newWorld(t)
	c := w.fetch("lib", w.repo("lib", map[string]string{
		"a/Cargo.toml": "[package]\nname = \"a\"\nversion = \"1.0.0\"\n",
		"a/src/lib.rs": "", "a/data": "-> ../shared/data", "a/loop": "-> loop", "a/self": "-> ../a", "a/away": "-> ../../etc",
		"shared/data/x": "x", "shared/data/deep/y": "y",
	}))
	dir := t.TempDir()
	w.crate(c, Crate{Name: "a"}, dir)
	want := []string{".cargo-checksum.json", "Cargo.toml", "data/deep/y", "data/x", "src/lib.rs"}
	if got := slices.Sorted(maps.Keys(filesOf(t, dir))); !slices.Equal(got, want) {
		t.Errorf("the files are %v, want %v", got, want)
	}
}

// Several packages of one repository cost one fetch.
func TestWhatIsKeptIsNotFetchedAgain(t *testing.T) {
	w := newWorld(t)
	commit := w.repo("lib", workspace)
	opt := w.options()
	kept := filepath.Join(t.TempDir(), "kept")
	made := 0
	opt.Keep = func(ctx context.Context, name string, produce func(context.Context, io.Writer) error) (*os.File, error) {
		if name != commit {
			t.Errorf("kept as %q", name)
		}
		if made > 0 {
			return os.Open(kept)
		}
		made++
		f, err := os.Create(kept)
		if err != nil {
			return nil, err
		}
		return f, produce(ctx, f)
	}
	var first []byte
	for _, k := range []Crate{{"outer", ""}, {"outer", ""}, {"inner", ""}} {
		c, err := Fetch(context.Background(), []string{w.url("lib")}, commit, opt)
		if err != nil {
			t.Fatal(err)
		}
		var b bytes.Buffer
		if err := c.WriteCrate(context.Background(), &b, k); err != nil {
			t.Fatal(err)
		}
		c.Close()
		if first == nil {
			first = b.Bytes()
		} else if k.Name == "outer" && !bytes.Equal(first, b.Bytes()) {
			t.Error("what was kept gives another package")
		}
	}
	if n := len(w.asked()); n != 2 {
		t.Errorf("%d requests, want 2", n)
	}
}
