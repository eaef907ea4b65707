//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"
)

// notebooks is a project with a Makefile, component directories, flavours, locks
// in prefetch-input/ and pipelines in .tekton (testdata/makefile), as projects
// that build with Konflux have.
type notebooks struct {
	*rpmProject
}

// prefetchAll stands for such a project's own script: it makes cachi2/output.
const prefetchAll = `#!/bin/sh
set -eu
while [ $# -gt 0 ]; do
	case $1 in --component-dir) dir=$2 ;; --flavor) flavor=$2 ;; esac
	shift 2
done
exec "$LAZYBUILD" materialize --output cachi2/output -f "$dir/Containerfile.konflux.$flavor" .
`

func newNotebooks(t *testing.T) *notebooks {
	t.Helper()
	needImage(t, dnfImage)
	o := newRPMOrigin(t)
	n := &notebooks{&rpmProject{project: newProject(t, nil), origin: o, world: theWorld(t), base: dnfImage}}
	if err := os.CopyFS(n.dir, os.DirFS("testdata/makefile")); err != nil {
		t.Fatal(err)
	}
	for _, name := range transaction() {
		n.lock(name)
	}
	n.writeLock()
	n.move("rpms.lock.yaml", "prefetch-input/odh/rpms.lock.yaml")
	key := n.world.read(t, "KEY.asc")
	n.write("prefetch-input/odh/artifacts.lock.yaml", genericHead+generic("KEY.asc", o.add("keys/KEY.asc", key), key))
	for _, flavor := range []string{"cpu", "cuda"} {
		version := map[string]string{"cpu": "1.0.0", "cuda": "2.0.0"}[flavor]
		file, content := wheel(t, "lazysample", version, flavor)
		n.write("jupyter/minimal/uv.lock.d/pylock."+flavor+".toml", pylockHead+pylock("lazysample", version, file, o.add("wheels/"+file, content), content))
		n.write("jupyter/minimal/requirements."+flavor+".txt", "lazysample=="+version+"\n")
		n.write("jupyter/minimal/build-args/"+flavor+".conf", fmt.Sprintf("# images\nBASE_IMAGE=%s\nPYTHON_IMAGE=localhost/lazybuild-test/base:bookworm\nFLAVOR=%s\n", dnfImage, flavor))
	}
	content := tarball(t, "lazysample", "1.0.0", "from npm")
	manifest, lock := npmLock(t, npmPackage{"lazysample", "1.0.0", o.add("npm/lazysample/-/lazysample-1.0.0.tgz", content), integrity(content)})
	n.write("jupyter/utils/package.json", manifest)
	n.write("jupyter/utils/package-lock.json", lock)
	n.write(".git/HEAD", "ref: refs/heads/main\n")
	n.write("scripts/prefetch-all.sh", prefetchAll)
	if err := os.Chmod(filepath.Join(n.dir, "scripts/prefetch-all.sh"), 0o755); err != nil {
		t.Fatal(err)
	}
	return n
}

// move renames a file of the project.
func (p *project) move(from, to string) {
	p.t.Helper()
	p.write(to, p.read(from))
	if err := os.Remove(filepath.Join(p.dir, from)); err != nil {
		p.t.Fatal(err)
	}
}

// make runs a target of the Makefile with the lazybuild under test in PATH, and
// returns the name of the image.
func (n *notebooks) make(target string, more ...string) (image, output string) {
	n.t.Helper()
	registry := n.image()
	cmd := exec.Command("make", append([]string{target, "IMAGE_REGISTRY=" + registry, "BUILD_ARCH=linux/" + runtime.GOARCH}, more...)...)
	cmd.Dir = n.dir
	cmd.Env = append(os.Environ(), "LAZYBUILD="+binary(), "PATH="+filepath.Dir(binary())+":"+os.Getenv("PATH"),
		"LAZYBUILD_STORE="+n.store, "TMPDIR="+n.tmp, "LAZYBUILD_HERMETIC=true")
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Run(); err != nil {
		n.t.Fatalf("make %s: %v\n%s", target, err, out.String())
	}
	return registry + ":" + target, out.String()
}

// contents are what the image of a flavour has to show.
func (n *notebooks) contents(image string) string {
	n.t.Helper()
	return inImage(n.t, image, `cd /opt/app; PYTHONPATH=site python3 -c 'import lazysample; print(lazysample.VALUE)'; node -p 'require("lazysample")'; ls /usr/share/world | sort | tr "\n" " "`)
}

// TestMakefileNeedsTwoEdits: the prefetch line goes, "podman build" becomes
// lazybuild, and nothing else of the project changes.
func TestMakefileNeedsTwoEdits(t *testing.T) {
	n := newNotebooks(t)
	image, _ := n.make("jupyter-minimal")
	prefetched := n.contents(image)
	if err := os.RemoveAll(filepath.Join(n.dir, "cachi2")); err != nil {
		t.Fatal(err)
	}

	before := n.read("Makefile")
	withoutPrefetch := regexp.MustCompile(`(?m)^.*prefetch-all\.sh.*\n`).ReplaceAllString(before, "")
	n.write("Makefile", strings.ReplaceAll(withoutPrefetch, "$(CONTAINER_ENGINE) build", "lazybuild"))
	project := n.describe()
	n.store = filepath.Join(n.tmp, "store") // nothing is left of the prefetch
	n.origin.forget()
	image, output := n.make("jupyter-minimal")
	if got := n.contents(image); got != prefetched {
		t.Errorf("the image holds %q, after a prefetch %q\n%s", got, prefetched, output)
	}
	if strings.Contains(strings.Join(n.origin.count().names(), " "), "-2.0.0-") {
		t.Errorf("a file of another flavour was downloaded: %q", n.origin.count().names())
	}
	if got := n.describe(); got != project {
		t.Errorf("the project has changed:\n%s\nbefore:\n%s", got, project)
	}

	// The other flavour, with the engine's variable instead of the second edit.
	n.write("Makefile", withoutPrefetch)
	image, output = n.make("cuda-jupyter-minimal", "CONTAINER_ENGINE=lazybuild")
	if got, want := n.contents(image), strings.Replace(prefetched, "cpu", "cuda", 1); got != want || want == prefetched {
		t.Errorf("the other flavour's image holds %q, want %q\n%s", got, want, output)
	}
	n.goodStore()
}
