package locks

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
)

const (
	h1    = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	h1Two = "h1:hMWtHWv9dZ4Mk3BGJRrzJSDNZ3kxuYqPVtrCjYQFqbE="
)

const sampleGoMod = `module example.org/app

go 1.24.0

toolchain go1.26.0

tool example.org/Upper/Mod/cmd/gen

require (
	example.org/Upper/Mod v1.2.3
	example.org/forked v1.0.0
	example.org/local v0.0.0
	example.org/missing v1.0.0
)

require example.org/old v1.9.0+incompatible // indirect

replace (
	example.org/forked => example.org/mod/v2 v2.0.0-20240131154500-0123456789ab
	example.org/local v0.0.0 => ./local
)
`

func gomodSample() sample {
	return sample{
		name: "gomod", file: "go.sum", typ: "gomod", found: "go.mod", many: manyGoSum,
		siblings: map[string]string{"go.mod": sampleGoMod},
		naming: func(name string) string {
			if strings.ContainsAny(name, "\n") {
				return "" // another line
			}
			return name + " v1.0.0 " + h1 + "\n"
		},
		malformed: []malformed{
			{"two fields", "example.org/a v1.0.0\n", 1, "2 fields, not module, version and hash"},
			{"four fields", "\nexample.org/a v1.0.0 " + h1 + " x\n", 2, "4 fields"},
			{"short hash", "example.org/a v1.0.0 h1:AAAA\n", 1, "not the base64 of 32 bytes"},
			{"no base64", "example.org/a v1.0.0 h1:@@\n", 1, "not the base64"},
			{"no domain", "a v1.0.0 " + h1 + "\n", 1, "missing dot in first path element"},
			{"version leaves", "example.org/a v1/../../x " + h1 + "\n", 1, "version"},
			{"version with a slash", "example.org/a v1.0.0/x " + h1 + "\n", 1, "version"},
			{"two hashes", "example.org/a v1.0.0 " + h1 + "\nexample.org/a v1.0.0/go.mod " + h1 + "\nexample.org/a v1.0.0 " + h1Two + "\n", 3, "second hash"},
		},
	}
}

// manyGoSum has two files for each module.
func manyGoSum(n int) []byte {
	return repeat(n/2, "", func(i int) string {
		return fmt.Sprintf("example.org/org%d/Module v1.%d.0 %s\nexample.org/org%d/Module v1.%d.0/go.mod %s\n", i, i, h1, i, i, h1)
	}, "", "")
}

// goFiles is a project of the given files.
func goFiles(path, gomod string, files map[string]string) Source {
	return Source{
		Path: path, Data: []byte(gomod), OutputDir: "/cachi2/output",
		RegistryURL: ownRegistry,
		Sibling: func(name string) ([]byte, error) {
			if text, ok := files[name]; ok {
				return []byte(text), nil
			}
			return nil, fs.ErrNotExist
		},
	}
}

func paths(l *Lock) (out []string) {
	for _, a := range l.Artifacts {
		out = append(out, strings.TrimPrefix(a.Path, gomodDownload+"/"))
	}
	return out
}

func TestGoModAndGoSumAreOneInput(t *testing.T) {
	sum := string(gomodSample().valid(t))
	byMod, err := Parse("gomod", goFiles("go.mod", sampleGoMod, map[string]string{"go.sum": sum}))
	if err != nil {
		t.Fatal(err)
	}
	bySum, err := Parse("gomod", goFiles("go.sum", sum, map[string]string{"go.mod": sampleGoMod}))
	if err != nil {
		t.Fatal(err)
	}
	bySum.File = byMod.File
	if got, want := string(dump(bySum)), string(dump(byMod)); got != want {
		t.Errorf("by go.sum:\n%s\nby go.mod:\n%s", got, want)
	}
	alone, err := Parse("gomod", goFiles("go.sum", sum, nil))
	if err != nil || len(alone.Artifacts) != len(bySum.Artifacts) {
		t.Errorf("without go.mod: %v", err)
	}
}

func TestAModuleWithoutDependenciesHasOnlyItsEnvironment(t *testing.T) {
	for name, files := range map[string]map[string]string{
		"no go.sum": {}, "empty go.sum": {"go.sum": ""},
		"vendored": {"go.sum": "example.org/a v1.0.0 " + h1 + "\n", "vendor/modules.txt": "# example.org/a v1.0.0\n"},
	} {
		src := goFiles("go.mod", "module example.org/app\n\ngo 1.24\n", files)
		src.RegistryURL = nil // nobody needs a proxy
		lock, err := Parse("gomod", src)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if len(lock.Artifacts) > 0 || len(lock.Texts) > 0 || len(lock.Env) != 5 {
			t.Errorf("%s: %s", name, dump(lock))
		}
	}
}

