package plan

import (
	"iter"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// URLs are all that a build may download, in the tree's order. They may carry
// credentials.
func (p *Plan) URLs() iter.Seq[string] {
	return func(yield func(string) bool) {
		each := func(urls []string) bool {
			for _, u := range urls {
				if !yield(u) {
					return false
				}
			}
			return true
		}
		made := func(r *tree.Recipe) bool { return r == nil || r.From == nil || each(r.From.URLs) }
		for i := range p.Tree.Files {
			if f := &p.Tree.Files[i]; !each(f.URLs) || !made(f.Make) {
				return
			}
		}
		for i := range p.Tree.Dirs {
			if !made(&p.Tree.Dirs[i].Make) {
				return
			}
		}
	}
}
