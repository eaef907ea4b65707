package ahead

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// Trace is what a good build opened: paths below the output directory, in the
// order of the first opens. The zero value is "nothing is known".
type Trace struct {
	Files []string
}

// traceFile is the stored form.
type traceFile struct {
	Version int      `json:"version"`
	Files   []string `json:"files"`
}

const traceVersion = 1

// maxTrace bounds the number of files in a trace.
const maxTrace = 1 << 20

// ParseTrace reads what Marshal has written. An error means that it is of no
// use, for whatever reason: it was damaged, or another version wrote it.
func ParseTrace(data []byte) (Trace, error) {
	var f traceFile
	if err := json.Unmarshal(data, &f); err != nil {
		return Trace{}, fmt.Errorf("reading a trace: %w", err)
	}
	if f.Version != traceVersion {
		return Trace{}, fmt.Errorf("reading a trace: it has version %d, not %d", f.Version, traceVersion)
	}
	if len(f.Files) > maxTrace {
		return Trace{}, fmt.Errorf("reading a trace: it has %d files, more than %d", len(f.Files), maxTrace)
	}
	seen := make(map[string]bool, len(f.Files))
	for _, p := range f.Files {
		if err := tree.CheckPath(p); err != nil {
			return Trace{}, fmt.Errorf("reading a trace: %w", err)
		}
		if seen[p] {
			return Trace{}, fmt.Errorf("reading a trace: %q is in it twice", p)
		}
		seen[p] = true
	}
	return Trace{f.Files}, nil
}

// Marshal is the stored form.
func (t Trace) Marshal() ([]byte, error) {
	return json.Marshal(traceFile{traceVersion, t.Files})
}

// Equal says that both are the same files in the same order.
func (t Trace) Equal(u Trace) bool { return slices.Equal(t.Files, u.Files) }

// After is the trace after another good build over the tree tr, which opened
// these files in this order. What it has opened of a group replaces what was
// known of it. There are two exceptions, both because podman skips a RUN whose
// layer it has: a group of which nothing was opened stays as it was, and so does
// one of which only files that were known already, but not all of them, were opened.
func (t Trace) After(tr *tree.Tree, opened []string) Trace {
	byGroup := func(paths []string) (order []string, groups map[string][]string) {
		groups = map[string][]string{}
		for _, p := range paths {
			f, ok := tr.Lookup(p)
			if !ok || !fetched(f) {
				continue
			}
			if groups[f.Group] == nil {
				order = append(order, f.Group)
			}
			groups[f.Group] = append(groups[f.Group], p)
		}
		return order, groups
	}
	order, now := byGroup(opened)
	oldOrder, old := byGroup(t.Files)
	var after Trace
	for _, g := range order {
		if subset(now[g], old[g]) {
			now[g] = old[g]
		}
		after.Files = append(after.Files, now[g]...)
	}
	for _, g := range oldOrder {
		if now[g] == nil {
			after.Files = append(after.Files, old[g]...)
		}
	}
	return after
}

// subset says that b has all of a, and more.
func subset(a, b []string) bool {
	if len(a) >= len(b) {
		return false
	}
	in := make(map[string]bool, len(b))
	for _, p := range b {
		in[p] = true
	}
	return !slices.ContainsFunc(a, func(p string) bool { return !in[p] })
}

// fetched says that a file's content comes from an origin.
func fetched(f *tree.File) bool { return f.Content == nil && f.Make == nil && len(f.URLs) > 0 }

// of returns the part of the trace that is about the packages of these files.
func (t Trace) of(files []*tree.File) []string {
	if len(t.Files) == 0 {
		return nil
	}
	mine := make(map[string]bool, len(files))
	for _, f := range files {
		mine[packageOf(f.Path)] = true
	}
	var paths []string
	for _, p := range t.Files {
		if mine[packageOf(p)] {
			paths = append(paths, p)
		}
	}
	return paths
}

// follow turns the trace into files of the group, in the trace's order. Where
// the lock has another version of a package now, that file takes the old one's
// place; wanted decides between several.
func (t Trace) follow(files []*tree.File, wanted func(*tree.File) bool) []*tree.File {
	if len(t.Files) == 0 {
		return nil
	}
	byPath := make(map[string]*tree.File, len(files))
	byPackage := map[string][]*tree.File{}
	for _, f := range files {
		byPath[f.Path] = f
		byPackage[packageOf(f.Path)] = append(byPackage[packageOf(f.Path)], f)
	}
	var out []*tree.File
	taken := map[*tree.File]bool{}
	take := func(f *tree.File) {
		if !taken[f] {
			taken[f] = true
			out = append(out, f)
		}
	}
	known := map[string]bool{} // the trace has another file of the package that is still there
	for _, p := range t.Files {
		if byPath[p] != nil {
			known[packageOf(p)] = true
		}
	}
	hit := false
	for _, p := range t.Files {
		if f := byPath[p]; f != nil {
			hit = true
			take(f)
			continue
		}
		if pkg := packageOf(p); !known[pkg] {
			for _, f := range byPackage[pkg] {
				if f.Fits && wanted(f) {
					take(f)
				}
			}
		}
	}
	if !hit {
		return nil // the trace is of another project, or of a lock long gone
	}
	return out
}

// packageOf is the part of a path that stays when the version changes: the
// directory, and the file's name up to the first "-" before a digit.
func packageOf(p string) string {
	if w, ok := parseWheel(p); ok {
		return path.Dir(p) + "/" + w.name + ".whl"
	}
	dir, base := path.Split(p)
	for i := 0; i+1 < len(base); i++ {
		if base[i] == '-' && base[i+1] >= '0' && base[i+1] <= '9' {
			return dir + strings.ToLower(base[:i])
		}
	}
	return p
}
