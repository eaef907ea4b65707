//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/e2e/realapp"
)

// The tests run against a remote podman when CONTAINER_HOST or
// CONTAINER_CONNECTION names one. It has another root file system; what it
// shares with this one is the directory $LAZYBUILD_E2E_SHARED, which stands for
// what a user would have copied there for a build without lazybuild.
func isRemote() bool {
	return os.Getenv("CONTAINER_HOST") != "" || os.Getenv("CONTAINER_CONNECTION") != ""
}

// useService makes a service of hack/podman-service.sh the test's podman.
func useService(t *testing.T, name string) {
	t.Helper()
	t.Setenv("CONTAINER_CONNECTION", "")
	if err := os.Unsetenv("CONTAINER_CONNECTION"); err != nil { // podman heeds an empty one
		t.Fatal(err)
	}
	t.Setenv("CONTAINER_HOST", "unix://"+filepath.Join(os.Getenv("LAZYBUILD_E2E_SHARED"), name+".sock"))
	t.Cleanup(removeRemote) // before the cell's own podman is back
}

// onServer is a directory that podman sees at the same path.
func (p *project) onServer() string {
	if !isRemote() {
		return p.tmp
	}
	dir := filepath.Join(os.Getenv("LAZYBUILD_E2E_SHARED"), filepath.Base(work), p.name())
	if err := os.MkdirAll(dir, 0o755); err != nil {
		p.t.Fatal(err)
	}
	return dir
}

// look prints what a build can leave on podman's machine: mounts that carry a
// build's ID, in every mount namespace, and what RUNs and lazybuild have started;
// directories of builds, buildah's and its OCI runtime's.
const look = `cat /proc/[0-9]*/mountinfo 2>/dev/null | grep -E "lazybuild[-/][0-9a-f]{12}-" | awk '{print "mount", $5}'
for p in /proc/[0-9]*; do
	a=$(tr '\0' ' ' <$p/cmdline 2>/dev/null) || continue
	case $a in "sleep $1 "|"/bin/sh -c "*"sleep $1"*|*lazybuild\ proxy*|*lazybuild\ clean*) echo "process ${p#/proc/} $a" ;; esac
done
ls -d /machine/run/lazybuild/*-* /machine/run/user/*/lazybuild/*-* /machine/var/tmp/buildah[0-9]* \
	/machine/run/crun/buildah-* /machine/run/runc/buildah-* /machine/run/user/*/crun/buildah-* /machine/run/user/*/runc/buildah-* 2>/dev/null | sed 's/^/file /'`

// there adds what is on podman's machine. The container that looks sees all of
// the service's user's processes.
func (s snapshot) there(t *testing.T) {
	t.Helper()
	out := podman(t, "run", "--rm", "--network=none", "--privileged", "--pid=host", "-v", "/run:/machine/run", "-v", "/var/tmp:/machine/var/tmp",
		realapp.BaseImage, "sh", "-c", look, "look", runMarker())
	for line := range strings.Lines(out) {
		s["there: "+strings.TrimSpace(line)] = true
	}
}

// removeRemote removes what the tests have made there: it is all named after them.
func removeRemote() {
	_ = os.RemoveAll(filepath.Join(os.Getenv("LAZYBUILD_E2E_SHARED"), filepath.Base(work)))
	script := `podman image ls --format "{{.Repository}}" | grep ^localhost/lazybuild-test/project- | xargs -r podman rmi -f
podman volume ls --format "{{.Name}}" | grep ^lazy-e2e-project- | xargs -r podman volume rm -f`
	if out, err := exec.Command("sh", "-c", script).CombinedOutput(); err != nil && !strings.Contains(string(out), "no such") {
		fmt.Fprintf(os.Stderr, "e2e: cleaning up: %v: %s\n", err, out)
	}
}
