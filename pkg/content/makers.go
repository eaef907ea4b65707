package content

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path"

	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// maker makes the content of one kind of recipe. What it writes must depend on
// the recipe alone: the store keeps it for every build of the host.
//
// The content of a directory is a plain tar archive of regular files, which
// should be in a fixed order and whose names are paths below the directory.
// Their data are served from it as they stand there.
type maker struct {
	// download has the recipe's From downloaded and verified first; make then
	// gets the file. Without it, make reaches out itself, and from is nil.
	download bool
	make     func(ctx context.Context, r *tree.Recipe, from *os.File, w io.Writer) error
}

// makers are the kinds of recipes that this package knows, except for repodata,
// which is made of what many files say.
func makers(*Options) map[string]maker {
	return map[string]maker{
		kindCrate: crateMaker(),
	}
}

// makingAtOnce bounds the contents that are made at the same time: unpacking is
// the processor's work.
const makingAtOnce = 4

// make makes a content and puts it into the store.
func (d *download) make(ctx context.Context) error {
	r := d.file.Make
	if gitMakers[r.Kind] != nil {
		return d.keep(ctx, d.fromGit)
	}
	if r.Kind == kindYarnZip {
		if err := d.src.allowed(d.file); err != nil {
			return err
		}
		return d.keep(ctx, d.fromYarn)
	}
	m, ok := d.src.makers[r.Kind]
	if !ok {
		return fmt.Errorf("no recipe of the kind %q is known", r.Kind)
	}
	var from *os.File
	if m.download {
		origin, err := d.origin(ctx)
		if err != nil {
			return err
		}
		defer origin.Close()
		from = origin.Ready()
	}
	select {
	case d.src.making <- struct{}{}:
		defer func() { <-d.src.making }()
	case <-ctx.Done():
		return ctx.Err()
	}
	return d.keep(ctx, func(ctx context.Context, w io.Writer) error { return m.make(ctx, r, from, w) })
}

// keep has a content made, unless the store has it, and kept there.
func (d *download) keep(ctx context.Context, produce func(context.Context, io.Writer) error) error {
	f, info, err := d.src.view.Make(ctx, key(d.file), produce)
	if err != nil {
		return fmt.Errorf("making %s: %w", d.file.Path, err)
	}
	d.setSize(info.Size)
	return f.Close()
}

// origin downloads what the content is made from, with the priority that the
// content itself has or gets.
func (d *download) origin(ctx context.Context) (*Blob, error) {
	from := *d.file.Make.From
	from.Path, from.Input = d.file.Path, d.file.Input
	b := &Blob{src: d.src, file: &from}
	if b.content = d.src.stored(&from); b.content != nil {
		return b, nil
	}
	b.dl = d.src.joinWithin(d, &from)
	if _, err := b.kept(ctx); err != nil {
		b.Close()
		return nil, err
	}
	return b, nil
}

// joinWithin is join for what another download needs. Raising the priority of
// that one later raises this one's too.
func (s *Source) joinWithin(d *download, f *tree.File) *download {
	inner, _ := s.join(f, d.ticket.Priority())
	s.mu.Lock()
	defer s.mu.Unlock()
	d.inner = inner
	if d.demanded { // since then
		inner.demanded = true
		inner.ticket.Promote(fetch.Demand)
	}
	return inner
}

// whole is the content of a directory that a recipe makes.
func whole(d *tree.Dir) *tree.File {
	return &tree.File{Path: d.Path, Size: tree.SizeUnknown, Make: &d.Make, Input: d.Input}
}

// unpacked makes a directory's content and lists the files in it.
func (s *Source) unpacked(ctx context.Context, all *tree.File, p fetch.Priority) ([]tree.File, error) {
	file := s.stored(all)
	if file == nil {
		d, _ := s.join(all, p)
		select {
		case <-d.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if d.err != nil {
			return nil, d.err
		}
		if file = s.stored(all); file == nil {
			return nil, fmt.Errorf("%s vanished from the store after it was made", all.Path)
		}
	}
	defer file.Close()
	return listed(all, io.NewSectionReader(file, 0, math.MaxInt64))
}

// listed reads the archive's headers, and none of its data.
func listed(all *tree.File, r io.ReadSeeker) ([]tree.File, error) {
	var files []tree.File
	archive := tar.NewReader(r)
	for {
		h, err := archive.Next()
		if errors.Is(err, io.EOF) {
			return files, nil
		}
		if err != nil {
			return nil, fmt.Errorf("reading what was made for %s: %w", all.Path, err)
		}
		if h.Typeflag != tar.TypeReg {
			return nil, fmt.Errorf("what was made for %s holds %q, which is no regular file", all.Path, h.Name)
		}
		// The reader has taken the header and nothing behind it.
		offset, err := r.Seek(0, io.SeekCurrent)
		if err != nil {
			return nil, err
		}
		files = append(files, tree.File{
			Path: path.Clean(h.Name), Size: h.Size, Exec: h.Mode&0o111 != 0, Input: all.Input,
			Part: &tree.Part{Of: all, Offset: offset},
		})
	}
}
