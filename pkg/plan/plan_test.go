package plan

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lazybuild/lazybuild/pkg/locks"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

const hashA, hashB = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb", "3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"

// pylock is a lock of one wheel.
func pylock(wheel, hash string) string {
	return fmt.Sprintf("lock-version = \"1.0\"\ncreated-by = \"test\"\n[[packages]]\nname = \"p\"\nversion = \"1\"\n"+
		"wheels = [{name = %q, url = \"https://example.org/%s\", size = 7, hashes = {sha256 = %q}}]\n", wheel, wheel, hash)
}

const (
	anyWheel    = "p-1-py3-none-any.whl"
	artifacts   = "metadata:\n  version: \"1.0\"\nartifacts:\n  - download_url: https://example.org/key.txt\n    checksum: sha256:" + hashA + "\n"
	packageLock = `{"name":"app","version":"1.0.0","lockfileVersion":3,"packages":{"":{"name":"app","version":"1.0.0","dependencies":{"left":"1.0.0"}},` +
		`"node_modules/left":{"version":"1.0.0","resolved":"https://example.org/left/-/left-1.0.0.tgz","integrity":"sha512-z4PhNX7vuL3xVChQ1m2AB9Yg5AULVxXcg/SpIdNs6c5H0NE8XYXysP+DGNKHfuwvY7kxvUdBeoGlODJ6+SfaPg=="}}}`
)

