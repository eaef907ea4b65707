package plan

import (
	"maps"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/locks"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// lists are files that several locks write lines of: two components of one
// project need different versions of a Go module, and its list names both.
type lists map[string]*list

type list struct {
	lines []string
	input int // the first that has a line in it
}

func (ls lists) add(lock *locks.Lock, input int) {
	for path, lines := range lock.Lists {
		l := ls[path]
		if l == nil {
			l = &list{input: input}
			ls[path] = l
		}
		l.lines = append(l.lines, lines...)
	}
}

// files makes them, with sorted lines: what a lock's order was must not show.
func (ls lists) files() []tree.File {
	out := make([]tree.File, 0, len(ls))
	for _, path := range slices.Sorted(maps.Keys(ls)) {
		l := ls[path]
		slices.Sort(l.lines)
		text := strings.Join(slices.Compact(l.lines), "\n") + "\n"
		out = append(out, tree.File{Path: path, Content: []byte(text), Input: l.input})
	}
	return out
}
