//go:build e2e

package e2e

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// manyGems is a lock that is long enough for its plan to be kept, and of which
// nothing is opened.
func manyGems(n int) string {
	var specs, sums strings.Builder
	for i := range n {
		fmt.Fprintf(&specs, "    gem-%d (1.0.0)\n", i)
		fmt.Fprintf(&sums, "  gem-%d (1.0.0) sha256=%064x\n", i, i+1)
	}
	return "GEM\n  remote: https://gems.example.org/\n  specs:\n" + specs.String() + "\nCHECKSUMS\n" + sums.String() + "\nBUNDLED WITH\n   2.5.22\n"
}

// The second build takes its plan from the first, the third must not.
func TestLargeLocksAreServedAsTheyAreNow(t *testing.T) {
	s := newSample(t)
	s.write("Gemfile.lock", manyGems(2000))
	image := s.image()
	args := []string{"-f", "Containerfile", "-t", image, "--network=none", "--no-cache"}
	for i, want := range []string{"tarball 1.0.0", "tarball 1.0.0", "tarball 2.0.0"} {
		if i == 2 {
			s.setTarball("2.0.0")
		}
		s.must(args...)
		if got := installed(t, image); !strings.Contains(got, want) {
			t.Errorf("build %d: the image holds %q, want %q in it", i+1, got, want)
		}
		plans, err := filepath.Glob(filepath.Join(s.store, "plans", "*.plan"))
		if err != nil || len(plans) != 1 {
			t.Errorf("build %d: %d plans are kept (%v), want one", i+1, len(plans), err)
		}
	}
}
