//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
)

// Images with rpm and dnf 4 or dnf 5 inside; hack/image-rpm.sh makes them.
const (
	dnfImage  = "localhost/lazybuild-test/dnf:bookworm"
	dnf5Image = "localhost/lazybuild-test/dnf5:sid"
)

// rpmArch is this machine's architecture as RPM calls it.
var rpmArch = map[string]string{"amd64": "x86_64", "arm64": "aarch64", "s390x": "s390x", "ppc64le": "ppc64le"}[runtime.GOARCH]

// locked is one entry of an rpms.lock.yaml.
type locked struct {
	repoid, url, sum string
	size             int
}

// rpmProject is a project with an rpms.lock.yaml of the world's packages.
type rpmProject struct {
	*project
	origin  *rpmOrigin
	world   *world
	entries []locked
	modules *locked
	base    string
}

// newRPMProject locks all packages of the world but the extras, in two
// repositories and a modular one.
func newRPMProject(t *testing.T, o *rpmOrigin) *rpmProject {
	t.Helper()
	needImage(t, dnfImage)
	p := &rpmProject{project: newProject(t, nil), origin: o, world: theWorld(t), base: dnfImage}
	for _, name := range p.world.rpms {
		if !strings.HasPrefix(name, "extra") {
			p.lock(name)
		}
	}
	if len(p.entries) < 800 {
		t.Fatalf("the lock has only %d packages", len(p.entries))
	}
	yaml := fmt.Appendf(nil, modulesYAML, 1)
	yaml = fmt.Appendf(yaml, modulesYAML, 2)
	p.modules = &locked{"modular", o.add("modular/modules.yaml", yaml), sha256Hex(yaml), len(yaml)}
	p.write("KEY.asc", string(p.world.read(t, "KEY.asc")))
	p.writeLock()
	return p
}

// needImage fails where an image is missing: a skipped test would look passed.
func needImage(t *testing.T, image string) {
	t.Helper()
	if err := exec.Command("podman", "image", "exists", image).Run(); err != nil {
		t.Fatalf("there is no image %s: run make setup, or the script of hack/ that makes it", image)
	}
}

// repoOf is the repository that has a package.
func repoOf(file string) string {
	switch {
	case strings.HasPrefix(file, "app"), strings.HasPrefix(file, "extra"):
		return "appstream"
	case strings.HasPrefix(file, "streamtool"):
		return "modular"
	}
	return "baseos"
}

// lock adds a package of the world to the origin and the lock.
func (p *rpmProject) lock(name string) {
	p.t.Helper()
	content := p.world.read(p.t, name)
	repoid := repoOf(name)
	p.entries = append(p.entries, locked{repoid, p.origin.add(repoid+"/"+name, content), sha256Hex(content), len(content)})
}

// publish has createrepo_c make the metadata of a repository.
func (p *rpmProject) publish(repoid string) {
	p.t.Helper()
	dir := p.t.TempDir()
	for _, name := range p.world.rpms {
		if repoOf(name) != repoid {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, name), p.world.read(p.t, name), 0o644); err != nil {
			p.t.Fatal(err)
		}
	}
	if out, err := exec.Command("createrepo_c", "--quiet", "--no-database", dir).CombinedOutput(); err != nil {
		p.t.Fatalf("createrepo_c: %v\n%s", err, out)
	}
	made, err := filepath.Glob(filepath.Join(dir, "repodata", "*"))
	if err != nil {
		p.t.Fatal(err)
	}
	for _, file := range made {
		data, err := os.ReadFile(file)
		if err != nil {
			p.t.Fatal(err)
		}
		p.origin.add(repoid+"/repodata/"+filepath.Base(file), data)
	}
}

// writeLock writes rpms.lock.yaml, with another architecture of which no build
// may ask anything.
func (p *rpmProject) writeLock() {
	var b strings.Builder
	fmt.Fprintf(&b, "lockfileVersion: 1\nlockfileVendor: redhat\narches:\n- arch: other\n  packages:\n  - url: %s/other/other-1-1.noarch.rpm\n    repoid: other\n", p.origin.URL)
	fmt.Fprintf(&b, "- arch: %s\n  packages:\n", rpmArch)
	for _, e := range p.entries {
		fmt.Fprintf(&b, "  - url: %s\n    repoid: %s\n    size: %d\n    checksum: sha256:%s\n", e.url, e.repoid, e.size, e.sum)
	}
	b.WriteString("  source: []\n")
	if m := p.modules; m != nil {
		fmt.Fprintf(&b, "  module_metadata:\n  - url: %s\n    repoid: %s\n    size: %d\n    checksum: sha256:%s\n", m.url, m.repoid, m.size, m.sum)
	}
	p.write("rpms.lock.yaml", b.String())
}

// runs writes a Containerfile that imports the packager's key and then runs the
// commands. The nonce keeps podman from knowing its layers.
func (p *rpmProject) runs(commands ...string) {
	text := "FROM " + p.base + "\nCOPY KEY.asc /KEY.asc\nRUN rpm --import /KEY.asc && echo " + nonce() + "\n"
	for _, c := range commands {
		text += "RUN " + c + "\n"
	}
	p.write("Containerfile", text)
}

// hermetic are the arguments of every build here; lazybuild's read-ahead is as
// users have it.
func (p *rpmProject) hermetic(more ...string) []string {
	return append([]string{"-f", "Containerfile", "--network=none"}, more...)
}

// transaction lists the files that installing app1 takes.
func transaction() (list []string) {
	for i := 1; i <= apps; i++ {
		list = append(list, fmt.Sprintf("app%d-1.0-1.el9.noarch.rpm", i))
	}
	list = append(list, "manyfiles-1.0-1.el9.noarch.rpm")
	slices.Sort(list)
	return list
}

// differs fails unless two lists are equal.
func differs(t *testing.T, what string, got, want []string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}
