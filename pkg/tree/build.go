package tree

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// ConflictError says that two inputs want different things at one path.
type ConflictError struct {
	// Path is where the second file or directory stands.
	Path string
	// First and Second are the inputs that want the path; they may be equal.
	First, Second Input
	// Reason is what differs, for people.
	Reason string
}

// Error names the path, both lock files and the difference.
func (e *ConflictError) Error() string {
	if e.First == e.Second {
		return fmt.Sprintf("%s: two entries for %q: %s", e.First.Lock, e.Path, e.Reason)
	}
	return fmt.Sprintf("%s and %s: two entries for %q: %s", e.First.Lock, e.Second.Lock, e.Path, e.Reason)
}

// Build makes a valid Tree. It sorts files and dirs (both slices belong to Build
// afterwards) and merges what is equal: several locks name the same file
// all the time. What cannot be merged is a *ConflictError; a path that CheckPath
// refuses and a malformed digest are errors that name the lock. All errors are
// reported at once, up to a limit.
//
// A generated file (Content) gets its Size and Digest here.
func Build(inputs []Input, files []File, dirs []Dir) (*Tree, error) {
	b := builder{t: &Tree{Inputs: inputs}}
	if len(inputs) > maxInputs || len(files) > maxFiles || len(dirs) > maxFiles {
		return nil, fmt.Errorf("%d inputs with %d files and %d directories are more than a tree can hold", len(inputs), len(files), len(dirs))
	}
	for i := range files {
		b.admit(&files[i])
	}
	for i := range dirs {
		b.admitDir(&dirs[i])
	}
	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}
	// Stable: where files are merged, the first input's entry leads.
	files = sortFiles(files)
	slices.SortStableFunc(dirs, func(x, y Dir) int { return strings.Compare(x.Path, y.Path) })
	b.mergeFiles(files)
	b.mergeDirs(dirs)
	b.checkNesting()
	if len(b.errs) > 0 {
		return nil, errors.Join(b.errs...)
	}
	return b.t, nil
}

// sortFiles sorts by path, and equal paths by their order in files. It sorts
// numbers and moves each of the large structs once.
func sortFiles(files []File) []File {
	order := make([]int32, len(files))
	for i := range order {
		order[i] = int32(i)
	}
	slices.SortFunc(order, func(x, y int32) int {
		return cmp.Or(strings.Compare(files[x].Path, files[y].Path), cmp.Compare(x, y))
	})
	sorted := make([]File, len(files))
	for i, j := range order {
		sorted[i] = files[j]
	}
	return sorted
}

// maxErrors bounds the report on a lock that is wrong everywhere.
const maxErrors = 10

type builder struct {
	t    *Tree
	errs []error
}

func (b *builder) fail(err error) {
	if len(b.errs) < maxErrors {
		b.errs = append(b.errs, err)
	}
}

func (b *builder) conflict(path string, first, second int, reason string) {
	b.fail(&ConflictError{Path: path, First: b.t.Inputs[first], Second: b.t.Inputs[second], Reason: reason})
}

// admit checks what concerns one file alone.
func (b *builder) admit(f *File) {
	if f.Input < 0 || f.Input >= len(b.t.Inputs) {
		b.fail(fmt.Errorf("file %q belongs to no input", f.Path))
		return
	}
	f.seal()
	if err := checkFile(f); err != nil {
		b.fail(fmt.Errorf("%s: %w", b.t.Inputs[f.Input].Lock, err))
	}
}

// seal derives what follows from a generated file's content.
func (f *File) seal() {
	if f.Content != nil {
		f.Size, f.Digest = int64(len(f.Content)), digest.FromBytes(f.Content)
	}
}

func (b *builder) admitDir(d *Dir) {
	if d.Input < 0 || d.Input >= len(b.t.Inputs) {
		b.fail(fmt.Errorf("directory %q belongs to no input", d.Path))
		return
	}
	if err := errors.Join(CheckPath(d.Path), d.Make.checkLimits()); err != nil {
		b.fail(fmt.Errorf("%s: %w", b.t.Inputs[d.Input].Lock, err))
	}
}

