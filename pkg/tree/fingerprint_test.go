package tree

import (
	"testing"

	"pgregory.net/rapid"
)

// Shows S33.
func TestFingerprintChangesWithWhatABuildSees(t *testing.T) {
	base := sample().Fingerprint()
	if len(base) != 64 {
		t.Errorf("%q is no sha256 in hex", base)
	}
	at := func(path string, change func(*File)) func(*Tree) {
		return func(tr *Tree) {
			f, ok := tr.Lookup(path)
			if !ok {
				t.Fatalf("no %q", path)
			}
			change(f)
		}
	}
	for name, change := range map[string]func(*Tree){
		"path":          at("deps/pip/a.whl", func(f *File) { f.Path = "deps/pip/aa.whl" }),
		"digest":        at("deps/pip/a.whl", func(f *File) { f.Digest = digestB }),
		"content":       at("cachi2.env", func(f *File) { f.Content = []byte("x"); f.seal() }),
		"recipe kind":   at("made", func(f *File) { f.Make.Kind = "hg" }),
		"recipe arg":    at("made", func(f *File) { f.Make.Args["ref"] = "2" }),
		"dir's recipe":  func(tr *Tree) { tr.Dirs[2].Make.Args["dir"] = "y" },
		"crate":         func(tr *Tree) { tr.Dirs[0].Make.From.Digest = digestB },
		"repository":    func(tr *Tree) { tr.Dirs[1].Make.From.URLs = []string{"v"} },
		"dir's path":    func(tr *Tree) { tr.Dirs[2].Path = "deps/rpm/repodatb" },
		"file is gone":  func(tr *Tree) { tr.Files = tr.Files[1:] },
		"dir is gone":   func(tr *Tree) { tr.Dirs = nil },
		"no digest":     at("deps/pip/a.whl", func(f *File) { f.Digest = "" }),
		"fields differ": at("made", func(f *File) { f.Make.Args = map[string]string{"ref": "1u", "rl": "u"} }),
	} {
		t.Run(name, func(t *testing.T) {
			tr := sample()
			change(tr)
			if tr.Fingerprint() == base {
				t.Error("the fingerprint is the same")
			}
		})
	}
}

func TestRecipeKeyHidesCredentialsAndFollowsTheContent(t *testing.T) {
	key := func(from File) string { return (&Recipe{Kind: "crate", From: &from}).Key() }
	if key(File{URLs: []string{"https://u:p@example.org/a"}}) != key(File{URLs: []string{"https://example.org/a"}}) {
		t.Error("the credentials matter")
	}
	if key(File{Digest: digestA, URLs: []string{"a"}}) != key(File{Digest: digestA, URLs: []string{"b"}}) {
		t.Error("where a digested file comes from matters")
	}
	if key(File{Digest: digestA}) == key(File{Digest: digestB}) {
		t.Error("the digest does not matter")
	}
}

func TestFingerprintOfAFileWithoutADigestDependsOnItsSource(t *testing.T) {
	print := func(f File) string {
		f.Path = "p"
		return mustBuild(t, []File{f}, nil).Fingerprint()
	}
	base := print(File{Size: 1, URLs: []string{"https://example.org/a"}})
	if base == print(File{Size: 2, URLs: []string{"https://example.org/a"}}) {
		t.Error("the size does not matter")
	}
	if base == print(File{Size: 1, URLs: []string{"https://example.org/b"}}) {
		t.Error("the URL does not matter")
	}
	if base != print(File{Size: 1, URLs: []string{"https://user:secret@example.org/a"}}) {
		t.Error("the credentials matter")
	}
}

// Shows S33.
func TestFingerprintIgnoresWhatABuildCannotSee(t *testing.T) {
	base := sample().Fingerprint()
	for name, change := range map[string]func(*Tree){
		"URLs of a digested file": func(tr *Tree) { f, _ := tr.Lookup("deps/pip/a.whl"); f.URLs = nil },
		"its size":                func(tr *Tree) { f, _ := tr.Lookup("deps/pip/a.whl"); f.Size = SizeUnknown },
		"inputs":                  func(tr *Tree) { tr.Inputs[0].Lock = "elsewhere" },
		"read-ahead": func(tr *Tree) {
			for i := range tr.Files {
				tr.Files[i].Group, tr.Files[i].Fits, tr.Files[i].Rank, tr.Files[i].Input = "z", !tr.Files[i].Fits, 5, 0
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			tr := sample()
			tr.Inputs = append([]Input(nil), tr.Inputs...)
			change(tr)
			if tr.Fingerprint() != base {
				t.Error("the fingerprint changed")
			}
		})
	}
}

func TestFingerprintIgnoresTheOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tr := trees(t)
		if len(tr.Files) == 0 {
			return
		}
		again, err := Build(tr.Inputs, rapid.Permutation(tr.Files).Draw(t, "order"), append([]Dir(nil), tr.Dirs...))
		if err != nil {
			t.Fatal(err)
		}
		if tr.Fingerprint() != again.Fingerprint() {
			t.Fatal("the order matters")
		}
	})
}
