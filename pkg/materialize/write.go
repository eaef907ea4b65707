package materialize

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/lazybuild/lazybuild/internal/failpoint"
	"github.com/lazybuild/lazybuild/pkg/content"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// Options say what to write where.
type Options struct {
	// Dir is the directory to write to; it is made when it is not there.
	Dir string
	// Keep chooses files; nil means all.
	Keep func(*tree.File) bool
	// Jobs is how many files are under way at once; 16 by default.
	Jobs int
	// Check reads the files that are there already, instead of trusting their
	// size and mtime. Files of which the lock states no digest are written anew.
	Check bool
	// Link makes hard links to the store's blobs where that is possible. They
	// are read-only, and must not be written to.
	Link bool
	// Done, if set, hears of each file that is there now: how many bytes it has,
	// and whether it had to be written. It is called from several goroutines.
	Done func(f *tree.File, size int64, written bool)
}

// Result counts what has been done.
type Result struct {
	// Files are those that are there now; Written of them were not before.
	Files, Written int
	// Bytes is the size of all Files.
	Bytes int64
	// Removed files were written by an earlier run and are no part of the tree.
	Removed int
	// Failed files could not be had. src has told why.
	Failed int
}

// FailedError says that some files could not be had. src.Failed has heard why.
type FailedError struct{ Files int }

// Error says how many.
func (e *FailedError) Error() string {
	if e.Files == 1 {
		return "a file could not be had; what is there is good, and another run goes on from here"
	}
	return fmt.Sprintf("%d files could not be had; what is there is good, and another run goes on from here", e.Files)
}

// Write writes the files of t, whose content is src. It blocks until all are
// there, or could not be had (*FailedError), or ctx is done, or the directory
// cannot be written to.
func Write(ctx context.Context, t *tree.Tree, src *content.Source, o Options) (Result, error) {
	if err := os.MkdirAll(o.Dir, 0o755); err != nil {
		return Result{}, fmt.Errorf("making the directory to write to: %w", err)
	}
	root, err := os.OpenRoot(o.Dir)
	if err != nil {
		return Result{}, fmt.Errorf("opening the directory to write to: %w", err)
	}
	defer root.Close()
	unlock, err := lock(root)
	if err != nil {
		return Result{}, err
	}
	defer unlock()
	w := &writer{o: o, root: root, src: src}
	if w.o.Jobs <= 0 {
		w.o.Jobs = 16
	}
	before, err := readManifest(root)
	if err != nil {
		return Result{}, err
	}
	if err := w.checkNames(w.wanted(t)); err != nil {
		return Result{}, err
	}
	// Before anything is written: a run that is killed must be known to the next.
	if err := writeManifest(root, w.planned(t, before)); err != nil {
		return Result{}, err
	}
	err = w.all(ctx, t)
	// Also after an error: what is there must be known to the next run.
	w.result.Removed, err = w.remember(t, before, err)
	if err == nil && w.result.Failed > 0 {
		err = &FailedError{w.result.Failed}
	}
	return w.result, err
}

type writer struct {
	o    Options
	root *os.Root
	src  *content.Source

	naming sync.Mutex // of oneFile's probe

	mu     sync.Mutex
	result Result
	paths  []string // of files that are there
}

// all writes the tree's own files and those of its generated directories.
func (w *writer) all(ctx context.Context, t *tree.Tree) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(w.o.Jobs)
	for i := range t.Files {
		f := &t.Files[i]
		if w.keeps(f) {
			g.Go(func() error { return w.file(ctx, f, f.Path) })
		}
	}
	for i := range t.Dirs {
		d := &t.Dirs[i]
		g.Go(func() error { return w.dir(ctx, d) })
	}
	return g.Wait()
}

// planned are the paths that this run may have written when it dies.
func (w *writer) planned(t *tree.Tree, before []string) []string {
	paths := append(slices.Clone(before), w.wanted(t)...)
	slices.Sort(paths)
	return slices.Compact(paths)
}

