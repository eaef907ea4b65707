package ahead

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// testdata holds the names of all wheels in several real locks, and which of
// them pip's own code (packaging.tags, in pip 23.2) takes on x86_64.
func TestChoiceIsPipsOwn(t *testing.T) {
	packs := map[[2]string][]string{}
	for _, name := range readLines(t, "wheels.txt") {
		w, ok := parseWheel(name)
		if !ok {
			t.Fatalf("%q is no wheel", name)
		}
		if slices.ContainsFunc(w.platform, forX86) {
			packs[[2]string{w.name, w.version}] = append(packs[[2]string{w.name, w.version}], name)
		}
	}
	for _, c := range []struct{ minor, glibc int }{{9, 28}, {12, 28}, {13, 36}} {
		var got []string
		for _, names := range packs {
			wheels := make([]wheel, len(names))
			for i, name := range names {
				wheels[i], _ = parseWheel(name)
			}
			if i := best(wheels, cp(c.minor), c.glibc); i >= 0 {
				got = append(got, names[i])
			}
		}
		slices.Sort(got)
		want := readLines(t, fmt.Sprintf("pip-3.%d-glibc-2.%d.txt", c.minor, c.glibc))
		if !slices.Equal(got, want) {
			t.Errorf("3.%d, glibc 2.%d: too many: %v, missing: %v", c.minor, c.glibc, minus(got, want), minus(want, got))
		}
	}
}

func forX86(tag string) bool {
	return tag == "any" || strings.HasSuffix(tag, "_x86_64") && (strings.HasPrefix(tag, "manylinux") || strings.HasPrefix(tag, "linux"))
}

func readLines(t *testing.T, name string) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(data))
}

// minus returns what a has and b has not.
func minus(a, b []string) []string {
	set := map[string]bool{}
	for _, s := range a {
		set[s] = true
	}
	for _, s := range b {
		delete(set, s)
	}
	return slices.Sorted(maps.Keys(set))
}
