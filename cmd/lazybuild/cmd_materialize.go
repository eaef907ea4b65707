package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/content"
	"github.com/lazybuild/lazybuild/pkg/materialize"
	"github.com/lazybuild/lazybuild/pkg/orchestrator"
	"github.com/lazybuild/lazybuild/pkg/plan"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

const materializeLong = `Write what a build would see below /cachi2/output as real files, downloading in
parallel and verifying everything. It needs neither podman nor FUSE: for CI
without privileges, Tekton, BuildKit, or any build that wants a directory.

Files go through the store, so a file is downloaded once per host, and cloned
into DIR where the file system can do that. A second run writes only what is
missing or has changed, removes what the locks no longer name and an earlier run
had written, and leaves all other files alone. DIR/cachi2.env holds the
environment for the build.

  lazybuild materialize --output cachi2/output .
  podman build -v $PWD/cachi2/output:/cachi2/output:Z \
    -v $PWD/cachi2/output/cachi2.env:/cachi2/cachi2.env:Z .`

// materializeOptions are the command's own flags.
type materializeOptions struct {
	sourceOptions
	output  string
	match   []string
	fitting bool
	jobs    int
	check   bool
	link    bool
}

func newMaterialize(signals <-chan os.Signal) *cobra.Command {
	var o materializeOptions
	cmd := &cobra.Command{
		Use:   "materialize --output DIR [flags] [CONTEXT]",
		Short: "Write what a build would see as real files, without podman or FUSE",
		Long:  materializeLong,
		Example: `  lazybuild materialize --output cachi2/output .
  lazybuild materialize --output out --arch x86_64,aarch64 -f images/app/Containerfile .
  lazybuild materialize --output wheels --match 'deps/pip/*' --fitting .`,
		Args: cobra.MaximumNArgs(1),
	}
	o.addFlags(cmd)
	o.strict = true // half a directory is none
	fs := cmd.Flags()
	fs.StringVarP(&o.output, "output", "o", "", "write to `DIR`")
	fs.StringArrayVar(&o.match, "match", nil, "only files whose path below DIR matches `GLOB`, or whose name does if it has no slash; may be repeated")
	fs.BoolVar(&o.fitting, "fitting", false, "leave out files that the platforms cannot use (wheels and npm packages for others)")
	fs.IntVar(&o.jobs, "jobs", 16, "work on `N` files at once")
	fs.BoolVar(&o.check, "check", false, "read the files that are there already, instead of trusting their size and time")
	fs.BoolVar(&o.link, "link", false, "make hard links to the store's files, which must not be written to")
	cmd.RunE = func(c *cobra.Command, args []string) error {
		ctx, stop := orchestrator.UntilSignal(c.Context(), signals)
		defer stop()
		err := o.run(ctx, args)
		if orchestrator.Interrupted(err) {
			return exitCode{orchestrator.ExitInterrupted, errors.New("interrupted; another run goes on from here")}
		}
		return err
	}
	return cmd
}

func (o *materializeOptions) run(ctx context.Context, args []string) error {
	if o.output == "" {
		return &orchestrator.UsageError{Err: errors.New("nobody says where to write: name a directory with --output")}
	}
	keep, err := o.keep()
	if err != nil {
		return &orchestrator.UsageError{Err: err}
	}
	p, err := o.plan(args)
	if err != nil {
		return err
	}
	if len(p.Tree.Files)+len(p.Tree.Dirs) == 0 {
		return &orchestrator.UsageError{Err: errors.New("there is no lock file beside the Containerfile or in the context's root: name one with --lazy-input")}
	}
	return o.inSource(ctx, p, o.ui(), func(src *content.Source) error {
		started := time.Now()
		bar := newFilesBar(os.Stderr, src, wanted(p.Tree, keep))
		r, err := materialize.Write(ctx, p.Tree, src, materialize.Options{
			Dir: o.output, Keep: keep, Jobs: o.jobs, Check: o.check, Link: o.link, Done: bar.done,
		})
		bar.end()
		if err == nil {
			err = os.WriteFile(path.Join(o.output, "cachi2.env"), plan.Cachi2Env(p.Env), 0o644)
		}
		<-src.Settled() // the files are there; the store may still write
		fetched := src.Summary().Fetched
		o.ui().Note("wrote %d of %d files (%s) to %s, fetched %s in %d files, removed %d, took %s", r.Written, r.Files,
			humanize.Bytes(uint64(r.Bytes)), o.output, humanize.Bytes(uint64(fetched.Bytes)), fetched.Files, r.Removed,
			time.Since(started).Round(10*time.Millisecond))
		return err
	})
}

// keep chooses the files to write.
func (o *materializeOptions) keep() (func(*tree.File) bool, error) {
	for _, g := range o.match {
		if _, err := path.Match(g, ""); err != nil {
			return nil, fmt.Errorf("--match %q is no pattern: *, ? and [a-z] have a meaning, \\ takes it away", g)
		}
	}
	return func(f *tree.File) bool {
		if o.fitting && f.Group != "" && !f.Fits {
			return false
		}
		return len(o.match) == 0 || matchesAny(o.match, f.Path)
	}, nil
}

func matchesAny(globs []string, name string) bool {
	for _, g := range globs {
		on := name
		if !strings.Contains(g, "/") {
			on = path.Base(name)
		}
		if ok, _ := path.Match(g, on); ok { // the pattern was checked before
			return true
		}
	}
	return false
}

// wanted counts the files that keep chooses; those of generated directories are
// not known yet.
func wanted(t *tree.Tree, keep func(*tree.File) bool) int {
	n := 0
	for i := range t.Files {
		if keep(&t.Files[i]) {
			n++
		}
	}
	return n
}
