package main

import (
	"fmt"
	"os"

	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/orchestrator"
	"github.com/lazybuild/lazybuild/pkg/plan"
)

func newConfig() *cobra.Command {
	cmd := &cobra.Command{Use: "config", Short: "Work with lazybuild.toml"}
	cmd.AddCommand(newConfigCheck())
	return cmd
}

func newConfigCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check [FILE]",
		Short: "Say whether a lazybuild.toml is valid, and what it sets",
		Long: `Read FILE (default: lazybuild.toml in the current directory), refuse what no
build would take (unknown keys, wrong values, inputs that are not there), and
print what it sets. Exit status 2 when it is wrong.`,
		Args: usageError(cobra.MaximumNArgs(1)),
		RunE: func(c *cobra.Command, args []string) error {
			file := plan.ConfigName
			if len(args) > 0 {
				file = args[0]
			}
			if info, err := os.Stat(file); err == nil && info.IsDir() {
				return &orchestrator.UsageError{Err: fmt.Errorf("%s is a directory; name the file in it", file)}
			}
			config, err := plan.ReadConfig(file)
			if err == nil {
				err = config.Describe(c.OutOrStdout())
			}
			if err != nil {
				return &orchestrator.UsageError{Err: err}
			}
			return nil
		},
	}
}
