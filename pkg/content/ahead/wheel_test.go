package ahead

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func cp(minor int) python { return python{impl: "cp", minor: minor} }

func TestParseWheel(t *testing.T) {
	for file, want := range map[string]string{
		"deps/pip/six-1.16.0-py2.py3-none-any.whl":                                      "six 1.16.0 py2,py3 none any",
		"Foo_Bar.baz-1.0-1a-cp312-cp312-manylinux_2_17_x86_64.manylinux2014_x86_64.whl": "foo-bar-baz 1.0 cp312 cp312 manylinux_2_17_x86_64,manylinux2014_x86_64",
		"six-1.16.0.tar.gz": "", "six.whl": "", "a-b-c-d.whl": "", "a-1-2-3-4-5-6.whl": "",
	} {
		w, ok := parseWheel(file)
		got := ""
		if ok {
			got = strings.Join([]string{w.name, w.version, strings.Join(w.pythons, ","), strings.Join(w.abis, ","), strings.Join(w.platform, ",")}, " ")
		}
		if got != want {
			t.Errorf("%s: %q, want %q", file, got, want)
		}
	}
}

// The order is that of packaging.tags.sys_tags for CPython 3.12.
func TestPreferenceIsPips(t *testing.T) {
	order := []string{
		"cp312-cp312-linux_x86_64", "cp312-abi3-linux_x86_64", "cp312-none-linux_x86_64",
		"cp311-abi3-linux_x86_64", "cp310-abi3-linux_x86_64", "cp32-abi3-linux_x86_64",
		"py312-none-linux_x86_64", "py3-none-linux_x86_64", "py311-none-linux_x86_64", "py310-none-linux_x86_64",
		"cp312-none-any", "py312-none-any", "py3-none-any", "py311-none-any", "py310-none-any",
	}
	last := -1
	for _, tags := range order {
		w, _ := parseWheel("a-1-" + tags + ".whl")
		n := w.preference(cp(12))
		if n <= last {
			t.Errorf("%s has preference %d, the one before it %d", tags, n, last)
		}
		last = n
	}
}

func TestWheelsForOthersAreOfNoUse(t *testing.T) {
	for _, c := range []struct {
		tags string
		p    python
		ok   bool
	}{
		{"cp311-cp311-linux_x86_64", cp(12), false},
		{"cp313-cp313-linux_x86_64", cp(12), false},
		{"cp313-abi3-linux_x86_64", cp(12), false},
		{"cp38-abi3-linux_x86_64", cp(12), true},
		{"py2-none-any", cp(12), false},
		{"py2.py3-none-any", cp(12), true},
		{"py313-none-any", cp(12), false},
		{"pp310-pypy310_pp73-linux_x86_64", cp(10), false},
		{"pp310-pypy310_pp73-linux_x86_64", python{impl: "pp", minor: 10}, true},
		{"cp310-abi3-linux_x86_64", python{impl: "pp", minor: 10}, false},
		{"cp310-cp310-linux_x86_64", python{impl: "pp", minor: 10}, false},
		{"py3-none-any", python{impl: "pp", minor: 10}, true},
		{"cp313-cp313t-linux_x86_64", cp(13), false},
		{"cp313-cp313t-linux_x86_64", python{"cp", 13, true}, true},
		{"cp313-cp313-linux_x86_64", python{"cp", 13, true}, false},
		{"cp39-abi3-linux_x86_64", python{"cp", 13, true}, false},
		{"cp311.cp312-cp311.cp312-linux_x86_64", cp(12), true},
		{"cp312-cp311-linux_x86_64", cp(12), false},
		{"garbage-none-any", cp(12), false},
		{"cpx-none-any", cp(12), false},
		{"py3x-none-any", cp(12), false},
	} {
		w, ok := parseWheel("a-1-" + c.tags + ".whl")
		if !ok {
			t.Fatal(c.tags)
		}
		if got := w.preference(c.p) != notForThis; got != c.ok {
			t.Errorf("%s for %+v: %v", c.tags, c.p, got)
		}
	}
}

