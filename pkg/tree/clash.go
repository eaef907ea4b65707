package tree

import (
	"strings"

	"golang.org/x/text/unicode/norm"
)

// folded is what a file system that folds case, or the forms in which Unicode
// writes one letter (NFC, NFD), takes a path for.
func folded(path string) string { return norm.NFC.String(strings.ToLower(path)) }

// CaseClashes returns pairs of paths that differ only in the case of letters or
// in the form of a letter with an accent (the first few). Linux keeps them
// apart, so they are worth a warning and no more; on a file system that does
// not, one of the two would be lost.
func (t *Tree) CaseClashes() [][2]string {
	const few = 10
	var out [][2]string
	seen := make(map[string]string, len(t.Files))
	add := func(path string) {
		key := folded(path)
		if other, ok := seen[key]; !ok {
			seen[key] = path
		} else if other != path && len(out) < few {
			out = append(out, [2]string{other, path})
		}
	}
	last := ""
	for i := range t.Files {
		path := t.Files[i].Path
		// Directories clash too; those shared with the file before are done.
		for j := range len(path) {
			if path[j] == '/' && !strings.HasPrefix(last, path[:j+1]) {
				add(path[:j])
			}
		}
		add(path)
		last = path
	}
	return out
}
