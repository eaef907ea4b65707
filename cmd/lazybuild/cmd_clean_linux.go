package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/enter"
	"github.com/lazybuild/lazybuild/pkg/orchestrator"
)

// newClean is what cleans up where podman is, when that is not where lazybuild
// is: in a user namespace, on another machine. It is not for people.
func newClean() *cobra.Command {
	var inside bool
	cmd := &cobra.Command{
		Use:    "clean",
		Short:  "Clean up after one build (reads its state from stdin)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if inside {
				return enter.Parent([]string{"clean"})
			}
			return orchestrator.Clean(context.Background(), os.Stdin, os.Stdout)
		},
	}
	addEnter(cmd, &inside)
	return cmd
}

// addEnter adds the flag that a container's command line has.
func addEnter(cmd *cobra.Command, inside *bool) {
	cmd.Flags().BoolVar(inside, "enter", false, "go on in the mount namespace of the parent process")
}
