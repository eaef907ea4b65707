package git

import (
	"archive/tar"
	"context"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/klauspost/compress/gzip"
)

// Archive says what WriteArchive writes.
type Archive struct {
	// Prefix is the directory in which the checkout stands; empty for none.
	Prefix string
	// Plain leaves out the compression.
	Plain bool
	// NoRepository leaves out the ".git" directory.
	NoRepository bool
}

// WriteArchive writes a tar archive of the checkout, gzipped unless it is to be
// plain. The bytes follow from the commit (and from its submodules' commits)
// alone: files are owned by root, have the mode 0644 or 0755 and the commit's
// time. Symbolic links that lead out of the checkout are left out, since
// programs that unpack archives refuse the whole of one that has such a link.
//
// The ".git" directory is a shallow clone: the commit, its trees and files, an
// index, and neither branches, tags nor remotes, because these change with time
// and place. So "git rev-parse", "git ls-files", "git archive" and "git status"
// work in it, and a version that is computed of tags is not that of the release.
func (c *Commit) WriteArchive(ctx context.Context, w io.Writer, a Archive) (err error) {
	if !a.Plain {
		// Level and library are part of the format: the same commit has to give
		// the same bytes tomorrow.
		z, err := gzip.NewWriterLevel(w, archiveLevel)
		if err != nil {
			return err
		}
		t := c.archiver(z, a)
		if err := t.all(ctx); err != nil {
			return err
		}
		return z.Close()
	}
	return c.archiver(w, a).all(ctx)
}

const archiveLevel = 6

type archiver struct {
	c    *Commit
	a    Archive
	tw   *tar.Writer
	time time.Time
}

func (c *Commit) archiver(w io.Writer, a Archive) *archiver {
	return &archiver{c: c, a: a, tw: tar.NewWriter(w), time: c.info.time}
}

func (t *archiver) all(ctx context.Context) error {
	if t.a.Prefix != "" {
		if err := t.dir(t.a.Prefix); err != nil {
			return err
		}
	}
	if !t.a.NoRepository {
		if err := t.repository(ctx); err != nil {
			return err
		}
	}
	err := t.c.walk(ctx, func(f *file) error {
		name := t.name(f.path)
		switch f.mode {
		case modeDir, modeSubmodule:
			return t.dir(name)
		case modeLink:
			if !f.inside() {
				return nil
			}
			return t.tw.WriteHeader(&tar.Header{
				Typeflag: tar.TypeSymlink, Name: name, Linkname: f.link, Mode: 0o777, ModTime: t.time,
			})
		}
		return t.file(name, f.mode == modeExec, f.size, f.content())
	})
	if err != nil {
		return err
	}
	return t.tw.Close()
}

func (t *archiver) name(p string) string { return path.Join(t.a.Prefix, p) }

func (t *archiver) dir(name string) error {
	return t.tw.WriteHeader(&tar.Header{
		Typeflag: tar.TypeDir, Name: strings.TrimSuffix(name, "/") + "/", Mode: 0o755, ModTime: t.time,
	})
}

func (t *archiver) file(name string, exec bool, size int64, r io.Reader) error {
	h := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o644, ModTime: t.time}
	if exec {
		h.Mode = 0o755
	}
	if err := t.tw.WriteHeader(h); err != nil {
		return fmt.Errorf("archiving %q: %w", name, err)
	}
	if _, err := io.Copy(t.tw, r); err != nil {
		return fmt.Errorf("archiving %q: %w", name, err)
	}
	return nil
}

// repository writes the ".git" directory.
func (t *archiver) repository(ctx context.Context) error {
	parts, err := t.c.repository(ctx, repositoryOptions{checkout: true})
	if err != nil {
		return err
	}
	defer parts.close()
	for _, d := range append([]string{""}, parts.dirs...) {
		if err := t.dir(t.name(path.Join(".git", d))); err != nil {
			return err
		}
	}
	for _, p := range parts.files {
		if err := t.file(t.name(path.Join(".git", p.name)), false, p.size, p.open()); err != nil {
			return err
		}
	}
	return nil
}
