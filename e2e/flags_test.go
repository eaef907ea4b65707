//go:build e2e

package e2e

import (
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/orchestrator/cmdline"
)

// A flag that the tables read differently than podman does would take the wrong
// word for the build context.
//
// Shows S32.
func TestFlagTablesFitThisPodman(t *testing.T) {
	help := func(words ...string) string {
		out, err := exec.Command("podman", append(words, "--help")...).Output()
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	build, global := help("build"), help()
	if n := len(cmdline.HelpFlags(build)); n < 60 {
		t.Errorf("found %d flags in podman build --help: it is not read well\n%s", n, build)
	}
	if n := len(cmdline.HelpFlags(global)); n < 15 {
		t.Errorf("found %d flags in podman --help: it is not read well\n%s", n, global)
	}
	for _, m := range cmdline.Missing(build, global) {
		t.Error(m)
	}
}

// A podman of another storage needs to be told so twice: for the build and for
// the proxy container.
//
// Shows S32.
func TestGlobalFlagsReachBuildAndProxy(t *testing.T) {
	root := []string{"--root", work + "/other", "--runroot=" + work + "/otherrun", "--storage-opt", "overlay.imagestore=" + baseStore, "--log-level", "error"}
	for name, words := range map[string]struct{ before, after []string }{
		// Not --noout, which is for the build alone (pkg/orchestrator tests that):
		// podman 4.3 cannot write the image's ID then, and fails by itself.
		"before build": {before: append(slices.Clone(root), "build")},
		"after build":  {after: root},
	} {
		t.Run(name, func(t *testing.T) {
			s := generically(t, "RUN cp /cachi2/output/deps/generic/data.bin /data\n")
			before := s.take()
			args := append(words.before, "-f", "Containerfile", "-t", s.image(), "--network=none")
			r := s.startAs(append(args, words.after...)...)
			r.wait()
			if r.code() != 0 {
				t.Fatalf("exit code %d\n%s", r.code(), r)
			}
			here, _ := exec.Command("podman", "images", "--noheading", s.image()).Output()
			there, err := exec.Command("podman", append(root, "images", "--noheading", s.image())...).Output()
			if err != nil || len(strings.TrimSpace(string(here))) > 0 || len(there) == 0 {
				t.Errorf("the image is in the wrong storage: %q here, %q there, %v", here, there, err)
			}
			s.nothingLeft(before)
		})
	}
}