func TestLearn(t *testing.T) {
	for _, c := range []struct {
		opened string
		want   []python
		glibc  int
	}{
		{"py3-none-any", nil, 0},
		{"py2.py3-none-any", nil, 0},
		{"cp39-abi3-manylinux_2_28_x86_64", nil, 0}, // any CPython from 3.9 on
		{"cp312-cp312-manylinux_2_17_x86_64", []python{cp(12)}, 0},
		{"cp312-cp312-manylinux_2_34_x86_64", []python{cp(12)}, 34},
		{"cp312-cp312-manylinux_2_17_x86_64.manylinux_2_34_x86_64", []python{cp(12)}, 0},
		{"cp312-none-any", []python{cp(12)}, 0},
		{"cp311.cp312-none-any", nil, 0},
		{"cp313-cp313t-linux_x86_64", []python{{"cp", 13, true}}, 0},
		{"pp310-pypy310_pp73-linux_x86_64", []python{{"pp", 10, false}}, 0},
	} {
		w, _ := parseWheel("a-1-" + c.opened + ".whl")
		var got target
		news := got.learn(&w)
		if !slices.Equal(got.pythons, c.want) || got.glibc != c.glibc || news != (c.want != nil || c.glibc > 0) {
			t.Errorf("%s: %+v (news: %v), want %v and glibc 2.%d", c.opened, got, news, c.want, c.glibc)
		}
		if got.learn(&w) {
			t.Errorf("%s: the second one is news too", c.opened)
		}
	}
}

func TestChoose(t *testing.T) {
	many := []python{cp(11), cp(12), cp(13)}
	for name, c := range map[string]struct {
		wheels string // tags; the wanted ones have a star
		t      target
		others []python
	}{
		"known":                             {"cp311-cp311-linux_x86_64 *cp312-cp312-linux_x86_64 cp313-cp313-linux_x86_64", target{pythons: []python{cp(12)}}, nil},
		"none for the known one":            {"cp311-cp311-linux_x86_64 cp313-cp313-linux_x86_64", target{pythons: []python{cp(12)}}, nil},
		"pure fallback is not taken":        {"*cp312-cp312-linux_x86_64 py3-none-any", target{pythons: []python{cp(12)}}, nil},
		"pure fallback is taken":            {"cp311-cp311-linux_x86_64 *py3-none-any", target{pythons: []python{cp(12)}}, nil},
		"newest stable ABI":                 {"cp37-abi3-linux_x86_64 *cp311-abi3-linux_x86_64 cp313-abi3-linux_x86_64", target{pythons: []python{cp(12)}}, nil},
		"two Pythons":                       {"*cp311-cp311-linux_x86_64 *cp312-cp312-linux_x86_64 cp313-cp313-linux_x86_64", target{pythons: []python{cp(12), cp(11)}}, nil},
		"two Pythons, one wheel":            {"*cp37-abi3-linux_x86_64", target{pythons: []python{cp(12), cp(11)}}, nil},
		"unknown: neutral":                  {"*py3-none-any", target{}, many},
		"unknown: neutral with a platform":  {"*py3-none-linux_x86_64", target{}, many},
		"unknown: one stable ABI":           {"*cp39-abi3-linux_x86_64", target{}, many},
		"unknown: stable ABI that may fail": {"cp312-abi3-linux_x86_64", target{}, many},
		"unknown: several":                  {"cp311-cp311-linux_x86_64 cp312-cp312-linux_x86_64 cp313-cp313-linux_x86_64", target{}, many},
		"unknown: one, and a fallback":      {"cp312-cp312-linux_x86_64 py3-none-any", target{}, many},
		"unknown: better of two neutral":    {"*py3-none-linux_x86_64 py3-none-any", target{}, many},
		"only one Python in the lock":       {"*cp312-cp312-linux_x86_64 py3-none-any", target{}, []python{cp(12)}},
		"old and very new glibc":            {"cp312-cp312-manylinux_2_17_x86_64 cp312-cp312-manylinux_2_34_x86_64", target{pythons: []python{cp(12)}}, nil},
		"new glibc is there":                {"cp312-cp312-manylinux_2_17_x86_64 *cp312-cp312-manylinux_2_34_x86_64", target{pythons: []python{cp(12)}, glibc: 34}, nil},
		"glibc that everybody has":          {"cp312-cp312-manylinux_2_17_x86_64 *cp312-cp312-manylinux_2_28_x86_64", target{pythons: []python{cp(12)}}, nil},
		"old names of manylinux":            {"cp312-cp312-manylinux1_x86_64 cp312-cp312-manylinux2010_x86_64 *cp312-cp312-manylinux2014_x86_64", target{pythons: []python{cp(12)}}, nil},
		"tags before glibc":                 {"*cp312-cp312-manylinux_2_17_x86_64 cp312-abi3-manylinux_2_28_x86_64", target{pythons: []python{cp(12)}}, nil},
		"source only":                       {"", target{pythons: []python{cp(12)}}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var wheels []wheel
			var want, got []string
			for _, tags := range strings.Fields(c.wheels) {
				plain := strings.TrimPrefix(tags, "*")
				w, ok := parseWheel("a-1-" + plain + ".whl")
				if !ok {
					t.Fatal(tags)
				}
				wheels = append(wheels, w)
				if plain != tags {
					want = append(want, plain)
				}
			}
			chosen := choose(wheels, c.t, c.others)
			slices.Sort(chosen)
			for _, i := range chosen {
				got = append(got, strings.TrimPrefix(strings.Fields(c.wheels)[i], "*"))
			}
			if !slices.Equal(got, want) {
				t.Errorf("%v, want %v", got, want)
			}
		})
	}
}

