package ahead

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// makeTree makes a tree of paths. "!" in front says that the platform can't use
// the file; the order is the lock's. Each input type is a group.
func makeTree(t testing.TB, inputs map[string]string) *tree.Tree {
	t.Helper()
	var ins []tree.Input
	var files []tree.File
	var dirs []tree.Dir
	for _, typ := range []string{"pip", "npm", "rpm", "generic"} {
		paths, ok := inputs[typ]
		if !ok {
			continue
		}
		for rank, p := range strings.Fields(paths) {
			path := strings.TrimPrefix(p, "!")
			files = append(files, tree.File{
				Path: path, Size: tree.SizeUnknown, Digest: digest.FromBytes([]byte(path)), URLs: []string{"https://example.org/" + path},
				Input: len(ins), Group: typ, Fits: path == p, Rank: rank,
			})
		}
		if typ == "rpm" {
			dirs = append(dirs, tree.Dir{Path: "repo/repodata", Input: len(ins), Make: tree.Recipe{Kind: "repodata"}})
		}
		ins = append(ins, tree.Input{Type: typ, Lock: typ})
	}
	files = append(files, tree.File{Path: "generated", Content: []byte("x"), Group: "npm"})
	tr, err := tree.Build(ins, files, dirs)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func open(t testing.TB, g *Guide, path string) {
	t.Helper()
	f, ok := g.tree.Lookup(path)
	if !ok {
		t.Fatalf("no %q", path)
	}
	g.Opened(f)
}

func rest(g *Guide) string {
	var paths []string
	for f := g.Next(); f != nil; f = g.Next() {
		paths = append(paths, f.Path)
	}
	return strings.Join(paths, " ")
}

func wants(t testing.TB, g *Guide, what, want string) {
	t.Helper()
	if got := rest(g); got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func TestGroupFollowsItsFirstOpen(t *testing.T) {
	g := NewGuide(makeTree(t, map[string]string{"npm": "z-1.tgz y-1.tgz !x-1.tgz w-1.tgz", "rpm": "a.rpm b.rpm", "generic": "g1 g2"}), Trace{})
	wants(t, g, "before any open", "")
	open(t, g, "a.rpm")
	open(t, g, "g1")
	wants(t, g, "RPMs and generic artifacts", "")
	open(t, g, "generated")
	wants(t, g, "a generated file has no content to fetch, but starts its group", "z-1.tgz y-1.tgz w-1.tgz")
	open(t, g, "w-1.tgz")
	wants(t, g, "again", "")
}

func TestOpenedFilesAreNotFetchedAhead(t *testing.T) {
	g := NewGuide(makeTree(t, map[string]string{"npm": "z-1.tgz y-1.tgz w-1.tgz"}), Trace{})
	open(t, g, "z-1.tgz")
	if f := g.Next(); f.Path != "y-1.tgz" {
		t.Errorf("first %q", f.Path)
	}
	open(t, g, "w-1.tgz")
	wants(t, g, "the rest", "")
}

func wheelName(name, tags string) string { return "deps/pip/" + name + "-1.0-" + tags + ".whl" }

const x86 = "manylinux_2_17_x86_64"

func TestPythonShowsInTheFirstWheel(t *testing.T) {
	var paths []string
	for _, name := range []string{"numpy", "pandas"} {
		for _, v := range []string{"cp311", "cp312", "cp313"} {
			paths = append(paths, wheelName(name, v+"-"+v+"-"+x86))
		}
	}
	paths = append(paths, wheelName("six", "py2.py3-none-any"), wheelName("cryptography", "cp39-abi3-"+x86), "deps/pip/old-1.0.tar.gz")
	tr := makeTree(t, map[string]string{"pip": strings.Join(paths, " ")})
	neutral := strings.Join([]string{wheelName("six", "py2.py3-none-any"), wheelName("cryptography", "cp39-abi3-"+x86), "deps/pip/old-1.0.tar.gz"}, " ")

	g := NewGuide(tr, Trace{})
	open(t, g, wheelName("six", "py2.py3-none-any"))
	wants(t, g, "nothing known", strings.TrimPrefix(neutral, wheelName("six", "py2.py3-none-any")+" "))
	open(t, g, wheelName("numpy", "cp312-cp312-"+x86))
	wants(t, g, "3.12 known", wheelName("pandas", "cp312-cp312-"+x86))
	open(t, g, wheelName("numpy", "cp311-cp311-"+x86)) // another stage
	wants(t, g, "3.11 too", wheelName("pandas", "cp311-cp311-"+x86))

	g = NewGuide(tr, Trace{})
	open(t, g, wheelName("pandas", "cp313-cp313-"+x86))
	wants(t, g, "3.13 from the start", wheelName("numpy", "cp313-cp313-"+x86)+" "+neutral)
}

func TestTraceIsFollowedInItsOrder(t *testing.T) {
	tr := makeTree(t, map[string]string{"npm": "a-1.tgz b-1.tgz c-1.tgz", "rpm": "repo/x.rpm repo/y.rpm repo/z.rpm", "pip": wheelName("six", "py3-none-any") + " " + wheelName("idna", "py3-none-any")})
	g := NewGuide(tr, Trace{Files: []string{"c-1.tgz", "repo/z.rpm", "a-1.tgz", "repo/x.rpm", "gone"}})
	wants(t, g, "before any open", "")
	open(t, g, "a-1.tgz")
	wants(t, g, "npm", "c-1.tgz")
	g.Entered(&tr.Dirs[0])
	wants(t, g, "RPMs, once their metadata is looked at", "repo/z.rpm repo/x.rpm")
	open(t, g, wheelName("six", "py3-none-any"))
	wants(t, g, "a group that the trace does not know", wheelName("idna", "py3-none-any"))
}

func TestLookingIntoARepositoryStartsNothingWithoutATrace(t *testing.T) {
	tr := makeTree(t, map[string]string{"npm": "a-1.tgz", "rpm": "repo/x.rpm repo/y.rpm"})
	g := NewGuide(tr, Trace{})
	g.Entered(&tr.Dirs[0])
	wants(t, g, "no trace", "")
}

func TestTraceOutlivesNewVersions(t *testing.T) {
	tr := makeTree(t, map[string]string{"npm": "a-2.0.0.tgz b-1.0.0.tgz c-1.tgz new-1.tgz !odd-2.tgz"})
	g := NewGuide(tr, Trace{Files: []string{"b-1.0.0.tgz", "a-1.0.0.tgz", "odd-1.tgz", "dropped-1.tgz"}})
	open(t, g, "b-1.0.0.tgz")
	wants(t, g, "npm", "a-2.0.0.tgz")

	v := func(name, version, py string) string {
		return "deps/pip/" + name + "-" + version + "-" + py + "-" + py + "-" + x86 + ".whl"
	}
	tr = makeTree(t, map[string]string{"pip": strings.Join([]string{
		v("numpy", "2", "cp311"), v("numpy", "2", "cp312"), v("scipy", "1", "cp311"), v("scipy", "1", "cp312"), v("torch", "1", "cp312"),
	}, " ")})
	g = NewGuide(tr, Trace{Files: []string{v("scipy", "1", "cp312"), v("numpy", "1", "cp312")}})
	open(t, g, v("scipy", "1", "cp312"))
	wants(t, g, "pip", v("numpy", "2", "cp312"))
}

func TestTraceOfAnotherPythonIsDropped(t *testing.T) {
	w := func(name, py string) string { return wheelName(name, py+"-"+py+"-"+x86) }
	tr := makeTree(t, map[string]string{"pip": strings.Join([]string{
		w("a", "cp311"), w("a", "cp312"), w("b", "cp311"), w("b", "cp312"), w("c", "cp311"), w("c", "cp312"),
	}, " ")})
	g := NewGuide(tr, Trace{Files: []string{w("a", "cp311"), w("b", "cp311")}})
	open(t, g, w("b", "cp312"))
	wants(t, g, "the new Python's", w("a", "cp312")+" "+w("c", "cp312"))
}

func TestTraceOfSomethingElseIsIgnored(t *testing.T) {
	g := NewGuide(makeTree(t, map[string]string{"npm": "a-1.tgz b-1.tgz"}), Trace{Files: []string{"x", "y/z"}})
	open(t, g, "a-1.tgz")
	wants(t, g, "as with no trace", "b-1.tgz")
}

func TestTraceAfter(t *testing.T) {
	tr := makeTree(t, map[string]string{"npm": "a b c d", "rpm": "x.rpm y.rpm"})
	for name, c := range map[string]struct{ old, opened, want string }{
		"first":                       {"", "b a", "b a"},
		"nothing opened":              {"b a x.rpm", "", "b a x.rpm"},
		"another order":               {"b a", "a b", "a b"},
		"more":                        {"b a", "a c b", "a c b"},
		"fewer: cached layers":        {"b a c", "a", "b a c"},
		"others":                      {"b a c", "a d", "a d"},
		"one group only":              {"b x.rpm", "y.rpm", "y.rpm b"},
		"gone from the lock":          {"b old", "", "b"},
		"generated files don't count": {"", "generated a", "a"},
	} {
		got := Trace{strings.Fields(c.old)}.After(tr, strings.Fields(c.opened))
		if strings.Join(got.Files, " ") != c.want {
			t.Errorf("%s: %v, want %s", name, got.Files, c.want)
		}
	}
}

func TestTraceSurvivesItsStoredForm(t *testing.T) {
	want := Trace{[]string{"deps/pip/a-1.whl", "é", "z"}}
	data, err := want.Marshal()
	if err != nil {
		t.Fatal(err)
	}
	got, err := ParseTrace(data)
	if err != nil || !got.Equal(want) {
		t.Errorf("%v %v", got, err)
	}
}

func FuzzParseTrace(f *testing.F) {
	for _, s := range []string{`{"version":1,"files":["a","b/c"]}`, `{"version":1}`, `{"version":2}`, `[]`, `{"version":1,"files":["a","a"]}`, `{"version":1,"files":["/etc/passwd"]}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		tr, err := ParseTrace(data)
		if err != nil {
			return
		}
		for _, p := range tr.Files {
			if tree.CheckPath(p) != nil {
				t.Errorf("the path %q", p)
			}
		}
		again, err := tr.Marshal()
		if err != nil {
			t.Fatal(err)
		}
		if back, err := ParseTrace(again); err != nil || !slices.Equal(back.Files, tr.Files) {
			t.Errorf("%v became %v (%v)", tr, back, err)
		}
	})
}

func TestPackageOf(t *testing.T) {
	for a, b := range map[string]string{
		"deps/npm/lodash-4.17.20.tgz":              "deps/npm/lodash-4.17.21.tgz",
		"deps/npm/a-b-1.0.0.tgz":                   "deps/npm/a-b-2.0.0-rc.1.tgz",
		wheelName("Foo_Bar", "py3-none-any"):       wheelName("foo-bar", "cp312-cp312-"+x86)[:0] + "deps/pip/foo_bar-2.0-cp312-cp312-" + x86 + ".whl",
		"deps/rpm/x/curl-7.76.1-26.el9.x86_64.rpm": "deps/rpm/x/curl-8.0-1.el9.x86_64.rpm",
	} {
		if packageOf(a) != packageOf(b) {
			t.Errorf("%q and %q: %q and %q", a, b, packageOf(a), packageOf(b))
		}
	}
	for a, b := range map[string]string{
		"deps/npm/a-1.tgz": "deps/npm/b-1.tgz", "x/a-1.tgz": "y/a-1.tgz", "curl-1": "curl-devel-1", "plain": "other",
	} {
		if packageOf(a) == packageOf(b) {
			t.Errorf("%q and %q are one package", a, b)
		}
	}
}

func BenchmarkNewGuide(b *testing.B) {
	var paths []string
	for i := range 2000 {
		for _, v := range []string{"cp310", "cp311", "cp312", "cp313", "cp314"} {
			paths = append(paths, wheelName(fmt.Sprintf("package%d", i), v+"-"+v+"-"+x86))
		}
	}
	tr := makeTree(b, map[string]string{"pip": strings.Join(paths, " ")})
	b.ReportAllocs()
	for b.Loop() {
		g := NewGuide(tr, Trace{})
		open(b, g, paths[2])
		if n := len(strings.Fields(rest(g))); n != 1999 {
			b.Fatal(n)
		}
	}
}