func (w *writer) keeps(f *tree.File) bool { return w.o.Keep == nil || w.o.Keep(f) }

// dir writes a generated directory, unless none of its files could be wanted:
// that is known only of the directory as a whole.
func (w *writer) dir(ctx context.Context, d *tree.Dir) error {
	if !w.keeps(&tree.File{Path: d.Path, Input: d.Input, Fits: true}) {
		return nil
	}
	files, err := w.src.Expand(ctx, d)
	if err != nil {
		return w.failed(ctx, &tree.File{Path: d.Path, Input: d.Input}, err)
	}
	names := make([]string, len(files))
	for i := range files {
		names[i] = d.Path + "/" + files[i].Path
	}
	if err := w.checkNames(names); err != nil {
		return err
	}
	swept := map[string]bool{}
	for i := range files {
		name := names[i]
		if in := path.Dir(name); !swept[in] {
			swept[in] = true
			sweep(w.root, in)
		}
		if err := w.file(ctx, &files[i], name); err != nil {
			return err
		}
	}
	return nil
}

// failed notes a file that could not be had. Nothing else stops for it, unless
// the disk is full or somebody has had enough.
func (w *writer) failed(ctx context.Context, f *tree.File, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	w.src.Failed(f, err)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.result.Failed++
	return nil
}

// file makes sure that one file is there.
func (w *writer) file(ctx context.Context, f *tree.File, name string) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	size, known := w.src.Size(f)
	if f.Content != nil {
		size, known = int64(len(f.Content)), true
	}
	if w.there(f, name, size, known) {
		fi, err := w.root.Stat(name)
		if err == nil {
			w.done(f, name, fi.Size(), false)
			return nil
		}
	}
	size, err := w.put(ctx, f, name)
	var own *diskError
	switch {
	case errors.As(err, &own):
		return own
	case err != nil:
		return w.failed(ctx, f, err)
	}
	w.done(f, name, size, true)
	return nil
}

func (w *writer) done(f *tree.File, name string, size int64, written bool) {
	w.mu.Lock()
	w.paths = append(w.paths, name)
	w.result.Files++
	w.result.Bytes += size
	if written {
		w.result.Written++
	}
	w.mu.Unlock()
	if w.o.Done != nil {
		w.o.Done(f, size, written)
	}
}

// remember removes what is no longer wanted and writes down what is there.
func (w *writer) remember(t *tree.Tree, before []string, failed error) (removed int, err error) {
	index := t.Index()
	there, like := map[string]bool{}, map[string]string{}
	for _, p := range w.paths {
		there[p] = true
		like[tree.Folded(p)] = p
	}
	var stale []error
	for _, p := range before {
		switch {
		case there[p]:
		case failed != nil || belongs(index, p):
			w.paths = append(w.paths, p) // of an earlier run: still good, or nobody knows
		case w.isAnother(p, like[tree.Folded(p)]):
		default:
			err := failpoint.Step("file.remove", func() error { return w.root.Remove(p) })
			if err == nil {
				removed++
				removeEmpty(w.root, p)
			} else if !errors.Is(err, fs.ErrNotExist) {
				// A build could still take it: that is no success, and the next run tries again.
				w.paths = append(w.paths, p)
				stale = append(stale, fmt.Errorf("removing what the locks no longer name: %w", err))
			}
		}
	}
	slices.Sort(w.paths)
	return removed, errors.Join(failed, errors.Join(stale...), writeManifest(w.root, slices.Compact(w.paths)))
}

// belongs says that a path is a file of the tree, or may be one below a
// generated directory that this run has not looked into.
func belongs(index tree.Index, name string) bool {
	if e, ok := index.Lookup(name); ok {
		return !e.IsDir()
	}
	for i := range len(name) {
		if name[i] == '/' {
			if e, ok := index.Lookup(name[:i]); ok && e.Dir != nil {
				return true
			}
		}
	}
	return false
}
