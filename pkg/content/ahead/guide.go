package ahead

import (
	"slices"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// Guide says which file to fetch next. It hears of every file that a program
// opens. It is for one goroutine at a time.
type Guide struct {
	tree    *tree.Tree
	groups  map[string]*group
	started []*group // in the order of their first opens
}

// group is one lock's files.
type group struct {
	files   []*tree.File // worth fetching, in the order in which to do it
	done    map[*tree.File]bool
	next    int // files before it are done or not wanted now
	house   *wheelhouse
	traced  bool         // files is what a trace says: all of it is wanted
	lock    []*tree.File // what to do when the trace turns out to be wrong
	started bool
}

// NewGuide prepares for a build over t. trace may be the zero value.
func NewGuide(t *tree.Tree, trace Trace) *Guide {
	g := &Guide{tree: t, groups: map[string]*group{}}
	all := map[string][]*tree.File{}
	for i := range t.Files {
		if f := &t.Files[i]; f.Group != "" && fetched(f) {
			all[f.Group] = append(all[f.Group], f)
		}
	}
	for name, files := range all {
		// Stable: where ranks are equal, by path.
		slices.SortStableFunc(files, func(a, b *tree.File) int { return a.Rank - b.Rank })
		g.groups[name] = newGroup(t.Inputs[files[0].Input].Type, files, trace)
	}
	return g
}

func newGroup(typ string, files []*tree.File, trace Trace) *group {
	gr := &group{done: map[*tree.File]bool{}}
	fitting := slices.DeleteFunc(slices.Clone(files), func(f *tree.File) bool { return !f.Fits })
	if typ == "pip" {
		gr.house = newWheelhouse(fitting)
	}
	if gr.house != nil {
		gr.house.guess(trace.of(files))
	}
	// Nothing is known but the lock. Of an RPM lock a transaction takes a small
	// part, and generic artifacts have nothing to do with each other.
	if typ != "rpm" && typ != "generic" {
		gr.lock = fitting
	}
	gr.files = trace.follow(files, gr.house.wants)
	if gr.traced = gr.files != nil; !gr.traced {
		gr.files = gr.lock
	}
	return gr
}

// Opened hears that a program has opened the file, which must be the tree's.
func (g *Guide) Opened(f *tree.File) {
	gr := g.groups[f.Group]
	if gr == nil {
		return
	}
	gr.done[f] = true
	if gr.house != nil {
		news, refuted := gr.house.opened(f.Path)
		if refuted && gr.traced { // the base image has another Python now
			gr.files, gr.traced = gr.lock, false
		}
		if news || refuted {
			gr.next = 0
		}
	}
	g.start(gr)
}

// Entered hears that a program looks into a generated directory: dnf reads a
// repository's metadata before it asks for packages. That starts what a trace
// names of the same lock.
func (g *Guide) Entered(d *tree.Dir) {
	for _, gr := range g.groups {
		if gr.traced && len(gr.files) > 0 && gr.files[0].Input == d.Input {
			g.start(gr)
		}
	}
}

func (g *Guide) start(gr *group) {
	if !gr.started {
		gr.started = true
		g.started = append(g.started, gr)
	}
}

// Next returns a file that is worth fetching now, each file once. nil means
// that there is none until the next Opened.
func (g *Guide) Next() *tree.File {
	for _, gr := range g.started {
		if f := gr.pick(); f != nil {
			return f
		}
	}
	return nil
}

func (gr *group) pick() *tree.File {
	for ; gr.next < len(gr.files); gr.next++ {
		f := gr.files[gr.next]
		if gr.done[f] || !gr.traced && !gr.house.wants(f) {
			continue
		}
		gr.done[f] = true
		gr.next++
		return f
	}
	return nil
}
