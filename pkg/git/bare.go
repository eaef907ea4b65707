package git

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"archive/tar"
)

// Bare says what WriteBare writes besides the commit.
type Bare struct {
	// Branches and Tags are names that point to the commit there, because the
	// program that clones asks for them. HEAD is the first branch, else "main".
	Branches, Tags []string
}

// WriteBare writes the files of a bare repository as a plain tar archive of
// regular files: a shallow one, with the commit, its trees and files, and refs of
// the given names. Which branches and tags a server has at the time is not in it.
//
// A repository needs its directory "refs", and an archive of files has no empty
// directories: so there is always a branch, in a file of its own.
func (c *Commit) WriteBare(ctx context.Context, w io.Writer, b Bare) error {
	if len(b.Branches) == 0 {
		b.Branches = []string{"main"}
	}
	for _, name := range append(append([]string(nil), b.Branches...), b.Tags...) {
		if err := checkRef(name); err != nil {
			return err
		}
	}
	r, err := c.repository(ctx, repositoryOptions{branches: b.Branches, tags: b.Tags})
	if err != nil {
		return err
	}
	defer r.close()
	t := &archiver{c: c, tw: tar.NewWriter(w), time: time.Unix(0, 0)}
	for _, p := range r.files {
		if err := t.file(p.name, false, p.size, p.open()); err != nil {
			return err
		}
	}
	return t.tw.Close()
}

// checkRef refuses what git-check-ref-format refuses, as far as it could be a
// path that leads elsewhere.
func checkRef(name string) error {
	bad := name == "" || name != path.Clean(name) || path.IsAbs(name) || strings.Contains(name, "..") ||
		strings.Contains(name, "@{") || strings.HasSuffix(name, ".lock") || len(name) > 200
	for _, r := range name {
		bad = bad || r <= ' ' || r == 0x7f || strings.ContainsRune(`~^:?*[\`, r)
	}
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || strings.HasPrefix(part, ".")
	}
	if bad {
		return fmt.Errorf("%q is not the name of a branch or tag", clip(name))
	}
	return nil
}
