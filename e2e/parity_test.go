//go:build e2e

package e2e

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lazybuild/lazybuild/e2e/prefetch"
	"github.com/lazybuild/lazybuild/e2e/realapp"
)

// Shows S29.
func TestImageIsTheSameAsAfterAPrefetch(t *testing.T) {
	s := newSample(t)
	s.sameAsPrefetched("the sample")
}

// sameAsPrefetched builds the project with lazybuild and, in a copy, the old
// way, and compares the images. It returns lazybuild's image.
func (p *project) sameAsPrefetched(what string) string {
	t := p.t
	t.Helper()
	// Before anything else, the copy: lazybuild must not have helped it.
	old := newProject(t, nil)
	old.env = p.env
	if err := os.CopyFS(old.dir, os.DirFS(p.dir)); err != nil {
		t.Fatal(err)
	}
	lazyImage, oldImage := p.image(), old.image()
	p.must("-f", "Containerfile", "-t", lazyImage, "--network=none", "--no-cache")

	mounts := old.prefetch()
	args := append([]string{"build", "-f", filepath.Join(old.dir, "Containerfile"), "-t", oldImage, "--network=none", "--no-cache"}, mounts...)
	podman(t, append(args, old.dir)...)

	if list := differences(files(t, oldImage), files(t, lazyImage)); len(list) > 0 {
		shown := strings.Join(list[:min(len(list), 10)], "\n")
		t.Errorf("%s: %d files differ after a prefetch (first) and with lazybuild (second):\n%s", what, len(list), shown)
	}
	if diff := cmp.Diff(config(t, oldImage), config(t, lazyImage)); diff != "" {
		t.Errorf("the configuration differs (- after a prefetch, + with lazybuild):\n%s", diff)
	}
	return lazyImage
}

// prefetch downloads all that the locks name, rewrites package-lock.json as
// Hermeto does, and returns podman's flags for the build.
func (p *project) prefetch() []string {
	t := p.t
	t.Helper()
	cmd := exec.Command(binary(), "tree", "--json", "-f", "Containerfile", ".")
	cmd.Dir = p.dir
	cmd.Env = append(os.Environ(), p.env...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		t.Fatalf("lazybuild tree: %v\n%s", err, errs.String())
	}
	entries, err := prefetch.ReadTree(&out)
	if err != nil {
		t.Fatal(err)
	}
	output := filepath.Join(p.onServer(), "output")
	if _, err := prefetch.Fetch(t.Context(), entries, output); err != nil {
		t.Fatal(err)
	}
	lockPath := filepath.Join(p.dir, "package-lock.json")
	lock, err := os.ReadFile(lockPath)
	if err != nil {
		t.Fatal(err)
	}
	if lock, err = prefetch.RewritePackageLock(lock, "/cachi2/output"); err != nil {
		t.Fatal(err)
	}
	env := filepath.Join(p.onServer(), "cachi2.env")
	for path, text := range map[string][]byte{lockPath: lock, env: []byte(prefetch.Env)} {
		if err := os.WriteFile(path, text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return []string{"--security-opt=label=disable", "-v", output + ":/cachi2/output", "-v", env + ":/cachi2/cachi2.env:ro"}
}

// TestRealApplication builds numpy, pandas, webpack and several hundred
// others from the indexes that this user has configured.
//
// Shows S29.
func TestRealApplication(t *testing.T) {
	app, err := realapp.Make(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	p := newProject(t, nil)
	if err := os.CopyFS(p.dir, os.DirFS(app.Before)); err != nil {
		t.Fatal(err)
	}
	image := p.sameAsPrefetched("the real application")
	if got := inImage(t, image, "python3 src/app.py && node src/app.js"); got == "" {
		t.Error("the application prints nothing")
	}
	p.goodStore()
}
