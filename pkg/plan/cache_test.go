package plan

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/lazybuild/lazybuild/pkg/locks"
)

// keptProject has something of everything that a plan can hold and be made from.
func keptProject(t *testing.T) Options {
	file := param("dockerfile", "image/Containerfile")
	o := options(project(t, map[string]string{
		".git/HEAD": "", "image/Containerfile": "", "image/pylock.toml": pylock(anyWheel, hashA), "image/package-lock.json": packageLock,
		"image/package.json": "{}", "image/go.mod": "module example.org/a\n", "image/go.sum": goSum("v1.2.0"), "artifacts.lock.yaml": artifacts,
		"repos/own.repo":                  "[own]\nbaseurl=https://example.org/own\n",
		".tekton/other-pull-request.yaml": run(file + param("note", "prefetch-input")),
		ConfigName:                        "repos-d = [\"repos\"]\n[[hosts]]\nhost = \"example.org\"\ntoken-env = \"TOKEN\"\n",
	}))
	o.Containerfile = filepath.Join(o.ContextDir, "image", "Containerfile")
	o.RegistryURL = func(string) string { return "https://go.example.org" }
	o.Mirror = func(string) string { return "" }
	o.Config = keptConfig(t, o.ContextDir)
	return o
}

func keptConfig(t *testing.T, dir string) *Config {
	t.Helper()
	c, err := ReadConfig(filepath.Join(dir, ConfigName))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func newCache(t *testing.T) Cache { return Cache{Dir: t.TempDir(), Program: "this one"} }

// isKept says whether the cache would answer for these options.
func (c Cache) isKept(t *testing.T, o Options) bool {
	t.Helper()
	if err := o.complete(); err != nil {
		t.Fatal(err)
	}
	return c.load(c.path(o), o.look) != nil
}

// sameAsFresh fails unless the cache gives what Make gives.
func (c Cache) sameAsFresh(t *testing.T, o Options) {
	t.Helper()
	got, gotErr := c.Make(o)
	want, wantErr := Make(o)
	if fmt.Sprint(gotErr) != fmt.Sprint(wantErr) {
		t.Fatalf("error %v instead of %v", gotErr, wantErr)
	}
	if d := cmp.Diff(want, got, cmpopts.IgnoreFields(Plan{}, "TreeFile", "RewriteFiles"), cmpopts.EquateEmpty()); d != "" {
		t.Error(d)
	}
}

func TestAKeptPlanIsThatOfMake(t *testing.T) {
	o, c := keptProject(t), newCache(t)
	if c.isKept(t, o) {
		t.Fatal("a plan is there that nobody has made")
	}
	c.sameAsFresh(t, o)
	if !c.isKept(t, o) {
		t.Fatal("the plan was not kept")
	}
	c.sameAsFresh(t, o)
	p, err := c.Make(o)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Rewrites) == 0 || len(p.ReposD) == 0 || len(p.Env) == 0 || len(p.Hosts) == 0 || len(p.Files) < 4 {
		t.Errorf("the plan has too little in it to compare: %+v", p)
	}
	if _, err := os.Stat(filepath.Join(c.Dir, p.TreeFile)); err != nil || len(p.RewriteFiles) != len(p.Rewrites) {
		t.Errorf("its files: %v, %v", err, p.RewriteFiles)
	}
}

