//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// The RPMs of the tests: built by rpmbuild, signed by rpmsign, with what a
// transaction can depend on. Making them takes a minute, so they are kept
// outside the repository under a name that says what they are made from.
const (
	fillers = 780 // packages of which no test installs any
	apps    = 36  // packages that installing app1 brings in
	extras  = 2   // packages that a lock gets later
)

const worldSpec = `Name: world
Version: 1.0
Release: 1.el9
Summary: The packages of the tests
License: MIT
BuildArch: noarch
%%global _binary_payload w1.gzdio
%%description
The packages of the tests.
%%install
dir=%%{buildroot}/usr/share/world
mkdir -p $dir/many %%{buildroot}/etc
%s`

const streamSpec = `Name: streamtool
Version: %{stream}
Release: 1.module_el9
Summary: A package of a module
License: MIT
BuildArch: noarch
ModularityLabel: tool:%{stream}:20240101:c0ffee00
%description
A package of a module.
%install
mkdir -p %{buildroot}/usr/share/streamtool
head -c 40000 /dev/urandom > %{buildroot}/usr/share/streamtool/data
echo %{stream} > %{buildroot}/usr/share/streamtool/version
%files
/usr/share/streamtool
`

// modulesYAML describes the module tool with two streams, none the default.
const modulesYAML = `---
document: modulemd
version: 2
data:
  name: tool
  stream: "%[1]d"
  version: 20240101
  context: c0ffee00
  arch: noarch
  summary: A module of the tests
  description: A module of the tests
  license: {module: [MIT], content: [MIT]}
  artifacts:
    rpms: ["streamtool-0:%[1]d-1.module_el9.noarch"]
...
`

// spec writes world.spec. app1 needs all other apps in the ways in which an RPM
// can need another: by name, version, file, pre-requirement, rich dependency.
func spec() string {
	var install, packages strings.Builder
	add := func(name, files, tags string) {
		fmt.Fprintf(&packages, "%%package -n %[1]s\nSummary: Package %[1]s\n%[2]s%%description -n %[1]s\nPackage %[1]s — žluťoučký.\n%%files -n %[1]s\n%[3]s\n", name, tags, files)
	}
	// More than a header request brings, so that ranges and files differ.
	data := func(name string) string {
		fmt.Fprintf(&install, "head -c 49152 /dev/urandom > $dir/%s\n", name)
		return "/usr/share/world/" + name
	}
	for i := range fillers {
		name := fmt.Sprintf("filler%d", i)
		add(name, data(name), "")
	}
	for i := range extras {
		name := fmt.Sprintf("extra%d", i)
		add(name, data(name), "")
	}
	install.WriteString("for i in $(seq 3000); do echo $i > $dir/many/a-long-name-for-a-small-file-$i; done\n")
	add("manyfiles", "/usr/share/world/many", "")
	for i := 1; i <= apps; i++ {
		name, next := fmt.Sprintf("app%d", i), fmt.Sprintf("app%d", i+1)
		tags := map[int]string{
			0: "Requires: " + next + "\n", 1: "Requires: " + next + " = 1.0-1.el9\n", 2: "Requires: /usr/share/world/" + next + "\n",
			3: "Requires(post): " + next + "\n", 4: "Requires: (" + next + " or nothing-of-that-name)\n", 5: "Recommends: " + next + "\n",
		}[i%6]
		if i == apps {
			tags = "Requires: manyfiles\nEpoch: 0\n"
		}
		files := data(name)
		add(name, files, tags)
		if i%6 == 3 {
			fmt.Fprintf(&packages, "%%post -n %s -p <lua>\nassert(io.open(\"/usr/share/world/%s\"))\n", name, next)
		}
	}
	return fmt.Sprintf(worldSpec, install.String()) + packages.String()
}

// world is a directory of signed RPMs, and KEY.asc with the key.
type world struct {
	dir  string
	rpms []string // file names
}

// theWorld makes or finds the RPMs, once for all tests.
func theWorld(t *testing.T) *world {
	t.Helper()
	w, err := onceWorld()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

var onceWorld = sync.OnceValues(func() (*world, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return nil, err
	}
	dir := filepath.Join(cache, "lazybuild-dev", "rpms-"+sha256Hex([]byte(spec() + streamSpec))[:12])
	if _, err := os.Stat(dir); err != nil {
		if err := makeWorld(dir); err != nil {
			return nil, fmt.Errorf("making the RPMs of the tests (needs rpmbuild, rpmsign and gpg): %w", err)
		}
	}
	w := &world{dir: dir}
	found, err := filepath.Glob(filepath.Join(dir, "*.rpm"))
	for _, path := range found {
		w.rpms = append(w.rpms, filepath.Base(path))
	}
	return w, err
})

func makeWorld(dir string) error {
	top := dir + ".part"
	defer os.RemoveAll(top)
	home := filepath.Join(top, "gnupg")
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(top, "world.spec"), []byte(spec()), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(top, "stream.spec"), []byte(streamSpec), 0o644); err != nil {
		return err
	}
	cmd := exec.Command("sh", "-euc", `
		gpg --batch --quiet --pinentry-mode loopback --passphrase '' --quick-generate-key 'Packager of the tests <packager@example.org>' rsa2048 sign never
		gpg --export --armor > KEY.asc
		build="rpmbuild -bb --quiet --nodeps --define '_topdir $PWD/top'"
		eval "$build world.spec"
		for stream in 1 2; do eval "$build --define 'stream $stream' stream.spec"; done
		cp top/RPMS/noarch/extra0-*.rpm unsigned
		# Debian's rpm looks for gpg2, which Debian does not have.
		rpmsign --define '_gpg_name packager@example.org' --define "__gpg $(command -v gpg)" --addsign top/RPMS/noarch/*.rpm >/dev/null
		gpgconf --kill all
		mv KEY.asc unsigned top/RPMS/noarch/`)
	cmd.Dir = top
	cmd.Env = append(os.Environ(), "GNUPGHOME="+home, "LC_ALL=C.UTF-8")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return os.Rename(filepath.Join(top, "top", "RPMS", "noarch"), dir)
}

// read returns a file of the world.
func (w *world) read(t *testing.T, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(w.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}
