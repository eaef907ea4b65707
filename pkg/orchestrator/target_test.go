package orchestrator

import (
	"errors"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/lazybuild/lazybuild/pkg/orchestrator/cmdline"
)

// project is a directory with projects in it; it becomes the current one.
func project(t *testing.T) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for path, data := range map[string]string{
		"both/Containerfile":  "FROM both/Containerfile",
		"both/Dockerfile":     "FROM both/Dockerfile",
		"both/build/extra.cf": "FROM both/build/extra.cf",
		"both/here.cf":        "FROM both/here.cf",
		"here.cf":             "FROM here.cf",
		"old/Dockerfile":      "FROM old/Dockerfile",
		"none/README":         "",
		"repo.git/Dockerfile": "FROM repo.git/Dockerfile",
		"archive.tar":         "",
	} {
		mkdir(t, filepath.Dir(filepath.Join(dir, path)))
		writeFile(t, filepath.Join(dir, path), data)
	}
	mkdir(t, filepath.Join(dir, "odd/Containerfile"))
	t.Chdir(dir)
	return dir
}

func line(t *testing.T, words string) *cmdline.Line {
	t.Helper()
	l, err := cmdline.Parse(strings.Fields(words), cmdline.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestContainerfilesAreFoundAsPodmanFindsThem(t *testing.T) {
	dir := project(t)
	for _, tt := range []struct {
		words, context string
		files          string // "name=path", relative to dir, or "stdin"
		opaque         string
		stdin          bool
	}{
		{words: "both", context: "both", files: "Containerfile=both/Containerfile"},
		{words: "old", context: "old", files: "Dockerfile=old/Dockerfile"},
		{words: "./both/../old", context: "old", files: "Dockerfile=old/Dockerfile"},
		{words: "repo.git", context: "repo.git", files: "Dockerfile=repo.git/Dockerfile"},
		// The current directory comes first, then the context.
		{words: "-f here.cf both", context: "both", files: "here.cf=here.cf"},
		{words: "-f both/here.cf both", context: "both", files: "both/here.cf=both/here.cf"},
		{words: "-f build/extra.cf both", context: "both", files: "build/extra.cf=both/build/extra.cf"},
		{words: "-f Dockerfile both", context: "both", files: "Dockerfile=both/Dockerfile"},
		{words: "-f here.cf,old/Dockerfile both", context: "both", files: "here.cf=here.cf old/Dockerfile=old/Dockerfile"},
		{words: "--file=here.cf -f old/Dockerfile both", context: "both", files: "here.cf=here.cf old/Dockerfile=old/Dockerfile"},
		{words: "-f " + dir + "/here.cf old", context: "old", files: dir + "/here.cf=here.cf"},
		// Without a context it is the Containerfile's directory.
		{words: "-f both/build/extra.cf", context: "both/build", files: "both/build/extra.cf=both/build/extra.cf"},
		{words: "-f - both", context: "both", files: "stdin"},
		{words: "-f /dev/stdin both", context: "both", files: "stdin"},
		{words: "", opaque: "no build context is named"},
		{words: "-f -", opaque: "the build context comes from stdin", stdin: true},
		{words: "-f https://example.org/Containerfile -f both/here.cf", context: "both", opaque: "a Containerfile is fetched from a URL"},
		{words: "-f https://example.org/Containerfile", opaque: "no build context is named"},
		{words: "-", opaque: "the build context comes from stdin", stdin: true},
		{words: "- -f -", opaque: "the build context comes from stdin", stdin: true},
		{words: "- -f nowhere.cf", opaque: "the build context is no local directory"},
		// What is here, podman does not look for in a context that it fetches.
		{words: "- -f here.cf", files: "here.cf=here.cf"},
		{words: "https://example.org/x.git -f here.cf,both/here.cf", files: "here.cf=here.cf both/here.cf=both/here.cf"},
		{words: "https://example.org/x.git -f here.cf,nowhere.cf", opaque: "the build context is no local directory"},
		{words: "https://example.org/x.git -f -", files: "stdin"},
		{words: "-f pre.in both", context: "both", opaque: "pre.in goes through the C preprocessor"},
		{words: "http://example.org/x.tar.gz", opaque: "the build context is no local directory"},
		{words: "https://example.org/x.git#main:sub", opaque: "the build context is no local directory"},
		{words: "git://example.org/x.git", opaque: "the build context is no local directory"},
		{words: "github.com/example/x", opaque: "the build context is no local directory"},
		{words: "-f here.cf archive.tar", opaque: "the build context is no directory"},
		{words: "-f https://example.org/Containerfile both", context: "both", opaque: "a Containerfile is fetched from a URL"},
	} {
		got, err := Locate(line(t, tt.words), strings.NewReader("FROM stdin"))
		if err != nil {
			t.Errorf("%q: %v", tt.words, err)
			continue
		}
		want := &Target{Opaque: tt.opaque, Stdin: tt.stdin}
		if tt.context != "" {
			want.Context = filepath.Join(dir, tt.context)
		}
		for f := range strings.FieldsSeq(tt.files) {
			if f == "stdin" {
				want.Files = append(want.Files, Containerfile{Name: "standard input", Data: []byte("FROM stdin")})
				continue
			}
			name, path, _ := strings.Cut(f, "=")
			want.Files = append(want.Files, Containerfile{Name: name, Path: filepath.Join(dir, path), Data: []byte("FROM " + path)})
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("%q:\n%s", tt.words, d)
		}
	}
}

func TestAMissingContainerfileIsAUsageError(t *testing.T) {
	project(t)
	for words, want := range map[string]string{
		"nowhere":         "no such file or directory",
		"none":            "no Containerfile or Dockerfile in",
		"-f nope both":    "reading the Containerfile: open",
		"-f /nope both":   "open /nope",
		"-f both .":       "is a directory",
		"odd":             "is a directory",
		"-f - both":       "stdin is broken",
		"-f nope,here.cf": "nope",
	} {
		_, err := Locate(line(t, words), iotest.ErrReader(errors.New("stdin is broken")))
		var usage *UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", words, err, want)
		}
	}
}

func TestAContextWithoutAContainerfileIsKnown(t *testing.T) {
	dir := project(t)
	got, err := Locate(line(t, "none"), strings.NewReader(""))
	if err == nil || got == nil || got.Context != filepath.Join(dir, "none") {
		t.Errorf("got %+v, %v", got, err)
	}
	if got.Containerfile() != "" {
		t.Errorf("its Containerfile is %q", got.Containerfile())
	}
}

func TestStdinIsLeftAloneUnlessItIsTheContainerfile(t *testing.T) {
	project(t)
	in := strings.NewReader("for podman")
	if _, err := Locate(line(t, "both"), in); err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(in); string(rest) != "for podman" {
		t.Errorf("podman would read %q", rest)
	}
}

func TestTheIgnoreFileOfAContainerfile(t *testing.T) {
	dir := t.TempDir()
	c := &Containerfile{Path: writeFile(t, filepath.Join(dir, "app.cf"), "")}
	check := func(want string) {
		t.Helper()
		if got := c.ignoreFile(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	writeFile(t, filepath.Join(dir, ".containerignore"), "")
	check("") // the context's, which podman finds by itself
	docker := writeFile(t, filepath.Join(dir, "app.cf.dockerignore"), "")
	check(docker)
	own := writeFile(t, filepath.Join(dir, "app.cf.containerignore"), "")
	check(own)
	c.Path = ""
	check("")
}
