//go:build linux

package mount

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// rootID is the kernel's name for the root (FUSE_ROOT_ID).
const rootID = 1

// A node is one path of the tree. Its ID is its place in the table and lives as
// long as the mount, so the kernel's FORGETs need no bookkeeping.
//
// Two paths with the same digest are two nodes with the same inode number, not
// one node: an open must be of the path that the program named (the trace and
// read-ahead go by it), and overlayfs would take one node for a hard link.
type node struct {
	id     uint64
	ino    uint64
	mtime  int64 // seconds since 1970
	parent *node // the root is its own

	file *tree.File   // nil for a directory
	size atomic.Int64 // of a file: bytes, or tree.SizeUnknown
	// resized says that the kernel may have another size than this: it asked when
	// nobody knew one.
	resized atomic.Bool

	dir *directory // nil for a file

	opens opens
}

// A directory's entries are sorted by name and never change once it is in the
// table; a generated one has more, made on first access.
type directory struct {
	entries   []entry
	expansion *expansion // nil unless generated
}

type entry struct {
	name string
	node *node
}

// find returns the entry's node, or nil.
func find(entries []entry, name string) *node {
	i, ok := slices.BinarySearchFunc(entries, name, func(e entry, name string) int {
		return strings.Compare(e.name, name)
	})
	if !ok {
		return nil
	}
	return entries[i].node
}

// A table maps the IDs that the kernel knows to nodes. It only grows.
type table struct {
	mu    sync.RWMutex
	nodes []*node // nodes[id-rootID]
}

func (t *table) get(id uint64) *node {
	t.mu.RLock()
	defer t.mu.RUnlock()
	if id < rootID || id-rootID >= uint64(len(t.nodes)) {
		return nil
	}
	return t.nodes[id-rootID]
}

func (t *table) add(n *node) *node {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.nodes = append(t.nodes, n)
	n.id = rootID + uint64(len(t.nodes)) - 1
	return n
}

// newTable makes the nodes of a whole tree: some 10 ms for 20,000 files. The nodes
// point into t, which must not change any more.
func newTable(t *tree.Tree) (*table, error) {
	tab := &table{nodes: make([]*node, 0, len(t.Files)+len(t.Files)/8+1)}
	root := tab.add(newDirNode("", nil))
	root.parent = root
	b := newBuilder(tab, root, "")
	for i := range t.Dirs {
		n, err := b.directory(t.Dirs[i].Path)
		if err != nil {
			return nil, err
		}
		n.dir.expansion = newExpansion(&t.Dirs[i])
	}
	for i := range t.Files {
		if err := b.add(t.Files[i].Path, &t.Files[i]); err != nil {
			return nil, err
		}
	}
	b.finish()
	return tab, nil
}

// A builder hangs files below a directory that no request can see yet.
type builder struct {
	table  *table
	prefix string // path of the base directory, for attributes
	dirs   map[string]*node
}

func newBuilder(t *table, base *node, prefix string) *builder {
	return &builder{table: t, prefix: prefix, dirs: map[string]*node{"": base}}
}

// add puts one file at a path below the base directory.
func (b *builder) add(path string, f *tree.File) error {
	if err := tree.CheckPath(path); err != nil {
		return fmt.Errorf("mounting the tree: %w", err)
	}
	dir, name := split(path)
	parent, err := b.directory(dir)
	if err != nil {
		return err
	}
	n := b.table.add(newFileNode(join(b.prefix, path), f, parent))
	parent.dir.entries = append(parent.dir.entries, entry{name, n})
	return nil
}

// directory returns the node of a directory below the base, making it and its parents.
func (b *builder) directory(path string) (*node, error) {
	if n := b.dirs[path]; n != nil {
		return n, nil
	}
	if err := tree.CheckPath(path); err != nil {
		return nil, fmt.Errorf("mounting the tree: %w", err)
	}
	up, name := split(path)
	parent, err := b.directory(up)
	if err != nil {
		return nil, err
	}
	n := b.table.add(newDirNode(join(b.prefix, path), parent))
	parent.dir.entries = append(parent.dir.entries, entry{name, n})
	b.dirs[path] = n
	return n, nil
}

// finish sorts what was added, so that it can be searched. Of two entries with
// one name the first stays.
func (b *builder) finish() {
	for _, n := range b.dirs {
		n.dir.entries = sortEntries(n.dir.entries)
	}
}

func sortEntries(entries []entry) []entry {
	slices.SortStableFunc(entries, func(a, b entry) int { return strings.Compare(a.name, b.name) })
	return slices.CompactFunc(entries, func(a, b entry) bool { return a.name == b.name })
}

func newDirNode(path string, parent *node) *node {
	ino, mtime := tree.DirIdentity(path)
	return &node{ino: ino, mtime: mtime, parent: parent, dir: &directory{}}
}

func newFileNode(path string, f *tree.File, parent *node) *node {
	ino, mtime := f.Identity(path)
	n := &node{ino: ino, mtime: mtime, parent: parent, file: f}
	n.size.Store(f.Size)
	if f.Content != nil {
		n.size.Store(int64(len(f.Content)))
	}
	return n
}

func split(path string) (dir, name string) {
	i := strings.LastIndexByte(path, '/')
	if i < 0 {
		return "", path
	}
	return path[:i], path[i+1:]
}

func join(dir, name string) string {
	if dir == "" {
		return name
	}
	return dir + "/" + name
}
