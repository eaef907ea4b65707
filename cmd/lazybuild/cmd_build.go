package main

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"regexp"
	"time"

	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/orchestrator"
	"github.com/lazybuild/lazybuild/pkg/orchestrator/cmdline"
)

// newBuild is the main job; its word is optional. podman's flags are not
// cobra's business, so it reads the command line itself.
func newBuild(signals <-chan os.Signal) *cobra.Command {
	var o lazyOptions
	cmd := &cobra.Command{
		Use:                "build [podman build flags] [--lazy-… flags] CONTEXT",
		Short:              "Build an image (the word may be left out)",
		Long:               buildLong,
		Example:            rootExample,
		DisableFlagParsing: true,
		// Use has them already.
		DisableFlagsInUseLine: true,
	}
	o.addFlags(cmd.Flags())
	cmd.RunE = func(c *cobra.Command, args []string) error {
		line, err := o.parse(c, args)
		if err != nil {
			return &orchestrator.UsageError{Err: err}
		}
		if line.Has("help") {
			return c.Help()
		}
		code, err := runBuild(c.Context(), o, line, signals)
		if code == orchestrator.ExitOK && err == nil {
			return nil
		}
		return exitCode{code, err}
	}
	return cmd
}

func runBuild(ctx context.Context, o lazyOptions, line *cmdline.Line, signals <-chan os.Signal) (int, error) {
	if ctx == nil {
		ctx = context.Background()
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	ui := orchestrator.NewUI(os.Stderr, o.verbose, line.Bool("quiet", false))
	target, err := orchestrator.Locate(line, os.Stdin)
	if err != nil {
		return orchestrator.ExitCode(err), err
	}
	b := orchestrator.Options{
		Line: line, Target: target, UI: ui, Signals: signals, Now: time.Now,
		Stdio:  orchestrator.Stdio{In: os.Stdin, Out: os.Stdout, Err: os.Stderr},
		Podman: o.podman, Report: o.report,
	}
	if target.Opaque != "" {
		ui.Note("%s: building without lock files, as podman build does", target.Opaque)
		return orchestrator.BuildPlain(b)
	}
	if err := o.fill(&b); err != nil {
		return orchestrator.ExitCode(err), err
	}
	for _, w := range b.Plan.Warnings {
		ui.Warn("%s", w)
	}
	return orchestrator.Build(ctx, b)
}

// parse splits the command line into podman's words and lazybuild's own flags.
func (o *lazyOptions) parse(c *cobra.Command, args []string) (*cmdline.Line, error) {
	line, err := cmdline.Parse(args, cmdline.Options{
		OwnTakesValue: func(name string) (known, takes bool) {
			f := c.Flags().Lookup(name)
			if f == nil {
				return false, false
			}
			return true, f.NoOptDefVal == ""
		},
		Learn: func(name string) (known, takes bool) { return learnFlag(o.podman, name) },
	})
	if err != nil {
		return nil, err
	}
	return line, c.Flags().Parse(line.Own)
}

// learnFlag asks the user's podman about a flag that is newer than lazybuild's
// table: in the help, a flag that takes a value has the value's type behind it.
func learnFlag(podman, name string) (known, takes bool) {
	if podman == "" {
		podman = "podman"
	}
	out, err := exec.Command(podman, "build", "--help").Output()
	if err != nil {
		return false, false
	}
	m := regexp.MustCompile(`(?m)--` + regexp.QuoteMeta(name) + `( \S+)?\s{2,}`).FindSubmatch(out)
	return m != nil, m != nil && len(m[1]) > 0
}

var errNoHome = errors.New("neither HOME nor XDG_CACHE_HOME is set: name a store with --lazy-store or LAZYBUILD_STORE")
