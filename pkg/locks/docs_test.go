package locks

import (
	"cmp"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The tables of docs/inputs.md are held against the formats: a row that is not
// true any more is worse than none.

// docRow is a row of the first table.
type docRow struct {
	typ                                 string
	files, versions, places, everything string
}

var backticked = regexp.MustCompile("`([^`]+)`")

func quoted(cell string) []string {
	var words []string
	for _, m := range backticked.FindAllStringSubmatch(cell, -1) {
		words = append(words, m[1])
	}
	return words
}

// docTable returns the rows of the table whose header has the given second cell.
func docTable(t *testing.T, second string) [][]string {
	t.Helper()
	data, err := os.ReadFile("../../docs/inputs.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, ok := strings.Cut(string(data), "| type | "+second)
	if !ok {
		t.Fatalf("docs/inputs.md has no table of types and %q", second)
	}
	var rows [][]string
	for line := range strings.Lines(rest) {
		if strings.HasPrefix(line, "|---") || len(rows) == 0 && !strings.HasPrefix(line, "| `") {
			continue
		}
		if !strings.HasPrefix(line, "|") {
			break
		}
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), " | ")
		for i := range cells {
			cells[i] = strings.TrimSpace(cells[i])
		}
		rows = append(rows, cells)
	}
	return rows
}

func docRows(t *testing.T) []docRow {
	var rows []docRow
	for _, c := range docTable(t, "files found by name") {
		if len(c) != 7 || slices.Contains(c, "") {
			t.Errorf("a row with %d cells, or an empty one: %q", len(c), c)
			continue
		}
		rows = append(rows, docRow{strings.Trim(c[0], "`"), c[1], c[2], c[3], strings.Join(c, " ")})
	}
	return rows
}

// rowOf finds the rows that are about a format: its type, and a name that it matches.
func rowOf(rows []docRow, f Format) []int {
	var of []int
	for i, r := range rows {
		if r.typ != f.Type {
			continue
		}
		if slices.ContainsFunc(quoted(r.files), func(name string) bool { return f.Match(strings.ReplaceAll(name, "<name>", "x")) }) {
			of = append(of, i)
		}
	}
	return of
}

func TestEveryFormatHasOneRowInTheDocs(t *testing.T) {
	rows := docRows(t)
	used := map[int]bool{}
	for _, f := range Formats() {
		of := rowOf(rows, f)
		if len(of) != 1 {
			t.Errorf("a format of type %s has %d rows", f.Type, len(of))
			continue
		}
		used[of[0]] = true
	}
	for i, r := range rows {
		if !used[i] {
			t.Errorf("no format reads %s of type %s", r.files, r.typ)
		}
		for _, name := range quoted(r.files) {
			if f, ok := ForFile(strings.ReplaceAll(name, "<name>", "x")); !ok || f.Type != r.typ {
				t.Errorf("%s is not found as %s", name, r.typ)
			}
		}
	}
}

func TestDocumentedVersionsAreReadAndOthersNot(t *testing.T) {
	// How the sample of each format states its version; formats without one are absent.
	lines := map[string]string{
		"pylock.toml": "lock-version = \"%s\"", "uv.lock": "version = %s\n", "package-lock.json": "\"lockfileVersion\": %s",
		"yarn.lock": "# yarn lockfile v%s\n", "pnpm-lock.yaml": "lockfileVersion: '%s'", "artifacts.lock.yaml": "version: \"%s\"",
		"Cargo.lock": "version = %s\n", "rpms.lock.yaml": "lockfileVersion: %s", "lockfile.json": "\"lockFileVersion\": %s",
	}
	rows := docRows(t)
	each(t, func(t *testing.T, s sample) {
		f, _ := ForFile(cmp.Or(s.found, s.file))
		of := rowOf(rows, f)
		if len(of) != 1 {
			return // said elsewhere
		}
		versions := quoted(rows[of[0]].versions)
		line, has := lines[s.file]
		if s.file == "berry.yarn.lock" {
			return // its versions are kinds of archives
		}
		if has != (len(versions) > 0) {
			t.Fatalf("versions %q", versions)
		}
		if !has {
			return
		}
		valid := string(s.valid(t))
		is := slices.IndexFunc(versions, func(v string) bool { return strings.Contains(valid, fmt.Sprintf(line, v)) })
		if is < 0 {
			t.Fatalf("the sample has none of the versions %q", versions)
		}
		for _, v := range append(versions, "99") {
			text := strings.Replace(valid, fmt.Sprintf(line, versions[is]), fmt.Sprintf(line, v), 1)
			if s.file == "artifacts.lock.yaml" {
				// The sample has what only version 2.0 may have.
				text = fmt.Sprintf("metadata:\n  "+line+"\nartifacts: []\n", v)
			}
			if _, err := s.parse(s.source([]byte(text))); (err == nil) != (v != "99") {
				t.Errorf("version %s: %v", v, err)
			}
		}
	})
}

func TestDocumentedPlacesAndEnvironmentAreThoseOfTheFormats(t *testing.T) {
	rows, envRows := docRows(t), docTable(t, "environment in every RUN")
	documented := map[string][]string{}
	for _, c := range envRows {
		for _, typ := range quoted(c[0]) {
			documented[typ] = append(documented[typ], quoted(c[1])...)
			if len(c) != 3 {
				t.Errorf("a row with %d cells: %q", len(c), c)
			}
		}
	}
	real := map[string][]string{}
	each(t, func(t *testing.T, s sample) {
		lock, err := s.parse(s.source(s.valid(t)))
		if err != nil {
			t.Fatal(err)
		}
		// Formats of one type may have variables of their own.
		for _, e := range lock.Env {
			if strings.HasPrefix(e.Name, "GIT_CONFIG_") {
				continue // as many as there are repositories
			}
			if text := e.Name + "=" + e.Value; !slices.Contains(real[s.typ], text) {
				real[s.typ] = append(real[s.typ], text)
			}
		}
		places := ""
		for _, r := range rows {
			if r.typ == s.typ {
				places += r.places
			}
		}
		for _, a := range lock.Artifacts {
			if dir := strings.Join(strings.Split(a.Path, "/")[:2], "/") + "/"; !strings.Contains(places, dir) {
				t.Errorf("%s is not documented: %s", dir, places)
			}
		}
	})
	for _, s := range samples() {
		stated, ok := documented[s.typ]
		if !ok {
			t.Errorf("%s: no environment is documented", s.typ)
		}
		if !slices.Equal(slices.Sorted(slices.Values(real[s.typ])), slices.Sorted(slices.Values(stated))) {
			t.Errorf("%s: the environment is %q, documented is %q", s.typ, real[s.typ], stated)
		}
	}
}
