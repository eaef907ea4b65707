package tree

import (
	"strings"
	"unicode/utf8"

	"golang.org/x/text/cases"
	"golang.org/x/text/unicode/norm"
)

// Folded is what a file system that folds case, or the forms in which Unicode
// writes one letter (NFC, NFD), takes a path for. Two paths that are one file there
// have the same; the depth of a path does not change.
func Folded(path string) string {
	for i := range len(path) {
		if path[i] >= utf8.RuneSelf {
			return norm.NFC.String(cases.Fold().String(norm.NFD.String(path)))
		}
	}
	return strings.ToLower(path)
}

// CaseClashes returns pairs of paths that differ only in the case of letters or
// in the form of a letter with an accent (the first few). Linux keeps them
// apart, so they are worth a warning and no more; on a file system that does
// not, one of the two would be lost.
func (t *Tree) CaseClashes() [][2]string {
	const few = 10
	var out [][2]string
	seen := make(map[string]string, len(t.Files))
	add := func(path string) {
		key := Folded(path)
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
