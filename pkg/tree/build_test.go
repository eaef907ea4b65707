package tree

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

var (
	digestA = digest.FromBytes([]byte("a"))
	digestB = digest.FromBytes([]byte("b"))
	sha1A   = digest.Digest("sha1:86f7e437faa5a7fce15d1ddcb9eaeaea377667b8")
	inputs  = []Input{{"pip", "pylock.cpu.toml", "beside"}, {"pip", "pylock.cuda.toml", "beside"}}
)

func mustBuild(t *testing.T, files []File, dirs []Dir) *Tree {
	t.Helper()
	tr, err := Build(inputs, files, dirs)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func TestBuildSorts(t *testing.T) {
	tr := mustBuild(t,
		[]File{{Path: "b/x"}, {Path: "a"}, {Path: "b-c/x"}, {Path: "b.d"}},
		[]Dir{{Path: "r/2"}, {Path: "r/1"}})
	var got []string
	for _, f := range tr.Files {
		got = append(got, f.Path)
	}
	for _, d := range tr.Dirs {
		got = append(got, d.Path)
	}
	if diff := cmp.Diff([]string{"a", "b-c/x", "b.d", "b/x", "r/1", "r/2"}, got); diff != "" {
		t.Error(diff)
	}
}

func TestBuildMergesTheSameFileOfTwoLocks(t *testing.T) {
	for name, c := range map[string]struct{ a, b, want File }{
		"URLs are joined, the first leads": {
			File{Digest: digestA, Size: 1, URLs: []string{"u", "v"}, Group: "g"},
			File{Digest: digestA, Size: 1, URLs: []string{"w", "v"}, Input: 1, Group: "h"},
			File{Digest: digestA, Size: 1, URLs: []string{"u", "v", "w"}, Group: "g"},
		},
		"a stated size fills an unknown one": {
			File{Digest: digestA, Size: SizeUnknown},
			File{Digest: digestA, Size: 5, Input: 1},
			File{Digest: digestA, Size: 5},
		},
		"an unknown size does not clear a stated one": {
			File{Digest: digestA, Size: 5},
			File{Digest: digestA, Size: SizeUnknown, Input: 1},
			File{Digest: digestA, Size: 5},
		},
		"it fits when one of them fits": {
			File{Digest: digestA},
			File{Digest: digestA, Input: 1, Fits: true},
			File{Digest: digestA, Fits: true},
		},
		"a common URL proves a stronger digest": {
			File{Digest: sha1A, URLs: []string{"u"}},
			File{Digest: digestA, URLs: []string{"u"}, Input: 1},
			File{Digest: digestA, URLs: []string{"u"}},
		},
		"a weaker digest changes nothing": {
			File{Digest: digestA, URLs: []string{"u"}},
			File{Digest: sha1A, URLs: []string{"u"}, Input: 1},
			File{Digest: digestA, URLs: []string{"u"}},
		},
		"a digest fills none": {
			File{URLs: []string{"u"}},
			File{Digest: digestA, URLs: []string{"u"}, Input: 1},
			File{Digest: digestA, URLs: []string{"u"}},
		},
		"a lock's word counts more than an index's": {
			File{Digest: digestA, Unverified: true},
			File{Digest: digestA, Input: 1},
			File{Digest: digestA},
		},
		"two indexes vouch for nothing": {
			File{Digest: digestA, Unverified: true},
			File{Digest: digestA, Input: 1, Unverified: true},
			File{Digest: digestA, Unverified: true},
		},
		"equal content": {
			File{Content: []byte("a")},
			File{Content: []byte("a"), Input: 1},
			File{Content: []byte("a"), Size: 1, Digest: digestA},
		},
		"equal recipes": {
			File{Make: &Recipe{Kind: "k", Args: map[string]string{"x": "1"}}},
			File{Make: &Recipe{Kind: "k", Args: map[string]string{"x": "1"}}, Input: 1},
			File{Make: &Recipe{Kind: "k", Args: map[string]string{"x": "1"}}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c.a.Path, c.b.Path, c.want.Path = "p", "p", "p"
			tr := mustBuild(t, []File{c.a, c.b}, nil)
			if diff := cmp.Diff([]File{c.want}, tr.Files); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestMergingDoesNotWriteIntoTheLocksURLs(t *testing.T) {
	backing := []string{"u", "keep"}
	mustBuild(t, []File{
		{Path: "p", Digest: digestA, URLs: backing[:1]},
		{Path: "p", Digest: digestA, URLs: []string{"w"}, Input: 1},
	}, nil)
	if backing[1] != "keep" {
		t.Errorf("the element behind the slice became %q", backing[1])
	}
}

func TestBuildRefusesConflictsAndNamesBothLocks(t *testing.T) {
	recipe := Recipe{Kind: "repodata", Args: map[string]string{"dir": "a"}}
	other := Recipe{Kind: "repodata", Args: map[string]string{"dir": "b"}}
	for name, c := range map[string]struct {
		files  []File
		dirs   []Dir
		reason string
	}{
		"different digests":       {[]File{{Path: "p", Digest: digestA}, {Path: "p", Digest: digestB, Input: 1}}, nil, "digests differ"},
		"incomparable digests":    {[]File{{Path: "p", Digest: digestA}, {Path: "p", Digest: sha1A, Input: 1}}, nil, "no common"},
		"no digests, no URL":      {[]File{{Path: "p"}, {Path: "p", Input: 1}}, nil, "no common"},
		"different sizes":         {[]File{{Path: "p", Digest: digestA, Size: 1}, {Path: "p", Digest: digestA, Size: 2, Input: 1}}, nil, "sizes differ"},
		"different contents":      {[]File{{Path: "p", Content: []byte("a")}, {Path: "p", Content: []byte{}, Input: 1}}, nil, "contents differ"},
		"content and download":    {[]File{{Path: "p", Content: []byte("a")}, {Path: "p", Digest: digestA, Input: 1}}, nil, "generated"},
		"different recipes":       {[]File{{Path: "p", Make: &recipe}, {Path: "p", Make: &other, Input: 1}}, nil, "different ways"},
		"file above file":         {[]File{{Path: "p"}, {Path: "p-q"}, {Path: "p/q", Input: 1}}, nil, `"p" is a file`},
		"file above file, deep":   {[]File{{Path: "p"}, {Path: "p/q/r", Input: 1}}, nil, `"p" is a file`},
		"file is a generated dir": {[]File{{Path: "p"}}, []Dir{{Path: "p", Make: recipe, Input: 1}}, "generated directory"},
		"file in a generated dir": {[]File{{Path: "p/q", Input: 1}}, []Dir{{Path: "p", Make: recipe}}, "generated as a whole"},
		"dir below a file":        {[]File{{Path: "p"}}, []Dir{{Path: "p/q/r", Make: recipe, Input: 1}}, `"p" is a file`},
		"dir in a generated dir":  {nil, []Dir{{Path: "p", Make: recipe}, {Path: "p!"}, {Path: "p/q", Make: recipe, Input: 1}}, "generated as a whole"},
		"two dirs":                {nil, []Dir{{Path: "p", Make: recipe}, {Path: "p", Make: other, Input: 1}}, "two ways"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Build(inputs, c.files, c.dirs)
			var conflict *ConflictError
			if !errors.As(err, &conflict) {
				t.Fatalf("got %v, want a ConflictError", err)
			}
			for _, want := range []string{"pylock.cpu.toml", "pylock.cuda.toml", `"p`, c.reason} {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

func TestBuildRefusesBadFilesAndNamesTheLock(t *testing.T) {
	long := strings.Repeat("u", maxString+1)
	for name, f := range map[string]File{
		"path leaves the tree": {Path: "../x"},
		"malformed digest":     {Path: "p", Digest: "sha256:zz"},
		"negative size":        {Path: "p", Size: -2},
		"content and recipe":   {Path: "p", Content: []byte{}, Make: &Recipe{}},
		"endless URL":          {Path: "p", URLs: []string{long}},
		"made of made":         {Path: "p", Make: &Recipe{From: &File{Make: &Recipe{}}}},
		"made of a bad digest": {Path: "p", Make: &Recipe{From: &File{Digest: "sha256:x"}}},
		"endless argument":     {Path: "p", Make: &Recipe{Args: map[string]string{"k": long}}},
		"negative rank":        {Path: "p", Rank: -1},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Build(inputs, []File{f}, nil); err == nil || !strings.Contains(err.Error(), "pylock.cpu.toml: ") {
				t.Errorf("got %v", err)
			}
		})
	}
	for _, i := range []int{-1, 2} {
		if _, err := Build(inputs, []File{{Path: "p", Input: i}}, nil); err == nil {
			t.Errorf("input %d is accepted", i)
		}
		if _, err := Build(inputs, nil, []Dir{{Path: "p", Input: i}}); err == nil {
			t.Errorf("a directory's input %d is accepted", i)
		}
	}
	if _, err := Build(inputs, nil, []Dir{{Path: "/p"}}); err == nil {
		t.Error("an absolute directory is accepted")
	}
}

func TestBuildReportsSeveralErrorsButNotAll(t *testing.T) {
	var files []File
	for range 100 {
		files = append(files, File{Path: "/x"})
	}
	_, err := Build(inputs, files, nil)
	if n := strings.Count(err.Error(), "absolute"); n != maxErrors {
		t.Errorf("%d errors are reported", n)
	}
}

// Shows S74.
func TestCaseClashes(t *testing.T) {
	tr := mustBuild(t, []File{{Path: "deps/Pip/a"}, {Path: "deps/Pip/b"}, {Path: "deps/pip/a"}, {Path: "deps/pip/c"}, {Path: "x"},
		{Path: "n/caf\u00e9"}, {Path: "n/CAFE\u0301"}, {Path: "n/cafe"}, {Path: "s/\u03c2"}, {Path: "s/\u03a3"}}, nil)
	want := [][2]string{{"deps/Pip", "deps/pip"}, {"deps/Pip/a", "deps/pip/a"}, {"n/CAFE\u0301", "n/caf\u00e9"}, {"s/\u03a3", "s/\u03c2"}}
	if diff := cmp.Diff(want, tr.CaseClashes()); diff != "" {
		t.Error(diff)
	}
}

func TestMergeEnv(t *testing.T) {
	got, err := MergeEnv([]Env{{"B", "2"}, {"A", "1"}}, nil, []Env{{"B", "2"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Env{{"A", "1"}, {"B", "2"}}, got); diff != "" {
		t.Error(diff)
	}
	for name, list := range map[string][]Env{
		"two values": {{"A", "1"}, {"A", "2"}},
		"no name":    {{"", "1"}},
		"bad name":   {{"A=B", "1"}},
		"digit":      {{"1A", "1"}},
		"line break": {{"A", "1\nRUN evil"}},
		"NUL":        {{"A", "1\x00"}},
	} {
		if _, err := MergeEnv(list); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}
