package main

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/orchestrator"
	"github.com/lazybuild/lazybuild/pkg/plan"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// sourceOptions are the flags of the commands that need a build's tree and no build.
type sourceOptions struct {
	lazyOptions
	file, platform, arch string

	lines *orchestrator.UI
}

func (o *sourceOptions) addFlags(cmd *cobra.Command) {
	o.lazyOptions.addFlags(cmd.Flags())
	// A build's own are taken, so that its words can be reused, and not shown.
	for _, name := range []string{"fallback", "hermetic", "podman", "proxy", "read-only", "report", "volume", "yum-repos"} {
		_ = cmd.Flags().MarkHidden("lazy-" + name) // it fails where there is none
	}
	completeValues(cmd)
	cmd.Flags().StringVarP(&o.file, "file", "f", "", "the build's Containerfile, `FILE`")
	cmd.Flags().StringVar(&o.platform, "platform", "", "the build's target platforms, `OS/ARCH[,...]`")
	cmd.Flags().StringArrayVar(&o.buildArgFiles, "build-arg-file", nil, "the build's `FILE` of build arguments; it tells the flavours of a Containerfile apart")
	cmd.Flags().StringArrayVar(&o.buildArgs, "build-arg", nil, "a build argument, `NAME=VALUE`, for the same purpose")
	cmd.Flags().StringVar(&o.arch, "arch", "", "the target platforms by architectures alone, `ARCH[,...]` (x86_64, aarch64, ...), or \"all\"")
}

// everyArch are the architectures that Hermeto's users build for.
const everyArch = "amd64,arm64,ppc64le,s390x"

// platforms joins --platform and --arch.
func (o *sourceOptions) platforms() (string, error) {
	var all []string
	if o.platform != "" {
		all = append(all, o.platform)
	}
	arches := o.arch
	if arches == "all" {
		arches = everyArch
	}
	for a := range strings.SplitSeq(arches, ",") {
		if a = strings.TrimSpace(a); strings.Contains(a, "/") {
			return "", fmt.Errorf("--arch %q is no architecture; --platform %s is for platforms", a, a)
		} else if a != "" {
			all = append(all, "linux/"+a)
		}
	}
	return strings.Join(all, ","), nil
}

func (o *sourceOptions) ui() *orchestrator.UI {
	if o.lines == nil {
		o.lines = orchestrator.NewUI(os.Stderr, o.verbose, false)
	}
	return o.lines
}

// plan plans the build that the arguments mean. Its errors are usage
// errors, but where a package index did not answer.
func (o *sourceOptions) plan(args []string) (*plan.Plan, error) {
	t, err := treeTarget(o.file, args)
	if err != nil {
		return nil, err
	}
	if t.Opaque != "" {
		return nil, &orchestrator.UsageError{Err: errors.New(t.Opaque)}
	}
	config, err := plan.FindConfig(o.config, t.Containerfile(), t.Context)
	if err == nil {
		err = o.settle(config)
	}
	if err != nil {
		return nil, &orchestrator.UsageError{Err: err}
	}
	platforms, err := o.platforms()
	if err != nil {
		return nil, &orchestrator.UsageError{Err: err}
	}
	p, err := o.lazyOptions.plan(o.ui(), t, config, platforms)
	if err != nil {
		return nil, planError(err)
	}
	for _, w := range p.Warnings {
		o.ui().Warn("%s", w)
	}
	for _, n := range p.Notes {
		o.ui().Note("%s", n)
	}
	return p, nil
}

// uiEvents tells the user what happens, as a build does.
type uiEvents struct{ ui *orchestrator.UI }

// Send implements content.Events.
func (e uiEvents) Send(ev wire.Event) { e.ui.Event(ev) }