func TestAWorkspaceIsReadWithAllItsModules(t *testing.T) {
	lock, err := Parse("gomod", goFiles("go.work", "go 1.24\n\nuse (\n\t./a\n\t./b\n\t../elsewhere\n)\n", map[string]string{
		"a/go.mod":    "module example.org/a\n\ngo 1.24\n\nrequire example.org/x v1.0.0\n",
		"a/go.sum":    "example.org/x v1.0.0 " + h1 + "\nexample.org/x v1.0.0/go.mod " + h1 + "\n",
		"b/go.mod":    "module example.org/b\n\nrequire example.org/x v1.10.0\n",
		"b/go.sum":    "example.org/x v1.10.0 " + h1 + "\nexample.org/x v1.10.0/go.mod " + h1 + "\nexample.org/x v1.0.0/go.mod " + h1 + "\n",
		"go.work.sum": "example.org/y v1.0.0/go.mod " + h1 + "\n",
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"example.org/x/@v/v1.0.0.mod", "example.org/x/@v/v1.10.0.mod", "example.org/y/@v/v1.0.0.mod",
		"example.org/x/@v/v1.0.0.zip", "example.org/x/@v/v1.10.0.zip",
	}
	if got := paths(lock); !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
	for _, a := range lock.Artifacts {
		if a.Spare {
			t.Errorf("%s is spare: go reads the whole graph of a workspace", a.Path)
		}
	}
	list := lock.Lists[gomodDownload+"/example.org/x/@v/list"]
	if slices.Sort(list); !slices.Equal(list, []string{"v1.0.0", "v1.10.0"}) {
		t.Errorf("list %q", list)
	}
}

// Two go.sum files of a workspace that disagree: one of them was tampered with.
func TestHashesOfAWorkspaceMustAgree(t *testing.T) {
	_, err := Parse("gomod", goFiles("go.work", "go 1.24\nuse ./a\n", map[string]string{
		"a/go.mod":    "module example.org/a\n",
		"a/go.sum":    "example.org/x v1.0.0 " + h1 + "\n",
		"go.work.sum": "\nexample.org/x v1.0.0 " + h1Two + "\n",
	}))
	if err == nil || !strings.HasPrefix(err.Error(), "go.work.sum:2: example.org/x v1.0.0 has a second hash") {
		t.Error(err)
	}
}

func TestGoFilesWithErrorsAreNamed(t *testing.T) {
	for name, c := range map[string]struct {
		file, data string
		files      map[string]string
		want       string
	}{
		"go.mod":          {"d/go.mod", "module example.org/a\nrequire x\n", nil, "d/go.mod:2: usage: require"},
		"go.mod's syntax": {"d/go.mod", "module example.org/a\n\nrequire (\n", nil, "d/go.mod:4: syntax error"},
		"no module":       {"d/go.mod", "go 1.24\n", nil, "d/go.mod: the file names no module"},
		"go.work":         {"d/go.work", "\nuse\n", nil, "d/go.work:2: usage: use"},
		"no go.work":      {"d/go.work", "", nil, "d/go.work: the file names neither"},
		"go.sum":          {"d/go.mod", "module example.org/a\n", map[string]string{"go.sum": "\nx\n"}, "d/go.sum:2: the line has 1 fields"},
		"no go.sum":       {"d/go.mod", "module example.org/a\nrequire example.org/b v1.0.0\n", nil, "d/go.sum: the file is empty or not there, but go.mod requires example.org/b@v1.0.0 (go mod tidy makes it)"},
		"a module's":      {"go.work", "go 1.24\nuse ./m\n", map[string]string{"m/go.mod": "x\n"}, "m/go.mod: the file names no module"},
	} {
		_, err := Parse("gomod", goFiles(c.file, c.data, c.files))
		if err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %s…", name, err, c.want)
		}
	}
}

// Shows S48.
func TestGoFilesWithoutBoundAreRefused(t *testing.T) {
	reads := 0
	src := goFiles("go.work", "go 1.24\n"+strings.Repeat("use ./m\n", maxWorkModules), nil)
	src.Sibling = func(name string) ([]byte, error) {
		if reads++; name == "m/go.mod" {
			return []byte("module example.org/m\n"), nil
		}
		return nil, fs.ErrNotExist
	}
	if _, err := Parse("gomod", src); err != nil || reads > 10 {
		t.Errorf("one module, named often: %d reads, %v", reads, err)
	}
	src.Data = append(src.Data, "use ./n\n"...)
	if _, err := Parse("gomod", src); err == nil || !strings.Contains(err.Error(), "more than the 10000") {
		t.Errorf("too many modules: %v", err)
	}
	const deep = 100_000
	for name, data := range map[string]string{
		"blocks":   "module example.org/a\n" + strings.Repeat("require (\n", deep),
		"brackets": "module example.org/a\nretract " + strings.Repeat("[", deep),
		"quotes":   "module " + strings.Repeat("`", deep),
		"a line":   "module example.org/a\nrequire " + strings.Repeat("x ", deep),
	} {
		for _, file := range []string{"go.mod", "go.work"} {
			if _, err := Parse("gomod", goFiles(file, data, nil)); err == nil {
				t.Errorf("%s with %s: no error", file, name)
			}
		}
	}
}

// FuzzGoFiles has the data for each of a module's and a workspace's own files.
func FuzzGoFiles(f *testing.F) {
	for _, seed := range []string{sampleGoMod, "go 1.24\nuse (\n\t./a\n\t../x\n)\n", "module a\nretract [v1, v2]\n", "use `a`\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, file := range []string{"go.mod", "go.work"} {
			src := goFiles(file, string(data), map[string]string{"a/go.mod": string(data), "go.sum": string(data)})
			lock, err := Parse("gomod", src)
			if e := new(Error); err != nil && !errors.As(err, &e) {
				t.Errorf("%s: %v is no *Error", file, err)
			}
			if err == nil && lock.Type != "gomod" {
				t.Errorf("%s: a lock of type %q", file, lock.Type)
			}
		}
	})
}