func TestAKeptPlanIsNotUsedAfterAChange(t *testing.T) {
	write := func(name, text string) func(*testing.T, *Options, *Cache) {
		return func(t *testing.T, o *Options, _ *Cache) { writeFile(t, filepath.Join(o.ContextDir, name), text) }
	}
	remove := func(name string) func(*testing.T, *Options, *Cache) {
		return func(t *testing.T, o *Options, _ *Cache) {
			if err := os.Remove(filepath.Join(o.ContextDir, name)); err != nil {
				t.Fatal(err)
			}
		}
	}
	file := param("dockerfile", "image/Containerfile")
	for name, change := range map[string]func(*testing.T, *Options, *Cache){
		"another lock":            write("image/pylock.toml", pylock(anyWheel, hashB)),
		"a lock more":             write("Gemfile.lock", "GEM\n  remote: https://example.org/\n  specs:\n    g (1)\n\nCHECKSUMS\n  g (1) sha256="+hashA+"\n"),
		"a lock less":             remove("artifacts.lock.yaml"),
		"a malformed lock":        write("artifacts.lock.yaml", "metadata: 7"),
		"a rival lock":            write("image/yarn.lock", "# yarn lockfile v1\n"),
		"a lock's neighbour":      write("image/go.mod", "module example.org/b\n"),
		"a workspace":             write("image/go.work", "go 1.24\nuse .\n"),
		"a file that it rewrites": write("image/package.json", `{"dependencies":{}}`),
		"a project's repository":  write("repos/own.repo", "[own]\nbaseurl=https://example.org/other\n"),
		"another repository":      write("repos/two.repo", "[two]\nbaseurl=https://example.org/two\n"),
		"a pipeline": write(".tekton/x-pull-request.yaml",
			run(file+param("prefetch-input", "\n    - type: generic\n      path: .\n"))),
		"a pipeline's text": write(".tekton/other-pull-request.yaml", run(file+param("prefetch-input", "\n    - type: generic\n      path: .\n"))),
		"a nearer repository": func(t *testing.T, o *Options, _ *Cache) {
			writeFile(t, filepath.Join(o.ContextDir, "image/.git/HEAD"), "")
		},
		"a link in place of a lock": func(t *testing.T, o *Options, _ *Cache) {
			path := filepath.Join(o.ContextDir, "artifacts.lock.yaml")
			if err := os.Rename(path, filepath.Join(o.ContextDir, "real.yaml")); err != nil {
				t.Fatal(err)
			}
			if err := os.Symlink("real.yaml", path); err != nil {
				t.Fatal(err)
			}
		},
		"the configuration": func(t *testing.T, o *Options, _ *Cache) {
			writeFile(t, filepath.Join(o.ContextDir, ConfigName), "[[hosts]]\nhost = \"example.org\"\ntoken-env = \"OTHER\"\n")
			o.Config = keptConfig(t, o.ContextDir)
		},
		"no configuration": func(_ *testing.T, o *Options, _ *Cache) { o.Config = nil },
		"an input": func(_ *testing.T, o *Options, _ *Cache) {
			o.Inputs = []Input{{Type: "generic", Path: "artifacts.lock.yaml", By: "--lazy-input"}}
		},
		"an input's option": func(_ *testing.T, o *Options, _ *Cache) {
			o.Inputs = []Input{{Type: "pip", Path: "image", Options: InputOptions{Binary: &Binary{Arch: "s390x"}}}}
		},
		"a platform":          func(_ *testing.T, o *Options, _ *Cache) { o.Platform = "linux/arm64" },
		"a build argument":    func(_ *testing.T, o *Options, _ *Cache) { o.BuildArgs = []string{"A=1"} },
		"a file of arguments": func(_ *testing.T, o *Options, _ *Cache) { o.BuildArgFiles = []string{"argfile"} },
		"another Containerfile": func(_ *testing.T, o *Options, _ *Cache) {
			o.Containerfile = filepath.Join(o.ContextDir, "Containerfile")
		},
		"another output":    func(_ *testing.T, o *Options, _ *Cache) { o.OutputDir = "/deps" },
		"another directory": func(_ *testing.T, o *Options, _ *Cache) { o.Dir = "/" },
		"source packages":   func(_ *testing.T, o *Options, _ *Cache) { o.SourceRPMs = true },
		"a registry": func(_ *testing.T, o *Options, _ *Cache) {
			o.RegistryURL = func(string) string { return "https://new.example.org" }
		},
		"a mirror": func(_ *testing.T, o *Options, _ *Cache) {
			o.Mirror = func(string) string { return "https://mirror.example.org" }
		},
		"another lazybuild": func(_ *testing.T, _ *Options, c *Cache) { c.Program = "another one" },
	} {
		t.Run(name, func(t *testing.T) {
			o, c := keptProject(t), newCache(t)
			c.sameAsFresh(t, o)
			if !c.isKept(t, o) {
				t.Fatal("the plan was not kept")
			}
			change(t, &o, &c)
			if c.isKept(t, o) {
				t.Error("the plan from before the change would be used")
			}
			c.sameAsFresh(t, o)
		})
	}
}

// What a plan does not depend on must not cost one.
func TestAKeptPlanIsUsedAfterAChangeOfSources(t *testing.T) {
	o, c := keptProject(t), newCache(t)
	c.sameAsFresh(t, o)
	writeFile(t, filepath.Join(o.ContextDir, "image/main.py"), "print()")
	writeFile(t, o.Containerfile, "FROM scratch\n")
	if !c.isKept(t, o) {
		t.Error("it is not used")
	}
}

