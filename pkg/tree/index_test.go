package tree

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// names collide often and sort around "/", which is where an index over sorted
// paths goes wrong.
var names = rapid.SampledFrom([]string{"a", "a!", "a-b", "a.b", "a0", "ab", "b", "é", "z"})

var paths = rapid.Map(rapid.SliceOfN(names, 1, 4), func(s []string) string { return strings.Join(s, "/") })

// trees draws valid trees.
func trees(t *rapid.T) *Tree {
	var files []File
	var dirs []Dir
	for _, p := range rapid.SliceOfNDistinct(paths, 0, 40, rapid.ID[string]).Draw(t, "paths") {
		if rapid.IntRange(0, 9).Draw(t, "kind") == 0 {
			dirs = append(dirs, Dir{Path: p, Make: Recipe{Kind: "k", Args: map[string]string{"dir": p}}, Input: 1})
			continue
		}
		files = append(files, drawFile(t, p))
	}
	for {
		tr, err := Build(inputs, slices.Clone(files), slices.Clone(dirs))
		var conflict *ConflictError
		if err == nil {
			return tr
		}
		if !errors.As(err, &conflict) {
			t.Fatalf("Build: %v", err)
		}
		// Every conflict that Build reports must be a real one; without what it
		// names, the rest is tried again.
		n := len(files) + len(dirs)
		files = slices.DeleteFunc(files, func(f File) bool { return f.Path == conflict.Path })
		dirs = slices.DeleteFunc(dirs, func(d Dir) bool { return d.Path == conflict.Path })
		if len(files)+len(dirs) == n {
			t.Fatalf("Build names %q, which is not there", conflict.Path)
		}
	}
}

func drawFile(t *rapid.T, path string) File {
	f := File{
		Path: path, Size: rapid.Int64Range(SizeUnknown, 1<<40).Draw(t, "size"),
		Input: rapid.IntRange(0, 1).Draw(t, "input"), Rank: rapid.IntRange(0, 99).Draw(t, "rank"),
		Group: rapid.SampledFrom([]string{"", "g", "h"}).Draw(t, "group"), Fits: rapid.Bool().Draw(t, "fits"),
		URLs: rapid.SliceOfN(rapid.StringMatching(`https://example\.org/[a-c]{0,4}`), 0, 3).Draw(t, "urls"),
	}
	switch rapid.IntRange(0, 3).Draw(t, "what") {
	case 0:
		f.Content = []byte(rapid.String().Draw(t, "content"))
	case 1:
		f.Make = &Recipe{Kind: "k", Args: rapid.MapOfN(names, names, 0, 3).Draw(t, "args")}
		if rapid.Bool().Draw(t, "from") {
			f.Make.From = &File{Size: rapid.Int64Min(SizeUnknown).Draw(t, "size"), URLs: rapid.SliceOfN(names, 0, 2).Draw(t, "urls")}
		}
	case 2:
		f.Digest = rapid.SampledFrom([]digest.Digest{digestA, digestB, sha1A}).Draw(t, "digest")
	}
	return f
}

// model is the tree as a map from directories to names, made the simple way.
func model(t *Tree) map[string][]string {
	dirs := map[string][]string{"": nil}
	add := func(path string) {
		for {
			parent := path[:max(strings.LastIndexByte(path, '/'), 0)]
			name := strings.TrimPrefix(strings.TrimPrefix(path, parent), "/")
			if slices.Contains(dirs[parent], name) {
				return
			}
			dirs[parent] = append(dirs[parent], name)
			if path = parent; path == "" {
				return
			}
		}
	}
	for i := range t.Files {
		add(t.Files[i].Path)
	}
	for i := range t.Dirs {
		add(t.Dirs[i].Path)
	}
	for _, list := range dirs {
		slices.Sort(list)
	}
	return dirs
}

func TestIndexAgreesWithAMapOfAllPaths(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := trees(t)
		ix, want := tr.Index(), model(tr)
		for dir, list := range want {
			var got []string
			for _, e := range ix.ReadDir(dir) {
				got = append(got, e.Name)
				full := strings.TrimPrefix(dir+"/"+e.Name, "/")
				if found, ok := ix.Lookup(full); !ok || found != e {
					t.Fatalf("Lookup(%q) = %v, %v; ReadDir says %v", full, found, ok, e)
				}
				if _, isDir := want[full]; isDir != (e.IsDir() && e.Dir == nil) {
					t.Fatalf("%q: IsDir is %v", full, e.IsDir())
				}
				if e.File != nil && e.File.Path != full || e.Dir != nil && e.Dir.Path != full {
					t.Fatalf("the entry %q points elsewhere", full)
				}
			}
			if diff := cmp.Diff(list, got); diff != "" {
				t.Fatalf("ReadDir(%q): %s", dir, diff)
			}
		}
		probe := paths.Draw(t, "probe")
		parent, name := probe[:max(strings.LastIndexByte(probe, '/'), 0)], probe[strings.LastIndexByte(probe, '/')+1:]
		if _, ok := ix.Lookup(probe); ok != slices.Contains(want[parent], name) {
			t.Fatalf("Lookup(%q) = %v", probe, ok)
		}
	})
}

func TestWalkVisitsDirectoriesBeforeTheirEntries(t *testing.T) {
	tr := mustBuild(t, []File{{Path: "a/b/c"}, {Path: "a-b"}, {Path: "a/d"}}, []Dir{{Path: "a/b/gen"}})
	var got []string
	for path, e := range tr.Index().Walk("") {
		if e.IsDir() {
			path += "/"
		}
		got = append(got, path)
	}
	if diff := cmp.Diff([]string{"a/", "a/b/", "a/b/c", "a/b/gen/", "a/d", "a-b"}, got); diff != "" {
		t.Error(diff)
	}
	for path := range tr.Index().Walk("a") {
		if path != "a/b" {
			t.Errorf("the walk below a starts with %q", path)
		}
		break
	}
}

func TestIndexFindsNothingWhereNothingIs(t *testing.T) {
	ix := mustBuild(t, []File{{Path: "a/b"}}, []Dir{{Path: "g"}}).Index()
	for _, p := range []string{"a/", "/a", "a/b/c", "a/bb", "b", "g/x", "/", "a//b"} {
		if e, ok := ix.Lookup(p); ok {
			t.Errorf("Lookup(%q) = %v", p, e)
		}
		if list := ix.ReadDir(p); list != nil {
			t.Errorf("ReadDir(%q) = %v", p, list)
		}
	}
	if list := (&Tree{}).Index().ReadDir(""); list != nil {
		t.Errorf("the empty tree has %v", list)
	}
}
