package orchestrator

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/plan"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// Where no way to mount works, a build can still have a plain directory: all of
// the tree, downloaded before the first RUN, as a prefetch would have it
// (Options.Materialize).

// goPlain gives the build a plain directory. args are those of a lazy build;
// what they name below the mounts' directory is made below plainDir instead, and
// delivered to where podman is.
func (b *build) goPlain(ctx context.Context, args []string, why error) ([]string, error) {
	o := &b.o
	o.UI.Warn("%s", firstLine(why))
	o.UI.Note("going on without a mount: all %d files of the locks are written out first (--lazy-fallback=materialize)", len(o.Plan.Tree.Files))
	b.plain, b.state.Plain = true, true
	b.noteState()
	dir := b.plainDir()
	output := filepath.Join(dir, "output")
	if err := o.Materialize(ctx, output); err != nil {
		if ctx.Err() != nil {
			err = errInterrupted
		}
		return nil, fmt.Errorf("writing the files out: %w", err)
	}
	if !o.ReadOnly {
		if err := writableForAll(output); err != nil {
			return nil, err
		}
	}
	for name, data := range b.smallFiles() {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return nil, err
		}
		if err := os.WriteFile(path, data, 0o644); err != nil {
			return nil, fmt.Errorf("writing %s: %w", name, err)
		}
	}
	if b.view != "" {
		view := b.inPlain(b.view, dir)
		if err := linkView(o.Target.Context, view, o.Plan.Rewrites); err != nil {
			return nil, err
		}
	}
	there, err := b.place.deliver(ctx, b, dir)
	if err != nil {
		return nil, err
	}
	for i := range args {
		args[i] = b.inPlain(args[i], there)
	}
	return args, nil
}

// plainDir is where the files are written out on this machine: in the build's
// scratch directory, which is on the store's disk, or, where that is elsewhere,
// with its temporary files. It goes with the build.
func (b *build) plainDir() string {
	if b.place.kind() == remote {
		return filepath.Join(b.state.Tmp, "plain")
	}
	return b.state.Scratch
}

// inPlain moves a path (at the start of an argument) from the mounts' directory
// to dir.
func (b *build) inPlain(arg, dir string) string {
	if rest, ok := strings.CutPrefix(arg, b.state.Dir+"/"); ok {
		return dir + "/" + rest
	}
	return arg
}

// smallFiles are the files beside the tree, by name.
func (b *build) smallFiles() map[string][]byte {
	files := map[string][]byte{"cachi2.env": plan.Cachi2Env(b.o.Plan.Env)}
	if b.o.YumRepos {
		for name, data := range b.o.Plan.ReposD {
			files["repos.d/"+name] = data
		}
	}
	return files
}

// writableForAll lets every user of the build write into the directories, as
// they could on the overlay of a lazy build.
func writableForAll(dir string) error {
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		return os.Chmod(path, 0o777)
	})
}

// plainMode is what the report says of the proxy that there was not.
func plainMode() *wire.Proxy { return &wire.Proxy{Mode: "none", Why: "no mount", Writable: true} }
