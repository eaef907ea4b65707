package git

import (
	"context"
	"fmt"
	"io"
	"path"
	"strings"
)

// file is a file, link or directory of a checkout.
type file struct {
	path string
	mode mode
	id   id
	size int64
	from *objects // that has the content
	link string   // the target of a symbolic link
}

func (f *file) content() io.Reader {
	ob := f.from.index[f.id]
	return f.from.content(ob)
}

// maxLink is the longest target that Linux allows.
const maxLink = 4095

// walk visits a commit's checkout, directories before what is in them, in the
// order of git's trees. Submodules that were not fetched are empty directories.
func (c *Commit) walk(ctx context.Context, visit func(*file) error) error {
	w := walker{ctx: ctx, visit: visit, files: c.limits.Files, bytes: c.limits.Made}
	return w.dir(c, "", c.info.tree, 0)
}

type walker struct {
	ctx   context.Context
	visit func(*file) error
	files int   // that may still come
	bytes int64 // that they may have
}

// dir visits what is in one directory of c's checkout. prefix is where it is in
// the checkout of the commit that was asked for.
func (w *walker) dir(c *Commit, prefix string, tree id, depth int) error {
	if depth > maxDepth {
		return &LimitError{What: "directories within one another", Limit: maxDepth}
	}
	if w.ctx.Err() != nil {
		return context.Cause(w.ctx)
	}
	entries, err := c.o.tree(tree)
	if err != nil {
		return err
	}
	for _, e := range entries {
		f := &file{path: prefix + e.name, mode: e.mode, id: e.id, from: c.o}
		if w.files--; w.files < 0 {
			return &LimitError{What: "files", Limit: int64(c.limits.Files)}
		}
		if err := w.entry(c, f, depth); err != nil {
			return err
		}
	}
	return nil
}

func (w *walker) entry(c *Commit, f *file, depth int) error {
	switch f.mode {
	case modeDir:
		if err := w.visit(f); err != nil {
			return err
		}
		return w.dir(c, f.path+"/", f.id, depth+1)
	case modeSubmodule:
		if err := w.visit(f); err != nil {
			return err
		}
		if m := c.modules[strings.TrimPrefix(f.path, c.prefix)]; m != nil {
			return w.dir(m, f.path+"/", m.info.tree, depth+1)
		}
		return nil
	}
	ob, ok := c.o.index[f.id]
	switch {
	case !ok:
		return fmt.Errorf("%w: the content of %q is missing", errObject, f.path)
	case ob.typ != typeBlob:
		return fmt.Errorf("%w: %q is a %s", errObject, f.path, ob.typ)
	}
	f.size = ob.size
	if w.bytes -= ob.size; w.bytes < 0 {
		return &LimitError{What: "bytes in its files", Limit: c.limits.Made}
	}
	if f.mode == modeLink {
		if ob.size > maxLink {
			return fmt.Errorf("%w: the target of the link %q has %d bytes", errObject, f.path, ob.size)
		}
		target, err := io.ReadAll(c.o.content(ob))
		if err != nil {
			return err
		}
		f.link = string(target)
	}
	return w.visit(f)
}

// inside says whether a link's target stays within the checkout.
func (f *file) inside() bool {
	if f.link == "" || path.IsAbs(f.link) || strings.ContainsRune(f.link, 0) {
		return false
	}
	target := path.Join(path.Dir(f.path), f.link)
	return target != ".." && !strings.HasPrefix(target, "../")
}
