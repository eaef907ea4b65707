package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	podman "github.com/containers/podman/v5/version"
	"github.com/spf13/cobra"
)

// version and commit are set by the linker (make build).
var (
	version = "dev"
	commit  = ""
)

func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := fmt.Fprint(c.OutOrStdout(), versionText())
			return err
		},
	}
}

func versionText() string {
	if commit == "" {
		if info, ok := debug.ReadBuildInfo(); ok {
			for _, s := range info.Settings {
				if s.Key == "vcs.revision" {
					commit = s.Value
				}
			}
		}
	}
	if commit == "" {
		commit = "unknown"
	}
	return fmt.Sprintf("lazybuild %s\ncommit: %s\npodman client API: %s\ngo: %s %s/%s\n",
		version, commit, podman.APIVersion[podman.Libpod][podman.CurrentAPI], runtime.Version(), runtime.GOOS, runtime.GOARCH)
}
