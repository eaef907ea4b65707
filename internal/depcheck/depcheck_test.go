// Package depcheck holds the architecture in place: which package of lazybuild
// may import which, and which outside libraries have a single importer. The
// table is the rule; a new package needs a row here.
package depcheck

import (
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/lazybuild/lazybuild/"

// allowed lists, per package, what it may import of this module. Packages below
// one in the table follow its row and may be imported by it. "*" allows all.
var allowed = map[string][]string{
	"pkg/digest":       {},
	"pkg/locks":        {"pkg/digest"},
	"pkg/tree":         {"pkg/digest"},
	"pkg/sbom":         {},
	"pkg/plan":         {"pkg/locks", "pkg/sbom", "pkg/tree", "pkg/digest"},
	"pkg/wire":         {"pkg/tree", "pkg/digest"},
	"pkg/credentials":  {"pkg/plan", "pkg/wire", "pkg/fetch"},
	"pkg/store":        {"pkg/digest"},
	"pkg/fetch":        {"pkg/digest"},
	"pkg/rpm":          {"pkg/digest"},
	"pkg/index":        {"pkg/locks", "pkg/fetch", "pkg/digest"},
	"pkg/enter":        {},
	"pkg/carried":      {},
	"pkg/mount":        {"pkg/tree", "pkg/digest"},
	"pkg/git":          {"pkg/fetch"},
	"pkg/content":      {"pkg/wire", "pkg/tree", "pkg/store", "pkg/fetch", "pkg/git", "pkg/rpm", "pkg/digest"},
	"pkg/materialize":  {"pkg/content", "pkg/wire", "pkg/tree", "pkg/store", "pkg/digest"},
	"pkg/proxy":        {"pkg/wire", "pkg/tree", "pkg/store", "pkg/content", "pkg/mount", "pkg/digest"},
	"pkg/orchestrator": {"pkg/carried", "pkg/wire", "pkg/plan", "pkg/tree", "pkg/digest"},
	"cmd":              {"*"},
	"e2e":              {"*"},
	"e2e/oddfs":        {},
	"bench":            {"*"},
	"hack":             {"*"},
	"internal":         {},
}

// owners lists outside packages that only some packages may import, and who.
// A prefix covers what is below it.
var owners = []struct {
	prefix string
	by     []string
}{
	{"github.com/hanwen/go-fuse/", []string{"pkg/mount", "e2e/oddfs"}},
	// podman/v5/version holds constants only; `lazybuild version` prints one.
	{"github.com/containers/podman/v5/version", []string{"pkg/orchestrator", "cmd"}},
	{"github.com/containers/podman/", []string{"pkg/orchestrator"}},
	{"github.com/containers/buildah", nil},
	// What runs before the proxy starts must not reach out, and the store does
	// not know where blobs come from.
	{"net/http", []string{"pkg/fetch", "pkg/index", "pkg/content", "pkg/rpm", "pkg/orchestrator", "cmd", "e2e", "bench", "hack"}},
}

func TestImportsFollowTheArchitecture(t *testing.T) {
	root := moduleRoot(t)
	used := map[string]bool{}
	for file, imports := range goFiles(t, root) {
		pkg := path.Dir(file)
		row, ok := rowOf(pkg)
		if !ok {
			t.Errorf("%s: no rule for package %s: add it to the table", file, pkg)
			continue
		}
		used[row] = true
		for _, imp := range imports {
			if reason := forbidden(row, imp); reason != "" {
				t.Errorf("%s: %s must not import %s: %s", file, pkg, imp, reason)
			}
		}
	}
	if !used["pkg/tree"] || !used["cmd"] {
		t.Errorf("the test has not seen the module: only %v", used)
	}
}

// forbidden says why a package of the table's row may not import imp.
func forbidden(row, imp string) string {
	if own, ok := strings.CutPrefix(imp, module); ok {
		target, known := rowOf(own)
		if !known || target == row || target == "internal" || slices.Contains(allowed[row], "*") || slices.Contains(allowed[row], target) {
			return ""
		}
		return "it may import " + strings.Join(append([]string{"nothing"}, allowed[row]...)[min(1, len(allowed[row])):], ", ")
	}
	for _, o := range owners {
		if imp == strings.TrimSuffix(o.prefix, "/") || strings.HasPrefix(imp, strings.TrimSuffix(o.prefix, "/")+"/") {
			if slices.Contains(o.by, row) {
				return ""
			}
			return "only " + strings.Join(o.by, ", ") + " may"
		}
	}
	return ""
}

// rowOf finds the table's row for a package: its own or that of a parent.
func rowOf(pkg string) (string, bool) {
	for p := pkg; p != "."; p = path.Dir(p) {
		if _, ok := allowed[p]; ok {
			return p, true
		}
	}
	return "", false
}

func TestForbiddenImportsAreFound(t *testing.T) {
	for name, c := range map[string]struct {
		row, imp string
		bad      bool
	}{
		"orchestrator -> mount":      {"pkg/orchestrator", module + "pkg/mount", true},
		"orchestrator -> proxy":      {"pkg/orchestrator", module + "pkg/proxy", true},
		"orchestrator -> locks":      {"pkg/orchestrator", module + "pkg/locks", true},
		"orchestrator -> own part":   {"pkg/orchestrator", module + "pkg/orchestrator/cmdline", false},
		"orchestrator -> podman":     {"pkg/orchestrator", "github.com/containers/podman/v5/pkg/bindings", false},
		"orchestrator -> go-fuse":    {"pkg/orchestrator", "github.com/hanwen/go-fuse/v2/fuse", true},
		"proxy -> podman":            {"pkg/proxy", "github.com/containers/podman/v5/pkg/bindings", true},
		"proxy -> go-fuse":           {"pkg/proxy", "github.com/hanwen/go-fuse/v2/fs", true},
		"cmd -> podman's bindings":   {"cmd", "github.com/containers/podman/v5/pkg/bindings", true},
		"cmd -> podman's version":    {"cmd", "github.com/containers/podman/v5/version", false},
		"cmd -> everything of ours":  {"cmd", module + "pkg/mount", false},
		"mount -> go-fuse":           {"pkg/mount", "github.com/hanwen/go-fuse/v2/fuse", false},
		"digest -> tree":             {"pkg/digest", module + "pkg/tree", true},
		"tree -> plan":               {"pkg/tree", module + "pkg/plan", true},
		"tree -> network":            {"pkg/tree", "net/http", true},
		"tree -> network, below":     {"pkg/tree", "net/http/httputil", true},
		"tree -> URLs":               {"pkg/tree", "net/url", false},
		"fetch -> network":           {"pkg/fetch", "net/http", false},
		"anything -> internal":       {"pkg/digest", module + "internal/x", false},
		"internal -> anything":       {"internal", module + "pkg/digest", true},
		"anything else from outside": {"pkg/tree", "golang.org/x/sync/errgroup", false},
	} {
		t.Run(name, func(t *testing.T) {
			if reason := forbidden(c.row, c.imp); (reason != "") != c.bad {
				t.Errorf("forbidden(%s, %s) = %q", c.row, c.imp, reason)
			}
		})
	}
}

// goFiles returns the imports of all Go files of the module that are not
// tests, whatever platform they are for.
func goFiles(t *testing.T, root string) map[string][]string {
	t.Helper()
	out := map[string][]string{}
	err := filepath.WalkDir(root, func(file string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name := d.Name()
		if d.IsDir() {
			if file != root && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "node_modules" || isFile(filepath.Join(file, "go.mod"))) {
				return filepath.SkipDir
			}
			return nil
		}
		if !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return nil
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, file)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		out[rel] = nil
		for _, imp := range parsed.Imports {
			name, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return err
			}
			out[rel] = append(out[rel], name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// moduleRoot is the nearest parent directory with a go.mod.
func moduleRoot(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for !isFile(filepath.Join(dir, "go.mod")) {
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("there is no go.mod above the test")
		}
		dir = parent
	}
	return dir
}

func isFile(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}
