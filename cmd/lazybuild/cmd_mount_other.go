//go:build !linux

package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"
)

// newMount says why there is no mount here.
func newMount(<-chan os.Signal) *cobra.Command {
	return &cobra.Command{
		Use: "mount", Hidden: true, Args: cobra.ArbitraryArgs,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("mount needs Linux: write the files out with lazybuild materialize instead")
		},
	}
}
