package materialize

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// checkNames refuses files of which the directory's file system would keep one
// alone: names that differ in case or in the form of Unicode, where that does not
// count. The other would have the first one's name and its own bytes.
func (w *writer) checkNames(paths []string) error {
	byFolded := map[string]string{}
	for _, p := range paths {
		key := tree.Folded(p)
		other, there := byFolded[key]
		byFolded[key] = p
		if !there || other == p {
			continue
		}
		one, err := w.oneFile(other, p)
		if err != nil {
			return fmt.Errorf("looking how %s treats upper and lower case: %w", w.root.Name(), err)
		}
		if one {
			return fmt.Errorf("%q and %q are one file on the file system of %s: write to another one, or leave one of them out with --match",
				other, p, w.root.Name())
		}
	}
	return nil
}

// isAnother says that a path of an earlier run is now a file of this one, by a name
// that this file system takes for the same; "" is no file.
func (w *writer) isAnother(before, now string) bool {
	if now == "" {
		return false
	}
	one, err := w.oneFile(before, now)
	return one || err != nil // when in doubt nothing is removed
}

// oneFile tries out whether two paths name one file here.
func (w *writer) oneFile(a, b string) (bool, error) {
	const probe = tmpPrefix + "names"
	w.naming.Lock()
	defer w.naming.Unlock()
	if err := w.root.RemoveAll(probe); err != nil {
		return false, err
	}
	if err := w.root.Mkdir(probe, 0o700); err != nil {
		return false, err
	}
	defer func() { _ = w.root.RemoveAll(probe) }() // the next run does it else
	as, bs := strings.Split(a, "/"), strings.Split(b, "/")
	for i := range as {
		if as[i] == bs[i] {
			continue
		}
		f, err := w.root.OpenFile(path.Join(probe, as[i]), os.O_WRONLY|os.O_CREATE, 0o600)
		if err != nil {
			return false, err
		}
		f.Close()
		switch _, err = w.root.Lstat(path.Join(probe, bs[i])); {
		case errors.Is(err, fs.ErrNotExist):
			return false, nil // one part that differs is enough
		case err != nil:
			return false, err
		}
	}
	return true, nil
}

// wanted are the paths of the tree's own files that this run writes.
func (w *writer) wanted(t *tree.Tree) []string {
	var paths []string
	for i := range t.Files {
		if w.keeps(&t.Files[i]) {
			paths = append(paths, t.Files[i].Path)
		}
	}
	return paths
}
