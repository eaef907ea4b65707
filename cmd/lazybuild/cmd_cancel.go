package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/orchestrator"
)

const cancelLong = `End builds as Ctrl-C would, and wait until nothing of them is left. An ID may be
shortened as long as it is clear. It works in every state of a build: a build
that hangs is killed, and after one that has died already it cleans up. The
build's own lazybuild exits with status 130, or as podman did if that had ended.`

func newCancel(signals <-chan os.Signal) *cobra.Command {
	return &cobra.Command{
		Use:               "cancel ID...",
		Short:             "End builds",
		Long:              cancelLong,
		Args:              cobra.MinimumNArgs(1),
		ValidArgsFunction: completeBuilds,
		RunE: func(c *cobra.Command, ids []string) error {
			ctx, stop := orchestrator.UntilSignal(c.Context(), signals)
			defer stop()
			ui := orchestrator.NewUI(os.Stderr, false, false)
			for _, id := range ids {
				if err := orchestrator.Cancel(ctx, runDir(), id, ui.Note); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// completeBuilds offers the IDs of the builds that there are to the shell.
func completeBuilds(_ *cobra.Command, given []string, _ string) ([]string, cobra.ShellCompDirective) {
	list, _ := orchestrator.List(runDir())
	var ids []string
	for _, l := range list {
		ids = append(ids, string(l.ID)+"\t"+l.Phase+" "+orchestrator.Printable(l.What))
	}
	return ids, cobra.ShellCompDirectiveNoFileComp
}
