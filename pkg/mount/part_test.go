//go:build linux

package mount

import (
	"context"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// partsOf makes a tree whose one directory has files that are parts of "all".
func partsOf(t *testing.T, o Options, parts ...tree.File) *testMount {
	t.Helper()
	m := mountTree(t, o, &tree.Tree{Dirs: []tree.Dir{{Path: "dir", Make: tree.Recipe{Kind: "crate"}}}})
	m.src.expand = func(context.Context, *tree.Dir) ([]tree.File, error) { return parts, nil }
	return m
}

func partFile(path string, offset, size int64) tree.File {
	return tree.File{Path: path, Size: size, Part: &tree.Part{Of: &tree.File{Path: "all"}, Offset: offset}}
}

func TestPartsOfOneContentAreServedAsFiles(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options) {
		big := strings.Repeat("0123456789abcdef", 1<<17) // 2 MiB: more than one request
		tool := partFile("bin/tool", 4, 3)
		tool.Exec = true
		m := partsOf(t, o, partFile("empty", 4, 0), tool, partFile("big", 7, int64(len(big))))
		for _, path := range []string{"empty", "bin/tool", "big"} {
			m.src.deliver(path, "left"+"mid"+big+"right")
		}
		if got := runAs(t, 1001, "cd "+m.path("dir")+" && cat empty bin/tool big && stat -c %s,%a bin/tool empty"); got != "mid"+big+"3,755\n0,644\n" {
			t.Errorf("%d bytes, the last are %q", len(got), got[max(0, len(got)-40):])
		}
		if got := runAs(t, 1001, "tail -c 5 "+m.path("dir/big")); got != "bcdef" {
			t.Errorf("the end of a part is %q", got)
		}
	})
}

func TestPartThatIsNotThereYetIsWaitedFor(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options) {
		m := partsOf(t, o, partFile("a", 4, 3))
		a := newAgent(t)
		fd := a.must("open", m.path("dir/a"))
		a.start("read", fd, 100, 0)
		within(t, "the read's wait", m.src.content("a").waiting)
		m.src.deliver("a", "left"+"mid"+"right")
		if got, errno := a.answer(); got != "mid" || errno != "" {
			t.Errorf("read %q, %q", got, errno)
		}
		other := a.must("open", m.path("dir/a"))
		if got := a.must("read", other, 2, 1); got != "id" {
			t.Errorf("beside the first: read %q", got)
		}
	})
}

func TestPartBehindTheEndIsAnError(t *testing.T) {
	eachMode(t, func(t *testing.T, o Options) {
		m := partsOf(t, o, partFile("a", 4, 3))
		m.src.deliver("a", "left"+"mi")
		a := newAgent(t)
		fd := a.must("open", m.path("dir/a"))
		a.refused("EIO", "read", fd, 100, 0)
	})
}