// Whatever the wheels are, a known Python gets one of them at most, one that it
// can use, and none that it wants less than another.
func TestChosenWheelIsTheBest(t *testing.T) {
	tags := []string{"cp310-cp310", "cp311-cp311", "cp312-cp312", "cp312-abi3", "cp39-abi3", "py3-none", "py2.py3-none", "cp312-none", "pp310-pypy310_pp73"}
	platforms := []string{"any", "linux_x86_64", "manylinux_2_17_x86_64", "manylinux_2_28_x86_64"}
	rapid.Check(t, func(t *rapid.T) {
		var wheels []wheel
		for range rapid.IntRange(0, 8).Draw(t, "n") {
			w, _ := parseWheel("a-1-" + rapid.SampledFrom(tags).Draw(t, "tag") + "-" + rapid.SampledFrom(platforms).Draw(t, "platform") + ".whl")
			wheels = append(wheels, w)
		}
		p := cp(rapid.IntRange(8, 14).Draw(t, "minor"))
		chosen := choose(wheels, target{pythons: []python{p}}, nil)
		if len(chosen) > 1 {
			t.Fatalf("%d chosen", len(chosen))
		}
		usable := slices.ContainsFunc(wheels, func(w wheel) bool { return w.preference(p) != notForThis })
		if usable != (len(chosen) == 1) {
			t.Fatalf("usable: %v, chosen: %v", usable, chosen)
		}
		for i := range wheels {
			if n := wheels[i].preference(p); len(chosen) == 1 && n != notForThis && n < wheels[chosen[0]].preference(p) {
				t.Fatalf("%v is better than %v", wheels[i], wheels[chosen[0]])
			}
		}
	})
}

func FuzzParseWheel(f *testing.F) {
	for _, s := range []string{"a-1-py3-none-any.whl", "a-1-1-cp312-cp312t-manylinux_2_17_x86_64.whl", "-----.whl", "a-1-cp3-abi3-manylinux_2_.whl", "a-1-cp399999999999999999999-x-y.whl"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w, ok := parseWheel(s)
		if !ok {
			return
		}
		var known target
		known.learn(&w)
		for _, p := range append(known.pythons, cp(12)) {
			if n := w.preference(p); n < notForThis {
				t.Errorf("preference %d", n)
			}
		}
		choose([]wheel{w, w}, known, []python{cp(12)})
		packageOf(s)
	})
}
