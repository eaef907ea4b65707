//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// goContainerfile builds as the images of Konflux do: any user, no network, and
// go's caches where lazybuild's environment puts them, in the directory itself.
const goContainerfile = `FROM localhost/lazybuild-test/base:bookworm
ENV PATH=/opt/go/bin:/usr/bin:/bin HOME=/tmp CGO_ENABLED=0
WORKDIR /src
COPY . .
USER 1001:0
RUN test "$GOPROXY" = file:///cachi2/output/deps/gomod/pkg/mod/cache/download && go build -o /tmp/app . && test -d "$GOMODCACHE/gopkg.in"
RUN GOFLAGS=-mod=readonly go list -m -json gopkg.in/yaml.v3 golang.org/x/mod >/tmp/modules.json
`

const goMain = `package main

import (
	"fmt"

	"golang.org/x/mod/semver"
	"gopkg.in/yaml.v3"
)

func main() {
	out, err := yaml.Marshal(map[string]string{"semver": semver.Canonical("v1.2")})
	fmt.Print(string(out), err, "\n")
}
`

// goProject is a module whose go.mod and go.sum the real go has made, from the
// proxy that this machine is configured for.
func goProject(t *testing.T, files map[string]string) *project {
	t.Helper()
	p := newProject(t, files)
	p.env = append(p.env, "GOWORK=", "GOFLAGS=")
	return p
}

// golang runs the host's go in a directory of the project.
func (p *project) golang(dir string, args ...string) {
	p.t.Helper()
	cmd := exec.Command("go", args...)
	cmd.Dir = filepath.Join(p.dir, dir)
	cmd.Env = append(os.Environ(), "GOFLAGS=", "GOTOOLCHAIN=local", "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("go %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}

// withGo mounts the host's go into the build.
func withGo(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatalf("go env: %v", err)
	}
	return []string{"--network=none", "--volume", strings.TrimSpace(string(out)) + ":/opt/go:ro"}
}

func TestGoBuildsOfflineFromALazyModuleCache(t *testing.T) {
	p := goProject(t, map[string]string{"Containerfile": goContainerfile, "main.go": goMain})
	p.golang("", "mod", "init", "example.org/app")
	// x/mod has a library of x/tools in its graph, of which no package is needed.
	p.golang("", "get", "golang.org/x/mod@v0.30.0", "gopkg.in/yaml.v3@v3.0.1")
	p.golang("", "mod", "tidy")
	r := p.must(append(withGo(t), "-t", p.image())...)
	if got := inImage(t, p.image(), "/tmp/app"); got != `semver: v1.2.0`+"\n<nil>" {
		t.Errorf("the program prints %q", got)
	}
	modules := inImage(t, p.image(), "cat /tmp/modules.json")
	if !strings.Contains(modules, `"Version": "v0.30.0"`) || strings.Contains(modules, `"Error"`) {
		t.Errorf("go list -m: %s", modules)
	}
	report := r.read()
	var zips int
	for _, f := range report.Opened {
		if strings.HasSuffix(f.Path, ".zip") {
			zips++
			if !strings.HasPrefix(f.Digest, "gozip:") {
				t.Errorf("%s was checked against %q", f.Path, f.Digest)
			}
		}
	}
	if zips != 2 {
		t.Errorf("%d archives were opened, want those of the two modules that are built: %+v", zips, report.Opened)
	}
	// The second build has all in the store.
	p.write("Containerfile", strings.Replace(goContainerfile, "go build -o /tmp/app .", "go list -deps . >/dev/null", 1))
	if again := p.must(append(withGo(t), "-t", p.image())...).read(); again.Fetched.Files != 0 {
		t.Errorf("the second build fetched %d files", again.Fetched.Files)
	}
}

// A proxy that sends other bytes than go.sum knows: no program sees one of them.
func TestGoArchivesThatDoNotMatchGoSumAreNotServed(t *testing.T) {
	o := newOrigin(t)
	p := goProject(t, map[string]string{
		"Containerfile": "FROM localhost/lazybuild-test/base:bookworm\n" +
			"RUN cat /cachi2/output/deps/gomod/pkg/mod/cache/download/example.org/m/@v/v1.0.0.zip >/dev/null\n",
		"go.mod": "module example.org/app\n\ngo 1.24\n\nrequire example.org/m v1.0.0\n",
		"go.sum": "example.org/m v1.0.0 h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n" +
			"example.org/m v1.0.0/go.mod h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n",
	})
	o.add("example.org/m/@v/v1.0.0.zip", []byte("<html>not an archive</html>"))
	p.env = append(p.env, "GOPROXY="+o.URL)
	r := p.build("--network=none")
	if r.code() == 0 || !strings.Contains(r.err.String(), "can't have the digest gozip:") {
		t.Errorf("exit code %d\n%s", r.code(), r)
	}
}

// A workspace of two modules, built in one of them.
func TestGoBuildsInAWorkspace(t *testing.T) {
	p := goProject(t, map[string]string{
		"Containerfile": strings.NewReplacer("go build -o /tmp/app .", "cd app && go build -o /tmp/app .").Replace(
			goContainerfile[:strings.LastIndex(goContainerfile, "RUN")]),
		"app/main.go": strings.NewReplacer(`"golang.org/x/mod/semver"`, `"example.org/lib"`, "semver.", "lib.").Replace(goMain),
		"lib/lib.go":  "package lib\n\nimport \"golang.org/x/mod/semver\"\n\nfunc Canonical(v string) string { return semver.Canonical(v) }\n",
		"app/go.mod":  "module example.org/app\n\ngo 1.24.0\n",
		"lib/go.mod":  "module example.org/lib\n\ngo 1.24.0\n",
	})
	p.golang("", "work", "init", "./app", "./lib")
	p.golang("lib", "get", "golang.org/x/mod@v0.30.0")
	p.golang("app", "get", "gopkg.in/yaml.v3@v3.0.1")
	p.golang("", "work", "sync")
	p.must(append(withGo(t), "-t", p.image())...)
	if got := inImage(t, p.image(), "/tmp/app"); got != `semver: v1.2.0`+"\n<nil>" {
		t.Errorf("the program prints %q", got)
	}
}
