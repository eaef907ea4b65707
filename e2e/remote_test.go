//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// The tests run against a remote podman when CONTAINER_HOST or
// CONTAINER_CONNECTION names one. It has another root file system; what it
// shares with this one is the directory $LAZYBUILD_E2E_SHARED, which stands for
// what a user would have copied there for a build without lazybuild.
func isRemote() bool {
	return os.Getenv("CONTAINER_HOST") != "" || os.Getenv("CONTAINER_CONNECTION") != ""
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

// removeRemote removes what the tests have made there: it is all named after them.
func removeRemote() {
	_ = os.RemoveAll(filepath.Join(os.Getenv("LAZYBUILD_E2E_SHARED"), filepath.Base(work)))
	script := `podman image ls --format "{{.Repository}}" | grep ^localhost/lazybuild-test/project- | xargs -r podman rmi -f
podman volume ls --format "{{.Name}}" | grep ^lazy-e2e-project- | xargs -r podman volume rm -f`
	if out, err := exec.Command("sh", "-c", script).CombinedOutput(); err != nil && !strings.Contains(string(out), "no such") {
		fmt.Fprintf(os.Stderr, "e2e: cleaning up: %v: %s\n", err, out)
	}
}