func makePlan(t *testing.T, o Options) *Plan {
	t.Helper()
	p, err := Make(o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// options are those of a build in dir, started there.
func options(dir string) Options {
	return Options{ContextDir: dir, Containerfile: filepath.Join(dir, "Containerfile"), Dir: dir, Platform: "linux/amd64"}
}

// filePaths are those of the files that the locks name.
func filePaths(p *Plan) []string {
	var out []string
	for _, f := range p.Tree.Files {
		if f.Path != "bom.json" && f.Path != ".build-config.json" {
			out = append(out, f.Path)
		}
	}
	return out
}

func TestMakeFindsEveryLock(t *testing.T) {
	dir := project(t, map[string]string{
		"image/Containerfile": "", "image/pylock.toml": pylock(anyWheel, hashA),
		"package-lock.json": packageLock, "artifacts.lock.yaml": artifacts, "deeper/pylock.toml": "not read",
	})
	o := options(dir)
	o.Containerfile = filepath.Join(dir, "image", "Containerfile")
	p := makePlan(t, o)
	if diff := cmp.Diff([]string{"deps/generic/key.txt", "deps/npm/left-1.0.0.tgz", "deps/pip/" + anyWheel}, filePaths(p)); diff != "" {
		t.Error(diff)
	}
	want := []tree.Input{
		{Type: "pip", Lock: "image/pylock.toml", FoundBy: "beside the Containerfile"},
		{Type: "generic", Lock: "artifacts.lock.yaml", FoundBy: "in the build context's root"},
		{Type: "npm", Lock: "package-lock.json", FoundBy: "in the build context's root"},
	}
	if diff := cmp.Diff(want, p.Tree.Inputs); diff != "" {
		t.Error(diff)
	}
	wheel, _ := p.Tree.Lookup("deps/pip/" + anyWheel)
	if wheel == nil || wheel.Group != "pip:image/pylock.toml" || !wheel.Fits || wheel.Size != 7 {
		t.Errorf("the wheel is %+v", wheel)
	}
	var names []string
	for _, e := range p.Env {
		names = append(names, e.Name)
	}
	if diff := cmp.Diff([]string{"PIP_FIND_LINKS", "PIP_NO_INDEX"}, names); diff != "" {
		t.Error(diff)
	}
	if len(p.Files) != 3 || !filepath.IsAbs(p.Files[0]) {
		t.Errorf("files read: %q", p.Files)
	}
}

func TestRewritesAreKeyedByAbsolutePath(t *testing.T) {
	dir := project(t, map[string]string{"web/package-lock.json": packageLock})
	o := options(dir)
	o.Inputs = []Input{{Type: "npm", Path: "web"}}
	p := makePlan(t, o)
	content, ok := p.Rewrites[filepath.Join(dir, "web", "package-lock.json")]
	if !ok || !strings.Contains(string(content), "file:///cachi2/output/deps/npm/left-1.0.0.tgz") {
		t.Errorf("rewrites: %q", p.Rewrites)
	}

	o.ContextDir = filepath.Join(dir, "elsewhere")
	p = makePlan(t, o)
	if len(p.Rewrites) != 0 || !strings.Contains(strings.Join(p.Warnings, "\n"), "outside the build context") {
		t.Errorf("outside the context: rewrites %q, warnings %q", p.Rewrites, p.Warnings)
	}
}

func TestTheSameFileIsReadOnce(t *testing.T) {
	dir := project(t, map[string]string{"pylock.toml": pylock(anyWheel, hashA)})
	if err := os.Symlink("pylock.toml", filepath.Join(dir, "pylock.link.toml")); err != nil {
		t.Fatal(err)
	}
	o := options(dir)
	if p := makePlan(t, o); len(p.Tree.Inputs) != 1 {
		t.Errorf("discovery: inputs %v", p.Tree.Inputs)
	}
	o.Inputs = []Input{{Type: "pip", Path: "."}, {Type: "pip", Path: dir + "/./pylock.toml"}, {Type: "pip"}}
	if p := makePlan(t, o); len(p.Tree.Inputs) != 1 {
		t.Errorf("flags: inputs %v", p.Tree.Inputs)
	}
}

func TestNamedInputs(t *testing.T) {
	dir := project(t, map[string]string{
		"pylock.toml": pylock(anyWheel, hashA), "artifacts.lock.yaml": artifacts,
		"locks/odd.name":     pylock("q-1-py3-none-any.whl", hashB),
		"many/pylock.a.toml": pylock("a-1-py3-none-any.whl", hashA), "many/pylock.b.toml": pylock("b-1-py3-none-any.whl", hashB),
	})
	for name, c := range map[string]struct {
		inputs []Input
		want   []string
	}{
		"a type alone is looked for":       {[]Input{{Type: "pip"}}, []string{"deps/pip/" + anyWheel}},
		"a file of any name":               {[]Input{{Type: "pip", Path: "locks/odd.name"}}, []string{"deps/pip/q-1-py3-none-any.whl"}},
		"an absolute path":                 {[]Input{{Type: "generic", Path: filepath.Join(dir, "artifacts.lock.yaml")}}, []string{"deps/generic/key.txt"}},
		"a directory: all of the type":     {[]Input{{Type: "pip", Path: "many"}}, []string{"deps/pip/a-1-py3-none-any.whl", "deps/pip/b-1-py3-none-any.whl"}},
		"a directory: none of other types": {[]Input{{Type: "generic", Path: "."}}, []string{"deps/generic/key.txt"}},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(dir)
			o.Inputs = c.inputs
			if diff := cmp.Diff(c.want, filePaths(makePlan(t, o))); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestNamedInputsThatAreNotThere(t *testing.T) {
	dir := project(t, map[string]string{"empty/x": "", "pylock.toml": pylock(anyWheel, hashA)})
	for name, c := range map[string]struct {
		in   Input
		says string
	}{
		"no file":       {Input{Type: "pip", Path: "absent", By: "--lazy-input"}, "absent"},
		"empty dir":     {Input{Type: "pip", Path: "empty", By: "--lazy-input"}, "no pip lock file in empty"},
		"nothing found": {Input{Type: "npm", By: "--lazy-input"}, "no npm lock file beside the Containerfile"},
	} {
		t.Run(name, func(t *testing.T) {
			o := options(dir)
			o.Inputs = []Input{c.in}
			_, err := Make(o)
			if err == nil || !strings.Contains(err.Error(), c.says) || !strings.HasPrefix(err.Error(), "--lazy-input: ") {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestConfiguredInputsStartAtTheConfiguration(t *testing.T) {
	dir := project(t, map[string]string{
		"pylock.toml": "not read", "image/lazybuild.toml": "inputs = [{type = \"pip\", path = \"../locks/pylock.x.toml\"}]\n",
		"locks/pylock.x.toml": pylock(anyWheel, hashA), "artifacts.lock.yaml": artifacts,
	})
	o := options(dir)
	var err error
	if o.Config, err = FindConfig("", filepath.Join(dir, "image", "Containerfile"), dir); err != nil {
		t.Fatal(err)
	}
	p := makePlan(t, o)
	if diff := cmp.Diff([]string{"deps/pip/" + anyWheel}, filePaths(p)); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{filepath.Join(dir, "image", ConfigName), filepath.Join(dir, "locks", "pylock.x.toml")}, p.Files); diff != "" {
		t.Error(diff)
	}
	o.Inputs = []Input{{Type: "generic"}}
	if diff := cmp.Diff([]string{"deps/generic/key.txt"}, filePaths(makePlan(t, o))); diff != "" {
		t.Errorf("flags must win over the configuration: %s", diff)
	}
}

func TestLocksOfDifferentBuildsAreAConflictWithAHint(t *testing.T) {
	dir := project(t, map[string]string{"pylock.cpu.toml": pylock(anyWheel, hashA), "pylock.cuda.toml": pylock(anyWheel, hashB)})
	_, err := Make(options(dir))
	var conflict *tree.ConflictError
	if !errors.As(err, &conflict) {
		t.Fatalf("got %v", err)
	}
	for _, want := range []string{"pylock.cpu.toml", "pylock.cuda.toml", anyWheel, "--lazy-input pip:pylock.cpu.toml"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("%q does not say %q", err, want)
		}
	}
}

// Shows S36.
func TestAllBadLocksAreReported(t *testing.T) {
	dir := project(t, map[string]string{"pylock.toml": "lock-version = \"9\"\n", "package-lock.json": "{\n\n]"})
	_, err := Make(options(dir))
	var bad *locks.Error
	if !errors.As(err, &bad) || !strings.Contains(err.Error(), "pylock.toml:1") || !strings.Contains(err.Error(), "package-lock.json:3") {
		t.Errorf("got %v", err)
	}
}

func TestAnUnreadableLockIsAnError(t *testing.T) {
	o := options(project(t, map[string]string{"pylock.toml": ""}))
	broken := errors.New("broken disk")
	o.ReadFile = func(string) ([]byte, error) { return nil, broken }
	if _, err := Make(o); !errors.Is(err, broken) || !strings.Contains(err.Error(), "pip lock file") {
		t.Errorf("got %v", err)
	}
}

func TestShrinkwrapReplacesThePackageLock(t *testing.T) {
	dir := project(t, map[string]string{"npm-shrinkwrap.json": packageLock, "package-lock.json": "not read"})
	if p := makePlan(t, options(dir)); len(p.Tree.Inputs) != 1 || p.Tree.Inputs[0].Lock != "npm-shrinkwrap.json" {
		t.Errorf("inputs %v", p.Tree.Inputs)
	}
}

// Shows S39.
func TestAProjectWithoutLocksHasAnEmptyTree(t *testing.T) {
	p := makePlan(t, options(project(t, nil)))
	if len(p.Tree.Files)+len(p.Tree.Inputs)+len(p.Env)+len(p.Files) != 0 {
		t.Errorf("got %+v", p)
	}
	if p := makePlan(t, Options{}); p.Tree == nil {
		t.Error("no tree without a context (a context that is a URL has none)")
	}
}

// take is held against a lock with everything that a parser can say.
func TestEverythingThatALockSaysReachesThePlan(t *testing.T) {
	lock := &locks.Lock{
		Type: "rpm",
		Artifacts: []locks.Artifact{
			{Path: "deps/rpm/b.rpm", URLs: []string{"https://example.org/b"}, Size: locks.SizeUnknown, Auth: &locks.Auth{User: "$U", Password: "$P", Line: 7}},
			{Path: "deps/rpm/a.rpm", Digest: "sha256:" + hashA, Size: 5, Only: locks.Constraint{Arch: "s390x"}},
			{Path: "deps/rpm/A.rpm", Digest: "sha256:" + hashA, Size: 5},
		},
		Texts:    map[string][]byte{"deps/rpm/repos.d/x.repo": []byte("[x]\n"), "empty": nil},
		Repos:    []locks.Repo{{Dir: "deps/rpm/x86_64/r", Modules: "deps/rpm/m"}},
		Env:      []locks.EnvVar{{Name: "A", Value: "b"}},
		Warnings: []string{"weak"},
	}
	b := &builder{o: options("/ctx"), targets: []Platform{{"linux", "amd64"}}, plan: &Plan{Rewrites: map[string][]byte{}}}
	b.take(lock, tree.Input{Type: "rpm", Lock: "rpms.lock.yaml"})
	p, err := b.finish()
	if err != nil {
		t.Fatal(err)
	}
	recipe := tree.Recipe{Kind: "repodata", Args: map[string]string{"dir": "deps/rpm/x86_64/r", "modules": "deps/rpm/m"}}
	if diff := cmp.Diff([]tree.Dir{{Path: "deps/rpm/x86_64/r/repodata", Make: recipe}}, p.Tree.Dirs); diff != "" {
		t.Error(diff)
	}
	if f, _ := p.Tree.Lookup("deps/rpm/a.rpm"); f == nil || f.Fits || f.Rank != 1 || f.Size != 5 {
		t.Errorf("a.rpm is %+v", f)
	}
	if f, _ := p.Tree.Lookup("deps/rpm/b.rpm"); f == nil || !f.Fits || f.Size != tree.SizeUnknown {
		t.Errorf("b.rpm is %+v", f)
	}
	if f, _ := p.Tree.Lookup("empty"); f == nil || f.Content == nil || f.Size != 0 {
		t.Errorf("the empty generated file is %+v", f)
	}
	if diff := cmp.Diff([]Auth{{[]string{"https://example.org/b"}, "rpms.lock.yaml", 7, locks.Auth{User: "$U", Password: "$P", Line: 7}}}, p.Auth); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]tree.Env{{Name: "A", Value: "b"}}, p.Env); diff != "" {
		t.Error(diff)
	}
	all := strings.Join(p.Warnings, "\n")
	for _, want := range []string{"rpms.lock.yaml: weak", "differ only in upper and lower case"} {
		if !strings.Contains(all, want) {
			t.Errorf("no warning says %q: %q", want, all)
		}
	}
}

func BenchmarkMake(b *testing.B) {
	var text strings.Builder
	text.WriteString("lock-version = \"1.0\"\ncreated-by = \"test\"\n")
	for i := range 10_000 {
		fmt.Fprintf(&text, "[[packages]]\nname = \"p%d\"\nversion = \"1\"\nmarker = \"sys_platform == 'linux'\"\nwheels = [{url = \"https://example.org/p%d-1-cp312-cp312-manylinux_2_28_x86_64.whl\", size = 7, hashes = {sha256 = %q}}]\n", i, i, hashA)
	}
	dir := project(b, map[string]string{"pylock.toml": text.String()})
	b.ReportAllocs()
	for b.Loop() {
		p, err := Make(options(dir))
		if err != nil || len(filePaths(p)) != 10_000 {
			b.Fatal(err)
		}
	}
}

func BenchmarkTake(b *testing.B) {
	lock := &locks.Lock{Type: "pip"}
	for i := range 10_000 {
		lock.Artifacts = append(lock.Artifacts, locks.Artifact{
			Name: fmt.Sprint("p", i), Version: "1", Path: fmt.Sprintf("deps/pip/p%d-1-cp312-cp312-manylinux_2_28_x86_64.whl", i),
			URLs: []string{"https://example.org/x"}, Digest: "sha256:" + hashA,
			Only: locks.Constraint{Marker: "sys_platform == 'linux' and python_version >= '3.12'"},
		})
	}
	for b.Loop() {
		bu := &builder{o: options("/ctx"), targets: []Platform{{"linux", "amd64"}}, plan: &Plan{Rewrites: map[string][]byte{}}}
		bu.take(lock, tree.Input{Type: "pip", Lock: "pylock.toml"})
		if _, err := bu.finish(); err != nil {
			b.Fatal(err)
		}
	}
}
