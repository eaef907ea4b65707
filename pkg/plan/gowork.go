package plan

import (
	"path/filepath"
	"strings"
)

// withWorkspaces adds the go.work files above the found Go modules, within the
// build context: the go command looks for them in the same way, and a module of a
// workspace is built with what go.work.sum and the other modules' go.sum name.
func (o *Options) withWorkspaces(all []found) []found {
	out := all[:len(all):len(all)]
	for _, f := range all {
		if f.typ != "gomod" || filepath.Base(f.path) == "go.work" {
			continue
		}
		if path := o.workspace(filepath.Dir(f.path)); path != "" {
			out = append(out, found{typ: f.typ, path: path, by: f.by})
		}
	}
	return o.dedupe(out)
}

// workspace is the go.work that a module in dir belongs to, "" if there is none.
func (o *Options) workspace(dir string) string {
	for {
		if rel, err := filepath.Rel(o.ContextDir, dir); err != nil || rel == ".." || strings.HasPrefix(rel, "../") {
			return ""
		}
		path := filepath.Join(dir, "go.work")
		if typ, err := o.look.stat(path); err == nil && typ.IsRegular() {
			return path
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return ""
		}
		dir = parent
	}
}
