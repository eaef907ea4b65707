package content

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/git"
)

// gitMakers are the recipes whose origin is a commit of a git repository.
var gitMakers = map[string]func(ctx context.Context, c *git.Commit, args map[string]string, w io.Writer) error{
	"git-archive": func(ctx context.Context, c *git.Commit, args map[string]string, w io.Writer) error {
		plain := args["format"] == "tar"
		return c.WriteArchive(ctx, w, git.Archive{Prefix: args["prefix"], Plain: plain, NoRepository: plain})
	},
	"git-bare": func(ctx context.Context, c *git.Commit, args map[string]string, w io.Writer) error {
		return c.WriteBare(ctx, w, git.Bare{Branches: strings.Fields(args["branch"]), Tags: strings.Fields(args["tag"])})
	},
	"git-crate": func(ctx context.Context, c *git.Commit, args map[string]string, w io.Writer) error {
		return c.WriteCrate(ctx, w, git.Crate{Name: args["package"], Version: args["version"]})
	},
}

// fromGit makes what a recipe makes of a commit. The commit's id is the lock's
// statement about the content, as a digest is for a file: the objects are held
// against it.
func (d *download) fromGit(ctx context.Context, w io.Writer) error {
	r := d.file.Make
	if r.From == nil {
		return fmt.Errorf("the recipe %q names no repository", r.Kind)
	}
	dir, remove, err := d.src.scratchDir()
	if err != nil {
		return err
	}
	defer remove()
	client, err := d.src.client()
	if err != nil {
		return err
	}
	opt := git.Options{
		Client: client, Ticket: d.ticket, Scratch: dir,
		// Cargo takes a repository with its submodules.
		Submodules: r.Args["submodules"] == "true" || r.Kind == "git-crate",
		Received: func(n int) {
			d.bytes.Add(int64(n))
			d.src.stats.arrived(n)
		},
	}
	if r.Kind == "git-crate" {
		// Workspaces have many packages in one repository.
		opt.Keep = func(ctx context.Context, name string, produce func(context.Context, io.Writer) error) (*os.File, error) {
			f, _, err := d.src.view.Make(ctx, "git:"+name, produce)
			return f, err
		}
	}
	c, err := git.Fetch(ctx, r.From.URLs, r.Args["commit"], opt)
	if err != nil {
		return err
	}
	defer c.Close()
	return gitMakers[r.Kind](ctx, c, r.Args, w)
}

// scratchDir is a new directory on the store's disk.
func (s *Source) scratchDir() (dir string, remove func(), err error) {
	base := s.scratch
	if base == "" {
		base = filepath.Join(s.store.Dir(), "scratch")
	}
	if err := os.MkdirAll(base, 0o700); err != nil {
		return "", nil, fmt.Errorf("making a scratch directory: %w", err)
	}
	dir, err = os.MkdirTemp(base, "made-")
	if err != nil {
		return "", nil, fmt.Errorf("making a scratch directory: %w", err)
	}
	return dir, func() { os.RemoveAll(dir) }, nil
}
