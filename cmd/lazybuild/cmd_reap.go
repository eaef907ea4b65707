package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/orchestrator"
)

// newReap is the process that cleans up after a killed lazybuild. It is not
// for people.
func newReap() *cobra.Command {
	return &cobra.Command{
		Use:    "reap STATEFILE",
		Short:  "Wait for the end of a lazybuild and clean up after it",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			return orchestrator.Reap(os.Stdin, args[0])
		},
	}
}