func TestADamagedKeptPlanIsMadeAnew(t *testing.T) {
	o := keptProject(t)
	first := newCache(t)
	first.sameAsFresh(t, o)
	files, err := os.ReadDir(first.Dir)
	if err != nil || len(files) < 3 {
		t.Fatalf("%d files: %v", len(files), err)
	}
	for _, f := range files {
		for what, damage := range map[string]func([]byte) []byte{
			"cut":     func(b []byte) []byte { return b[:len(b)/2] },
			"empty":   func([]byte) []byte { return nil },
			"changed": func(b []byte) []byte { b[len(b)*3/4] ^= 1; return b },
		} {
			t.Run(f.Name()+" "+what, func(t *testing.T) {
				c := newCache(t)
				c.sameAsFresh(t, o)
				path := filepath.Join(c.Dir, f.Name())
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, damage(data), 0o600); err != nil {
					t.Fatal(err)
				}
				if c.isKept(t, o) {
					t.Error("it would be used")
				}
				c.sameAsFresh(t, o)
				if !c.isKept(t, o) {
					t.Error("the new one was not kept")
				}
			})
		}
	}
}

func TestWhatPlansAreNotKept(t *testing.T) {
	secret := strings.Replace(pylock(anyWheel, hashA), "https://", "https://me:word@", 1)
	for name, change := range map[string]func(*Options, *Cache){
		"small":         func(_ *Options, c *Cache) { c.Least = 1 << 20 },
		"by no program": func(_ *Options, c *Cache) { c.Program = "" },
		"secret URL":    func(o *Options, _ *Cache) { writeFile(t, filepath.Join(o.ContextDir, "image/pylock.toml"), secret) },
		"secret repository": func(o *Options, _ *Cache) {
			writeFile(t, filepath.Join(o.ContextDir, "repos/own.repo"), "[own]\npassword=word\n")
		},
		"asked an index": func(o *Options, _ *Cache) {
			if err := os.Remove(filepath.Join(o.ContextDir, "image/pylock.toml")); err != nil {
				t.Fatal(err)
			}
			writeFile(t, filepath.Join(o.ContextDir, "image/requirements.txt"), "p==1 --hash=sha256:"+hashA+"\n")
			o.Lookup = func(Question) ([]locks.Artifact, []string, error) { return nil, nil, nil }
		},
	} {
		t.Run(name, func(t *testing.T) {
			o, c := keptProject(t), newCache(t)
			change(&o, &c)
			c.sameAsFresh(t, o)
			if files, err := os.ReadDir(c.Dir); err != nil || len(files) > 0 {
				t.Errorf("%d files are kept (%v)", len(files), err)
			}
		})
	}
}

// What encoding/gob leaves out without a word would be missing from a kept plan.
func TestEverythingInAPlanCanBeKept(t *testing.T) {
	seen := map[reflect.Type]bool{}
	var check func(path string, typ reflect.Type)
	check = func(path string, typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice, reflect.Map:
			check(path, typ.Elem())
		case reflect.Func, reflect.Chan, reflect.Interface:
			t.Errorf("%s is a %s", path, typ)
		case reflect.Struct:
			if seen[typ] {
				return
			}
			seen[typ] = true
			for i := range typ.NumField() {
				f := typ.Field(i)
				if !f.IsExported() {
					t.Errorf("%s.%s is not exported", path, f.Name)
				}
				check(path+"."+f.Name, f.Type)
			}
		}
	}
	check("Plan", reflect.TypeFor[Plan]())
}

// A look at the machine that is not noted would keep a kept plan in use after a
// change.
func TestPlanningLooksAtFilesThroughTheLookerAlone(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	allowed := map[string]int{"look.go": 9, "owner_unix.go": 2, "cache.go": 2, "config.go": 1, "inputjson.go": 3, "plan.go": 2}
	for _, file := range files {
		if strings.HasSuffix(file, "_test.go") {
			continue
		}
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for line := range strings.Lines(string(data)) {
			for _, way := range []string{
				"os.Stat(", "os.Lstat(", "os.Open", "os.Read", "os.Get", "os.Environ", "os.LookupEnv", "filepath.EvalSymlinks(", "filepath.Glob(",
				"filepath.Walk", "untrusted.ReadFile(", "o.ReadFile(", "readSmall(", "exec.Command", "time.Now(",
			} {
				n += strings.Count(line, way)
			}
		}
		if n > allowed[file] {
			t.Errorf("%s looks at the machine %d times; that is for look.go", file, n)
		}
	}
}

func TestACacheSaysThatItHasAPlanBeforeItIsChecked(t *testing.T) {
	o, c := keptProject(t), newCache(t)
	found := 0
	c.Found = func() { found++ }
	for i, want := range []int{0, 1, 2} {
		if i == 2 {
			writeFile(t, filepath.Join(o.ContextDir, "artifacts.lock.yaml"), "metadata: 7")
		}
		_, _ = c.Make(o)
		if found != want {
			t.Errorf("plan %d: it has said so %d times, not %d", i, found, want)
		}
	}
}
