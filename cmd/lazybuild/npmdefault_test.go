package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// npmWorld is a machine with an npm that says what is in the file "registry" and
// counts how often it was asked.
type npmWorld struct {
	t    *testing.T
	root string
	n    npmDefault
}

const fakeNpm = `#!/bin/sh
echo >> ROOT/asked
echo "registry=$(cat ROOT/registry)"
echo "userconfig=ROOT/home/.npmrc"
echo "globalconfig=ROOT/etc/npmrc"
`

func newNpmWorld(t *testing.T) *npmWorld {
	w := &npmWorld{t: t, root: t.TempDir()}
	w.write("lib/npm/bin/"+npmProgram, fakeNpm)
	w.write("bin/node", "#!/bin/sh\n")
	w.write("registry", "https://a.example.org/")
	w.write("work/project/package.json", "{}")
	if err := os.Symlink("../lib/npm/bin/"+npmProgram, w.path("bin/npm")); err != nil {
		t.Fatal(err)
	}
	w.n = npmDefault{
		context: w.path("work/project"), cache: w.path("cache"), environ: []string{"HOME=" + w.path("home")},
		look: func(name string) (string, error) { return exec.LookPath(w.path("bin/" + name)) },
	}
	return w
}

func (w *npmWorld) path(name string) string { return filepath.Join(w.root, name) }

func (w *npmWorld) write(name, text string) {
	w.t.Helper()
	if err := os.MkdirAll(filepath.Dir(w.path(name)), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(w.path(name), []byte(strings.ReplaceAll(text, "ROOT", w.root)), 0o755); err != nil {
		w.t.Fatal(err)
	}
}

func (w *npmWorld) asked() int {
	data, err := os.ReadFile(w.path("asked"))
	if err != nil && !os.IsNotExist(err) {
		w.t.Fatal(err)
	}
	return len(data)
}

func (w *npmWorld) expect(registry string, asked int) {
	w.t.Helper()
	if got := w.n.registry(); got != registry || w.asked() != asked {
		w.t.Errorf("%q after %d questions, want %q after %d", got, w.asked(), registry, asked)
	}
}

func TestNpmIsAskedForItsRegistryOnce(t *testing.T) {
	w := newNpmWorld(t)
	w.write("etc/npmrc", "fund=false\n")
	for range 3 {
		w.expect("https://a.example.org/", 1)
	}
	// Another project is another answer.
	w.write("work/other/package.json", "{}")
	w.n.context = w.path("work/other")
	w.expect("https://a.example.org/", 2)
}

func TestNpmIsAskedAgainWhenItsAnswerMayHaveChanged(t *testing.T) {
	for name, change := range map[string]func(*npmWorld){
		"the project's file":      func(w *npmWorld) { w.write("work/project/.npmrc", "x=y\n") },
		"the user's file":         func(w *npmWorld) { w.write("home/.npmrc", "x=y\n") },
		"the machine's file":      func(w *npmWorld) { w.write("etc/npmrc", "x=y\n") },
		"the machine's file gone": func(w *npmWorld) { os.Remove(w.path("etc/npmrc")) },
		"npm's own file":          func(w *npmWorld) { w.write("lib/npm/npmrc", "x=y\n") },
		"a file above":            func(w *npmWorld) { w.write("work/.npmrc", "x=y\n") },
		"a variable":              func(w *npmWorld) { w.n.environ = append(w.n.environ, "NPM_CONFIG_PREFIX=/x") },
		"another npm":             func(w *npmWorld) { w.touch("lib/npm/bin/" + npmProgram) },
		"another node":            func(w *npmWorld) { w.touch("bin/node") },
		"a damaged answer":        func(w *npmWorld) { w.write("cache/"+filepath.Base(w.n.file()), `{"registry":`) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newNpmWorld(t)
			w.write("etc/npmrc", "fund=false\n")
			w.expect("https://a.example.org/", 1)
			w.write("registry", "https://b.example.org/")
			w.expect("https://a.example.org/", 1)
			change(w)
			w.expect("https://b.example.org/", 2)
		})
	}
}

func (w *npmWorld) touch(name string) {
	w.t.Helper()
	later := time.Now().Add(time.Hour)
	if err := os.Chtimes(w.path(name), later, later); err != nil {
		w.t.Fatal(err)
	}
}

// What the answer depends on cannot be told, or it is a secret.
func TestNpmsAnswerIsNotKept(t *testing.T) {
	for name, prepare := range map[string]func(*npmWorld){
		"a password":        func(w *npmWorld) { w.write("registry", "https://u:hunter2@a.example.org/") },
		"variables":         func(w *npmWorld) { w.write("etc/npmrc", "registry=${WHERE}\n") },
		"a file above":      func(w *npmWorld) { w.write("work/.npmrc", "x=y\n") },
		"a version manager": func(w *npmWorld) { os.Remove(w.path("bin/npm")); w.write("bin/npm", fakeNpm) },
		"nowhere to keep":   func(w *npmWorld) { w.n.cache = "" },
		"an old npm": func(w *npmWorld) {
			w.write("lib/npm/bin/"+npmProgram, "#!/bin/sh\necho >> ROOT/asked\ncat ROOT/registry\n")
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newNpmWorld(t)
			prepare(w)
			want, _ := os.ReadFile(w.path("registry"))
			for i := range 2 {
				w.expect(string(want), i+1)
			}
			if kept, _ := filepath.Glob(w.path("cache/*")); len(kept) > 0 {
				t.Errorf("%s is there", kept)
			}
		})
	}
}

func TestNoSecretDecidesAboutNpmsAnswer(t *testing.T) {
	a := npmDefault{environ: []string{"HOME=/h"}}
	b := npmDefault{environ: []string{"npm_config__auth=c2VjcmV0", "npm_config_//h/:_password=x", "NPM_CONFIG_TOKEN=y", "PATH=/z", "HOME=/h"}}
	if a.environment() != b.environment() {
		t.Error("a hash of secrets is kept")
	}
}

func TestWithoutNpmThereIsNoRegistry(t *testing.T) {
	n := npmDefault{look: func(name string) (string, error) { return "", fmt.Errorf("no %s", name) }}
	if got := n.registry(); got != "" {
		t.Error(got)
	}
}
