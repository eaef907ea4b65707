package plan

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const goHash = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="

// goSum has both hashes of each version of example.org/m.
func goSum(versions ...string) string {
	var b strings.Builder
	for _, v := range versions {
		b.WriteString("example.org/m " + v + " " + goHash + "\nexample.org/m " + v + "/go.mod " + goHash + "\n")
	}
	return b.String()
}

func goOptions(dir string) Options {
	o := options(dir)
	o.RegistryURL = func(string) string { return "https://go.example.org" }
	return o
}

// Two components need two versions of a module: its list names both.
func TestGoModulesOfSeveralComponentsShareTheirLists(t *testing.T) {
	dir := project(t, map[string]string{
		"a/go.mod": "module example.org/a\n", "a/go.sum": goSum("v1.2.0"),
		"b/go.mod": "module example.org/b\n", "b/go.sum": goSum("v1.1.0", "v1.2.0"),
	})
	o := goOptions(dir)
	o.Inputs = []Input{{Type: "gomod", Path: "a"}, {Type: "gomod", Path: "b"}}
	p := makePlan(t, o)
	f, ok := p.Tree.Lookup("deps/gomod/pkg/mod/cache/download/example.org/m/@v/list")
	if !ok || string(f.Content) != "v1.1.0\nv1.2.0\n" {
		t.Errorf("list: %+v", f)
	}
	var ends []string
	for _, path := range filePaths(p) {
		ends = append(ends, strings.TrimPrefix(path, "deps/gomod/pkg/mod/cache/download/example.org/m/@v/"))
	}
	want := []string{
		"list", "v1.1.0.info", "v1.1.0.mod", "v1.1.0.zip", "v1.1.0.ziphash", "v1.2.0.info", "v1.2.0.mod", "v1.2.0.zip", "v1.2.0.ziphash",
	}
	if diff := cmp.Diff(want, ends); diff != "" {
		t.Error(diff)
	}
	if len(p.Env) != 5 {
		t.Errorf("environment %v", p.Env)
	}
}

// go looks for go.work above the module, so it belongs to a module that is named
// alone; not one outside of the build context.
func TestTheWorkspaceOfAModuleIsReadToo(t *testing.T) {
	dir := project(t, map[string]string{
		"go.work": "go 1.24\nuse ./context/svc/a\n", "go.work.sum": "example.org/outside v1.0.0/go.mod " + goHash + "\n",
		"context/go.work":       "go 1.24\nuse ./svc/a\n",
		"context/go.work.sum":   "example.org/work v1.0.0/go.mod " + goHash + "\n",
		"context/svc/a/go.mod":  "module example.org/a\n",
		"context/svc/a/go.sum":  goSum("v1.0.0"),
		"context/Containerfile": "",
	})
	context := filepath.Join(dir, "context")
	o := goOptions(context)
	o.Inputs = []Input{{Type: "gomod", Path: "svc/a"}}
	paths := strings.Join(filePaths(makePlan(t, o)), "\n")
	if !strings.Contains(paths, "example.org/work/@v/v1.0.0.mod") || strings.Contains(paths, "outside") {
		t.Errorf("%s", paths)
	}
	o.ContextDir = filepath.Join(context, "svc")
	paths = strings.Join(filePaths(makePlan(t, o)), "\n")
	if strings.Contains(paths, "/work/") {
		t.Errorf("a go.work above the context was read: %s", paths)
	}
}

// A go.mod that was found and can't be had must not keep the rest from being built.
func TestAFoundGoModuleWithoutAProxyIsLeftOut(t *testing.T) {
	dir := project(t, map[string]string{
		"go.mod": "module example.org/a\n", "go.sum": goSum("v1.0.0"), "artifacts.lock.yaml": artifacts,
	})
	p := makePlan(t, options(dir))
	if !slices.Equal(filePaths(p), []string{"deps/generic/key.txt"}) || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "no module proxy is known") {
		t.Errorf("%q, %q", filePaths(p), p.Warnings)
	}
}
