package content

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/content/ahead"
	"github.com/lazybuild/lazybuild/pkg/store"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// Shows S17.
func TestReadAheadStaysInItsBudget(t *testing.T) {
	for name, c := range map[string]struct {
		budget, free int64
		want         string
	}{
		"no limit":             {1000, 1000, "p0 p1 p2 p3"},
		"some do not fit":      {31, 1000, "p0 p1 p3"},
		"nothing fits":         {5, 1000, ""},
		"a full disk":          {1000, 100, ""},
		"a nearly full disk":   {1000, 115, "p0 p1 p3"},
		"enough room for each": {1000, 130, "p0 p1 p2 p3"},
	} {
		for _, sized := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s sized %v", name, sized), func(t *testing.T) {
				o := newOrigin(t)
				trigger := o.file("trigger", "x")
				trigger.Group = "0"
				files := []tree.File{trigger}
				for i, body := range []string{"0123456789", "0123456789a", "0123456789abcdefghijk", "b123456789"} {
					f := o.file(fmt.Sprintf("p%d", i), body)
					f.Group, f.Fits, f.Rank = "0", true, i
					if !sized {
						f.Size = tree.SizeUnknown
					}
					files = append(files, f)
				}
				s := newTestSource(t, treeOf(t, files...))
				s.ahead.budget, s.ahead.disk = c.budget, func() (int64, int64, error) { return c.free, 1000, nil }
				guide := ahead.NewGuide(s.tree, ahead.Trace{})
				first, _ := s.tree.Lookup("trigger")
				guide.Opened(first)
				// One at a time, so that it is known which has come first.
				for f := guide.Next(); f != nil; f = guide.Next() {
					s.ahead.consider(f)
					s.wait()
				}
				var got []string
				for i := range files[1:] {
					if s.has(&s.tree.Files[i]) {
						got = append(got, s.tree.Files[i].Path)
					}
				}
				if strings.Join(got, " ") != c.want {
					t.Errorf("fetched %v, want %s", got, c.want)
				}
				if s.ahead.spent > c.budget || s.ahead.running != 0 {
					t.Errorf("%d bytes spent of %d, %d running", s.ahead.spent, c.budget, s.ahead.running)
				}
			})
		}
	}
}

// Shows S17.
func TestUnusableTraceIsIgnored(t *testing.T) {
	for name, data := range map[string]string{
		"another version": `{"version":9,"files":["a"]}`, "a path outside": `{"version":1,"files":["../up"]}`,
		"nonsense": `"nonsense"`, "a list": `[]`, "nothing": `null`,
	} {
		t.Run(name, func(t *testing.T) {
			o := newOrigin(t)
			a, b := o.file("a", "1"), o.file("b", "2")
			a.Group, b.Group, a.Fits, b.Fits = "0", "0", true, true
			s := newTestSource(t, treeOf(t, a, b))
			s.ahead.mode = "trace"
			s.ahead.traces.key = "k"
			if err := s.store.SetFacts(s.ahead.traces.name(), store.Facts{Size: store.SizeUnknown, Sections: map[string]json.RawMessage{traceSection: json.RawMessage(data)}}); err != nil {
				t.Fatal(err)
			}
			s.ReadAhead()
			s.Opened(&s.tree.Files[0])
			o.waitFor("/b")
		})
	}
}

func TestTraceIsWrittenOnlyWhenItIsNews(t *testing.T) {
	o := newOrigin(t)
	a, b := o.file("a", "1"), o.file("b", "2")
	a.Group, b.Group = "0", "0"
	s := newTestSource(t, treeOf(t, a, b))
	saved := func(names ...string) (ahead.Trace, bool) {
		tc := &traces{store: s.store, key: "k", debug: s.debug}
		var opened []*tree.File
		for _, n := range names {
			f, _ := s.tree.Lookup(n)
			opened = append(opened, f)
		}
		path := filepath.Join(s.store.Dir(), "v1/facts/sha256", tc.name().Hex()[:2], tc.name().Hex()+".json")
		before, _ := os.Stat(path)
		tc.save(s.tree, opened)
		after, err := os.Stat(path)
		if err != nil {
			return ahead.Trace{}, false
		}
		again := &traces{store: s.store, key: "k", debug: s.debug}
		return again.load(), before == nil || !os.SameFile(before, after)
	}
	if _, written := saved(); written {
		t.Error("a build that opened nothing has left a trace")
	}
	if tr, written := saved("b", "a"); !written || len(tr.Files) != 2 || tr.Files[0] != "b" {
		t.Errorf("%v %v", tr, written)
	}
	if _, written := saved("b", "a"); written {
		t.Error("the same was written again")
	}
	if tr, written := saved("a"); written || len(tr.Files) != 2 {
		t.Errorf("a build with cached layers has cut the trace: %v", tr)
	}
	if tr, written := saved("a", "b"); !written || tr.Files[0] != "a" {
		t.Errorf("another order: %v %v", tr, written)
	}
}

// What is under way shares the link: a large file that is on its way keeps
// others from being fetched ahead, small ones do not.
func TestReadAheadLeavesTheLinkToLargeFiles(t *testing.T) {
	for name, c := range map[string]struct {
		sizes []int64
		have  int64 // of each
		free  bool
	}{
		"nothing":                   {nil, 0, true},
		"few, but large":            {[]int64{1 << 30, 1 << 30, 1 << 30}, 0, true},
		"enough, and large":         {[]int64{1 << 30, 1, 1, 1}, 0, false},
		"enough, large, nearly all": {[]int64{64 << 20, 1, 1, 1}, 63 << 20, true},
		"many small":                {[]int64{1000, 1000, 1000, 1000, 1000, 1000, 1000, 1000}, 0, true},
		"many of unknown size":      {[]int64{-1, -1, -1, -1, -1, -1}, 0, true},
	} {
		t.Run(name, func(t *testing.T) {
			a := newTestSource(t, treeOf(t)).ahead
			for _, size := range c.sizes {
				d := &download{file: &tree.File{Size: size}}
				d.bytes.Store(min(c.have, size))
				a.started(d)
			}
			if got := a.free(); got != c.free {
				t.Errorf("free: %v", got)
			}
			for d := range a.under {
				a.ended(d)
			}
			if !a.free() {
				t.Error("not free when all have ended")
			}
		})
	}
}