func TestDirectivesOfALaterGoArePassedOver(t *testing.T) {
	lock, err := Parse("gomod", goFiles("go.mod", "module example.org/a\n\nsomething new\n\nrequire example.org/b v1.0.0\n",
		map[string]string{"go.sum": "example.org/b v1.0.0/go.mod " + h1 + "\n"}))
	if err != nil || len(lock.Artifacts) != 1 {
		t.Errorf("%v", err)
	}
}

// Before Go 1.17 a build reads the go.mod of every version in the graph.
func TestWhatGoProbablyReads(t *testing.T) {
	files := map[string]string{"go.sum": "example.org/b v1.0.0/go.mod " + h1 + "\nexample.org/c v1.0.0/go.mod " + h1 + "\n"}
	for version, spare := range map[string]bool{"1.16": false, "1.17": true, "1.26.1": true, "": false} {
		mod := "module example.org/a\n\nrequire example.org/b v1.0.0\n"
		if version != "" {
			mod += "go " + version + "\n"
		}
		lock, err := Parse("gomod", goFiles("go.mod", mod, files))
		if err != nil {
			t.Fatal(err)
		}
		if lock.Artifacts[0].Spare || lock.Artifacts[1].Spare != spare {
			t.Errorf("go %s: %+v", version, lock.Artifacts)
		}
	}
}

func TestGoProxies(t *testing.T) {
	for setting, want := range map[string]string{
		"https://a.example.org":                                "https://a.example.org",
		" https://a.example.org/ , https://b.example.org|off ": "https://a.example.org https://b.example.org",
		"https://u:p@a.example.org/go/,direct":                 "https://u:p@a.example.org/go",
		"off,https://a.example.org":                            "error: it names no module proxy",
		"direct":                                               "error: it names no module proxy",
		"off":                                                  "error: it names no module proxy",
		"":                                                     "error: no module proxy is known",
		"file:///srv/go":                                       "error: neither http nor https",
		"https://u:secret@h/%zz":                               "error: the URL can't be read",
	} {
		got, err := goProxies(Source{RegistryURL: func(string) string { return setting }})
		text := strings.Join(got, " ")
		if err != nil {
			text = "error: " + err.Error()
		}
		msg, bad := strings.CutPrefix(want, "error: ")
		if bad && (err == nil || !strings.Contains(text, msg)) || !bad && text != want || strings.Contains(text, "secret") {
			t.Errorf("%q: %s, want %s", setting, text, want)
		}
	}
}

// TestRealGoSum: numbers that grep has counted.
func TestRealGoSum(t *testing.T) {
	lock, err := Parse("gomod", goFiles("go.mod", string(readReal(t, "mongocli.go.mod")),
		map[string]string{"go.sum": string(readReal(t, "mongocli.go.sum"))}))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, a := range lock.Artifacts {
		count[a.Path[len(a.Path)-4:]]++
		if a.Digest.Weak() || len(a.URLs) != 2 || a.Line == 0 {
			t.Errorf("%+v", a)
		}
		if !a.Spare {
			count["read"]++
		}
	}
	if want := map[string]int{".mod": 1240, ".zip": 71, "read": 2 * 64}; !maps.Equal(count, want) {
		t.Errorf("%v, want %v", count, want)
	}
	if len(lock.Warnings) > 0 {
		t.Errorf("%q", lock.Warnings)
	}
}
