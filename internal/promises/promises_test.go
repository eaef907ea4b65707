// Package promises holds docs/semantics.md and the tests together: every
// numbered promise names tests, every named test exists, and says which promise
// it shows. So nobody can remove the last test of a promise, or add a promise
// that nothing shows.
package promises

import (
	"bufio"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const root = "../.."

// promise is a row of a table in docs/semantics.md.
type promise struct {
	number int
	tests  []named
}

// named is a test as a row names it: a function of a package, or a script of
// the command.
type named struct{ dir, name string }

func (n named) String() string { return n.dir + " " + n.name }

// homes are the packages whose short name in the table is not their folder's
// in pkg.
var homes = map[string]string{
	"e2e": "e2e", "untrusted": "internal/untrusted", "cmd": "cmd/lazybuild", "script": "cmd/lazybuild/testdata/script",
	"cmdline": "pkg/orchestrator/cmdline", "containerfile": "pkg/orchestrator/containerfile", "ahead": "pkg/content/ahead",
}

var (
	row  = regexp.MustCompile(`^\| S(\d+) \| (.+) \| (.+) \|$`)
	word = regexp.MustCompile("`[^`]+`|[a-z0-9]+")
)

func readPromises(t *testing.T) []promise {
	t.Helper()
	f, err := os.Open(filepath.Join(root, "docs/semantics.md"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []promise
	for lines := bufio.NewScanner(f); lines.Scan(); {
		m := row.FindStringSubmatch(lines.Text())
		if m == nil {
			if strings.HasPrefix(lines.Text(), "| S") {
				t.Errorf("docs/semantics.md: no row of three columns: %s", lines.Text())
			}
			continue
		}
		p := promise{}
		_, _ = fmt.Sscan(m[1], &p.number)
		p.tests = testsOf(m[3])
		all = append(all, p)
	}
	return all
}

// testsOf reads "store `TestA`, `TestB`; e2e `TestC`; cmd script `name`".
func testsOf(cell string) []named {
	var tests []named
	dir := ""
	for _, w := range word.FindAllString(cell, -1) {
		if name, ok := strings.CutPrefix(w, "`"); ok {
			tests = append(tests, named{dir, strings.TrimSuffix(name, "`")})
			continue
		}
		if dir = homes[w]; dir == "" {
			dir = "pkg/" + w
		}
	}
	return tests
}

func TestEveryPromiseIsShownByATest(t *testing.T) {
	promises := readPromises(t)
	if len(promises) < 50 {
		t.Fatalf("only %d promises were read", len(promises))
	}
	source := &sources{packages: map[string]map[string]string{}}
	seen := map[int]bool{}
	for _, p := range promises {
		id := fmt.Sprintf("S%d", p.number)
		if seen[p.number] {
			t.Errorf("%s stands twice in docs/semantics.md", id)
		}
		seen[p.number] = true
		if len(p.tests) == 0 {
			t.Errorf("%s has no test: write one, or take the promise back", id)
		}
		for _, n := range p.tests {
			about, ok := source.about(t, n)
			switch {
			case !ok:
				t.Errorf("%s names %s, which does not exist", id, n)
			case !slices.Contains(strings.FieldsFunc(about, notInNumber), id):
				t.Errorf("%s does not say that it shows %s: write it into the comment above it", n, id)
			}
		}
	}
	for n := 1; n <= len(promises); n++ {
		if !seen[n] {
			t.Errorf("S%d is missing: numbers are never used again, and none is left out", n)
		}
	}
}

// A threat that no promise answers is a gap, not a row.
func TestEveryThreatIsAnsweredByPromises(t *testing.T) {
	known := map[string]bool{}
	for _, p := range readPromises(t) {
		known[fmt.Sprintf("S%d", p.number)] = true
	}
	text, err := os.ReadFile(filepath.Join(root, "docs/security.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, model, _ := strings.Cut(string(text), "## Threat model")
	model, _, _ = strings.Cut(model, "\n## ")
	rows := 0
	for line := range strings.Lines(model) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		if !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "| who |") || strings.HasPrefix(line, "|---") {
			continue
		}
		if rows++; len(cells) != 3 {
			t.Errorf("docs/security.md: no row of three columns: %s", line)
			continue
		}
		for _, id := range strings.Split(cells[2], ",") {
			if id = strings.TrimSpace(id); !known[id] {
				t.Errorf("docs/security.md: %q is no promise of docs/semantics.md: %s", id, line)
			}
		}
	}
	if rows < 15 {
		t.Errorf("only %d threats were read", rows)
	}
}

func notInNumber(r rune) bool {
	return (r < '0' || r > '9') && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
}

// sources are the comments above the tests, by package and test.
type sources struct {
	packages map[string]map[string]string
}

// about returns what stands above a test, and whether it exists.
func (s *sources) about(t *testing.T, n named) (string, bool) {
	t.Helper()
	if n.dir == homes["script"] {
		data, err := os.ReadFile(filepath.Join(root, n.dir, n.name+".txtar"))
		head, _, _ := strings.Cut(string(data), "\n-- ")
		return head, err == nil
	}
	if s.packages[n.dir] == nil {
		s.packages[n.dir] = readTests(t, filepath.Join(root, n.dir))
	}
	about, ok := s.packages[n.dir][n.name]
	return about, ok
}

func readTests(t *testing.T, dir string) map[string]string {
	t.Helper()
	tests := map[string]string{}
	files, _ := filepath.Glob(filepath.Join(dir, "*_test.go"))
	for _, file := range files {
		f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok && fn.Recv == nil {
				tests[fn.Name.Name] = fn.Doc.Text()
			}
		}
	}
	return tests
}
