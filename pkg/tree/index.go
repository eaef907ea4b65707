package tree

import (
	"iter"
	"slices"
	"strings"
)

// Index answers a file system's questions about a Tree: what is at this path,
// what is in this directory. Directories exist because a path goes through
// them; nobody lists them anywhere.
//
// An Index costs nothing to make and nothing per entry: it is a binary search
// in the Tree's sorted slices, in which everything below a directory is
// contiguous. A mount can so make its inodes lazily. It is safe for concurrent
// use as long as nobody changes the Tree.
type Index struct{ t *Tree }

// Entry is one name in a directory.
type Entry struct {
	// Name is the last segment of the path; empty for the root.
	Name string
	// File is set for a regular file. It points into the Tree.
	File *File
	// Dir is set for a directory whose entries are generated. It points into the Tree.
	Dir *Dir
}

// IsDir says that the entry is a directory, generated or not.
func (e Entry) IsDir() bool { return e.File == nil }

// Index returns the Tree's index.
func (t *Tree) Index() Index { return Index{t} }

// Lookup returns the file at path.
func (t *Tree) Lookup(path string) (*File, bool) {
	i, ok := slices.BinarySearchFunc(t.Files, path, func(f File, path string) int { return strings.Compare(f.Path, path) })
	if !ok {
		return nil, false
	}
	return &t.Files[i], true
}

// Lookup returns what is at path; the empty path is the root, which is always
// there. Below a generated directory (Entry.Dir) it finds nothing.
func (ix Index) Lookup(path string) (Entry, bool) {
	if path == "" {
		return Entry{}, true
	}
	name := path[strings.LastIndexByte(path, '/')+1:]
	if f, ok := ix.t.Lookup(path); ok {
		return Entry{Name: name, File: f}, true
	}
	dirs := ix.t.Dirs
	i, ok := slices.BinarySearchFunc(dirs, path, func(d Dir, path string) int { return strings.Compare(d.Path, path) })
	if ok {
		return Entry{Name: name, Dir: &dirs[i]}, true
	}
	if j := below(ix.t.Files, path, 0); j < len(ix.t.Files) && isBelow(ix.t.Files[j].Path, path) {
		return Entry{Name: name}, true
	}
	if j := dirsBelow(dirs, path, 0); j < len(dirs) && isBelow(dirs[j].Path, path) {
		return Entry{Name: name}, true
	}
	return Entry{}, false
}

// ReadDir returns the entries of the directory at path, sorted by name; nil
// when there is no such directory, and for a generated one. It costs one binary
// search per entry, however many files are below the subdirectories.
func (ix Index) ReadDir(path string) []Entry {
	files, dirs := ix.t.Files, ix.t.Dirs
	prefix := ""
	if path != "" {
		prefix = path + "/"
		files = within(files, func(f *File) string { return f.Path }, prefix)
		dirs = within(dirs, func(d *Dir) string { return d.Path }, prefix)
	}
	var out []Entry
	for len(files) > 0 {
		name, sub := firstSegment(files[0].Path[len(prefix):])
		if !sub {
			out = append(out, Entry{Name: name, File: &files[0]})
			files = files[1:]
			continue
		}
		out = append(out, Entry{Name: name})
		files = files[len(within(files, func(f *File) string { return f.Path }, files[0].Path[:len(prefix)+len(name)+1])):]
	}
	for i := range dirs {
		name, sub := firstSegment(dirs[i].Path[len(prefix):])
		e := Entry{Name: name}
		if !sub {
			e.Dir = &dirs[i]
		}
		out = append(out, e)
	}
	// A directory's files sort as "name/…" and generated directories come
	// separately, so put the names in order and let each stand once.
	byName := func(a, b Entry) int { return strings.Compare(a.Name, b.Name) }
	if !slices.IsSortedFunc(out, byName) {
		slices.SortStableFunc(out, byName)
	}
	return slices.CompactFunc(out, func(a, b Entry) bool { return a.Name == b.Name })
}

// Walk yields everything below the directory root with its path from the
// Tree's root, a directory before its entries. It does not enter generated
// directories.
func (ix Index) Walk(root string) iter.Seq2[string, Entry] {
	return func(yield func(string, Entry) bool) { ix.walk(root, yield) }
}

func (ix Index) walk(dir string, yield func(string, Entry) bool) bool {
	for _, e := range ix.ReadDir(dir) {
		path := e.Name
		if dir != "" {
			path = dir + "/" + e.Name
		}
		if !yield(path, e) {
			return false
		}
		if e.IsDir() && e.Dir == nil && !ix.walk(path, yield) {
			return false
		}
	}
	return true
}

// within is the part of the sorted list whose paths begin with prefix. It
// assumes that no path before that part begins with it.
func within[E any](list []E, path func(*E) string, prefix string) []E {
	lo := search(len(list), func(i int) bool { return path(&list[i]) >= prefix })
	list = list[lo:]
	hi := search(len(list), func(i int) bool { return !strings.HasPrefix(path(&list[i]), prefix) })
	return list[:hi:hi]
}

// search is the smallest i for which found is true, or n. It doubles its steps
// from the start, since most directories are small and close by.
func search(n int, found func(int) bool) int {
	lo, step := 0, 1
	for lo+step <= n && !found(lo+step-1) {
		lo += step
		step *= 2
	}
	hi := min(lo+step, n)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if found(mid) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

func firstSegment(rest string) (name string, more bool) {
	name, _, more = strings.Cut(rest, "/")
	return name, more
}
