package main

import (
	"cmp"
	"context"
	"os"
	"os/exec"
	"time"

	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/orchestrator"
	"github.com/lazybuild/lazybuild/pkg/orchestrator/cmdline"
)

// newBuild is the main job; its word is optional. podman's flags are not
// cobra's business, so it reads the command line itself.
// global are podman's flags that stood before the word.
func newBuild(signals <-chan os.Signal, global []string) *cobra.Command {
	o := lazyOptions{global: global}
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
	cmd.ValidArgsFunction = o.completeBuild
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
	collectLater() // this process does little once podman runs
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
	if target.Context == "" && len(target.Files) == 0 && len(o.inputs) == 0 && o.config == "" {
		ui.Note("%s: building without lock files, as podman build does (--lazy-input and --lazy-config can name some)", target.Opaque)
		return orchestrator.BuildPlain(b)
	}
	// A project that had a large lock has one: podman takes as long to say where it
	// builds as the plan takes.
	o.found = func() { b.Asked = orchestrator.Ask(ctx, b.Podman, o.answersDir(podmanName), b.Line) }
	defer func() { b.Asked.Drop() }()
	if err := o.fill(&b); err != nil {
		return orchestrator.ExitCode(err), err
	}
	for _, w := range b.Plan.Warnings {
		ui.Warn("%s", w)
	}
	for _, n := range b.Plan.Notes {
		ui.Verbose("%s", n)
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
		Leading: o.global,
		Learn:   func(name string) cmdline.Learned { return learnFlag(c.Context(), o.podman, name) },
	})
	if err != nil {
		return nil, err
	}
	return line, c.Flags().Parse(line.Own)
}

// learnFlag asks the user's podman about a flag that is newer than lazybuild's
// tables.
func learnFlag(ctx context.Context, podman, name string) cmdline.Learned {
	podman = cmp.Or(podman, "podman")
	for _, words := range [][]string{{"build", "--help"}, {"--help"}} {
		out, err := exec.CommandContext(ctx, podman, words...).Output()
		if err != nil {
			continue
		}
		for _, f := range cmdline.HelpFlags(string(out)) {
			if f.Name == name {
				return cmdline.Learned{Global: words[0] != "build", TakesValue: f.TakesValue}
			}
		}
	}
	return cmdline.Learned{}
}
