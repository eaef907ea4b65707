//go:build linux

package mount

import (
	"path"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// walk returns every path below a directory by way of listings and lookups.
func walk(t *rapid.T, dir *node, prefix string) []string {
	var all []string
	if !slices.IsSortedFunc(dir.dir.entries, func(a, b entry) int { return strings.Compare(a.name, b.name) }) {
		t.Fatalf("the entries of %q are not sorted", prefix)
	}
	for _, e := range dir.dir.entries {
		name := path.Join(prefix, e.name)
		if find(dir.dir.entries, e.name) != e.node {
			t.Fatalf("lookup of %q does not find what the listing has", name)
		}
		if e.node.parent != dir {
			t.Fatalf("%q does not know its parent", name)
		}
		if e.node.dir != nil {
			all = append(all, walk(t, e.node, name)...)
		} else {
			all = append(all, name)
		}
	}
	return all
}

func TestTableHoldsExactlyTheTreesPaths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		// Directories are d…, files are f…: no path is both.
		segments := rapid.SliceOfN(rapid.StringMatching(`d[a-c.-]{0,2}`), 0, 3)
		name := rapid.StringMatching(`f[a-c.-]{0,3}`)
		want := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) string {
			return path.Join(path.Join(segments.Draw(t, "dirs")...), name.Draw(t, "name"))
		}), 0, 40, rapid.ID).Draw(t, "paths")
		tr := &tree.Tree{}
		for _, p := range want {
			tr.Files = append(tr.Files, tree.File{Path: p})
		}
		tab, err := newTable(tr)
		if err != nil {
			t.Fatal(err)
		}
		got := walk(t, tab.get(rootID), "")
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Fatalf("got %q, want %q", got, want)
		}
		for id, n := range tab.nodes {
			if n.id != uint64(id)+rootID || tab.get(n.id) != n {
				t.Fatalf("node %d is in place %d", n.id, id)
			}
		}
		if tab.get(0) != nil || tab.get(uint64(len(tab.nodes))+rootID) != nil {
			t.Fatal("an ID that was never given out has a node")
		}
	})
}
