//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// cargoImage has cargo and rustc inside; hack/image-lang.sh makes it.
const cargoImage = "localhost/lazybuild-test/cargo:trixie"

// num-traits has a build script, which needs autocfg.
const cargoToml = `[package]
name = "app"
version = "0.1.0"
edition = "2021"
rust-version = "1.85"

[dependencies]
itoa = "=1.0.15"
num-traits = "=0.2.19"
`

const cargoMain = `fn main() {
    let n: u64 = num_traits::pow(7, 3);
    println!("{}", itoa::Buffer::new().format(n));
}
`

const cargoContainerfile = `FROM localhost/lazybuild-test/cargo:trixie
ENV CARGO_HOME=/tmp/cargo CARGO_TARGET_DIR=/tmp/target
WORKDIR /src
COPY . .
USER 1001:0
RUN cargo build --offline --locked && cp /tmp/target/debug/app /tmp/app
RUN cp -r /cachi2/output/deps/cargo /tmp/vendored
`

// cargo runs the host's cargo in the project, or where there is none that of the
// image, with the host's network.
func (p *project) cargo(args ...string) {
	p.t.Helper()
	cmd := exec.Command("cargo", args...)
	if _, err := exec.LookPath("cargo"); err != nil {
		run := []string{"run", "--rm", "--network=host", "--volume", work + ":" + work, "--workdir", p.dir, cargoImage, "cargo"}
		cmd = exec.Command("podman", append(run, args...)...)
	}
	cmd.Dir = p.dir
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("cargo %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// The lock and the directory to compare with are made by the real cargo, from
// the registry that this machine is configured for.
func TestCargoBuildsOfflineFromCratesThatAreUnpackedOnFirstUse(t *testing.T) {
	needImage(t, cargoImage)
	p := newProject(t, map[string]string{
		"Containerfile": cargoContainerfile, "Cargo.toml": cargoToml, "src/main.rs": cargoMain,
		".cargo/config.toml": "[term]\nquiet = true\n",
	})
	p.cargo("generate-lockfile")
	r := p.must("--network=none", "-t", p.image())
	if got := inImage(t, p.image(), "/tmp/app"); got != "343" {
		t.Errorf("the program prints %q", got)
	}
	if n := r.read().Fetched.Files; n != 3 {
		t.Errorf("%d files were fetched, want the three crates", n)
	}
	vendored := filepath.Join(filepath.Dir(p.dir), "vendored")
	p.cargo("vendor", "--locked", "--versioned-dirs", vendored)
	const list = "find . -type f -exec sha256sum {} + | sort -k2; find . -type f -perm /111"
	out, err := exec.Command("sh", "-euc", "cd "+vendored+" && "+list).Output()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := inImage(t, p.image(), "cd /tmp/vendored && "+list), strings.TrimSpace(string(out)); got != want {
		t.Errorf("lazybuild unpacks\n%s\ncargo vendor\n%s", got, want)
	}
	// A plan that needs no network, and a build that has all in the store.
	p.write("src/main.rs", cargoMain+"// again\n")
	p.env = append(p.env, "HTTPS_PROXY=http://127.0.0.1:1", "HTTP_PROXY=http://127.0.0.1:1")
	if again := p.must("--network=none", "-t", p.image()).read(); again.Fetched.Files != 0 {
		t.Errorf("the second build fetched %d files", again.Fetched.Files)
	}
}

// crateFile is a package without dependencies, packed as cargo does it.
func crateFile(t *testing.T, name, version, code string) []byte {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	archive := tar.NewWriter(zip)
	for _, f := range []struct{ path, text string }{
		{"Cargo.toml", fmt.Sprintf("[package]\nname = %q\nversion = %q\nedition = \"2021\"\n", name, version)},
		{"src/lib.rs", code},
	} {
		h := &tar.Header{Name: name + "-" + version + "/" + f.path, Mode: 0o644, Size: int64(len(f.text))}
		if err := archive.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		archive.Write([]byte(f.text))
	}
	archive.Close()
	zip.Close()
	return b.Bytes()
}

// A registry of the project's own, whose index says where its crates are.
func TestCargoTakesCratesFromARegistryOfTheProjectsOwn(t *testing.T) {
	needImage(t, cargoImage)
	o := newOrigin(t)
	good := crateFile(t, "greet", "1.0.0", "pub fn hello() -> &'static str { \"hello from our own registry\" }\n")
	o.add("index/config.json", []byte(`{"dl": "`+o.URL+`/dl/{crate}-{version}.crate"}`))
	o.add("dl/greet-1.0.0.crate", good)
	source := "sparse+" + o.URL + "/index/"
	lock := func(sum string) string {
		return fmt.Sprintf("version = 3\n\n[[package]]\nname = \"app\"\nversion = \"0.1.0\"\ndependencies = [\n \"greet\",\n]\n\n"+
			"[[package]]\nname = \"greet\"\nversion = \"1.0.0\"\nsource = %q\nchecksum = %q\n", source, sum)
	}
	p := newProject(t, map[string]string{
		"Containerfile":                        strings.TrimSuffix(cargoContainerfile, "RUN cp -r /cachi2/output/deps/cargo /tmp/vendored\n"),
		"Cargo.toml":                           "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\n[dependencies]\ngreet = { version = \"1\", registry = \"own\" }\n",
		"src/main.rs":                          "fn main() { println!(\"{}\", greet::hello()); }\n",
		"Cargo.lock":                           lock(sha256Hex(good)),
		filepath.Join(".cargo", "config.toml"): "[registries.own]\nindex = \"" + source + "\"\n",
	})
	p.must("--network=none", "-t", p.image())
	if got := inImage(t, p.image(), "/tmp/app"); got != "hello from our own registry" {
		t.Errorf("the program prints %q", got)
	}
	if o.count("index/config.json") != 1 || o.count("dl/greet-1.0.0.crate") != 1 {
		t.Errorf("asked for %q", o.paths())
	}
	// What the lock does not know is not unpacked.
	p.write("Cargo.lock", lock(strings.Repeat("0", 64)))
	r := p.build("--network=none")
	if r.code() == 0 || !strings.Contains(r.err.String(), "content has the digest sha256:") {
		t.Errorf("exit code %d\n%s", r.code(), r)
	}
}

// A package of a repository with several, in a git repository of the test's own.
func TestCargoTakesPackagesFromGit(t *testing.T) {
	needImage(t, cargoImage)
	h := newGitHost(t)
	payload := nonce()
	repo, commit := h.repository("crates", map[string]string{
		"Cargo.toml":         "[workspace]\nmembers = [\"one\", \"two\"]\nresolver = \"2\"\n\n[workspace.package]\nversion = \"0.3.0\"\nedition = \"2021\"\n",
		"one/Cargo.toml":     "[package]\nname = \"one\"\nversion.workspace = true\nedition.workspace = true\n\n[dependencies]\ntwo = { path = \"../two\" }\n",
		"one/src/lib.rs":     "pub fn say() -> String { format!(\"one {}\", two::say()) }\n",
		"two/Cargo.toml":     "[package]\nname = \"two\"\nversion.workspace = true\nedition.workspace = true\n",
		"two/src/lib.rs":     "pub fn say() -> &'static str { \"" + payload + "\" }\n",
		"unused/nothing.txt": "x",
	})
	p := newProject(t, map[string]string{
		"Containerfile": strings.TrimSuffix(cargoContainerfile, "RUN cp -r /cachi2/output/deps/cargo /tmp/vendored\n"),
		"Cargo.toml":    "[package]\nname = \"app\"\nversion = \"0.1.0\"\nedition = \"2021\"\nrust-version = \"1.85\"\n\n[dependencies]\none = { git = \"" + repo + "\", rev = \"" + commit + "\" }\n",
		"src/main.rs":   "fn main() { println!(\"{}\", one::say()); }\n",
	})
	p.cargo("generate-lockfile")
	p.must("--network=none", "-t", p.image())
	if got := inImage(t, p.image(), "/tmp/app"); got != "one "+payload {
		t.Errorf("the program prints %q", got)
	}
}