// checkFile holds for the files of every valid Tree, however it was made.
func checkFile(f *File) error {
	if err := CheckPath(f.Path); err != nil {
		return err
	}
	if err := f.checkLimits(); err != nil {
		return err
	}
	switch {
	case f.Digest != "" && !f.Digest.Valid():
		return fmt.Errorf("%q has the malformed digest %q", f.Path, string(f.Digest))
	case f.Size < SizeUnknown:
		return fmt.Errorf("%q has the negative size %d", f.Path, f.Size)
	case f.Content != nil && f.Make != nil:
		return fmt.Errorf("%q has both content and a recipe", f.Path)
	}
	return nil
}

func (b *builder) mergeFiles(files []File) {
	out := files[:0]
	for i := range files {
		if n := len(out); n > 0 && out[n-1].Path == files[i].Path {
			if reason := merge(&out[n-1], &files[i]); reason != "" {
				b.conflict(files[i].Path, out[n-1].Input, files[i].Input, reason)
			}
			continue
		}
		out = append(out, files[i])
	}
	// What was merged away must not keep its strings alive.
	clear(files[len(out):])
	b.t.Files = out
}

func (b *builder) mergeDirs(dirs []Dir) {
	out := dirs[:0]
	for i := range dirs {
		if n := len(out); n > 0 && out[n-1].Path == dirs[i].Path {
			if !out[n-1].Make.equal(&dirs[i].Make) {
				b.conflict(dirs[i].Path, out[n-1].Input, dirs[i].Input, "the directory is generated in two ways")
			}
			continue
		}
		out = append(out, dirs[i])
	}
	clear(dirs[len(out):])
	b.t.Dirs = out
}

// checkNesting refuses a file where a directory is, and anything below a
// generated directory, whose entries nobody knows yet.
func (b *builder) checkNesting() {
	t := b.t
	for i := range t.Files {
		// Everything below "x/" is contiguous, but "x-y" sorts between "x" and
		// "x/…", so the next file does not answer the question alone.
		if j := below(t.Files, t.Files[i].Path, i+1); j < len(t.Files) && isBelow(t.Files[j].Path, t.Files[i].Path) {
			b.conflict(t.Files[j].Path, t.Files[i].Input, t.Files[j].Input, fmt.Sprintf("%q is a file, not a directory", t.Files[i].Path))
		}
	}
	for i := range t.Dirs {
		d := &t.Dirs[i]
		if f, ok := t.Lookup(d.Path); ok {
			b.conflict(d.Path, f.Input, d.Input, "it is a file and a generated directory")
		}
		if j := below(t.Files, d.Path, 0); j < len(t.Files) && isBelow(t.Files[j].Path, d.Path) {
			b.conflict(t.Files[j].Path, d.Input, t.Files[j].Input, fmt.Sprintf("%q is generated as a whole", d.Path))
		}
		if j := dirsBelow(t.Dirs, d.Path, i+1); j < len(t.Dirs) && isBelow(t.Dirs[j].Path, d.Path) {
			b.conflict(t.Dirs[j].Path, d.Input, t.Dirs[j].Input, fmt.Sprintf("%q is generated as a whole", d.Path))
		}
		if f := t.fileAbove(d.Path); f != nil {
			b.conflict(d.Path, f.Input, d.Input, fmt.Sprintf("%q is a file, not a directory", f.Path))
		}
	}
}

// fileAbove returns a file that stands where path needs a directory.
func (t *Tree) fileAbove(path string) *File {
	for i := range len(path) {
		if path[i] == '/' {
			if f, ok := t.Lookup(path[:i]); ok {
				return f
			}
		}
	}
	return nil
}

// equal says that both recipes make the same content.
func (r *Recipe) equal(o *Recipe) bool {
	return r.Kind == o.Kind && len(r.Args) == len(o.Args) && cmp.Compare(r.canonical(), o.canonical()) == 0
}
