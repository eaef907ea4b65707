//go:build !linux

package main

import (
	"errors"
	"os"

	"github.com/spf13/cobra"
)

func newProxy(<-chan os.Signal) *cobra.Command {
	return &cobra.Command{
		Use:    "proxy",
		Hidden: true,
		RunE: func(*cobra.Command, []string) error {
			return errors.New("the proxy runs on Linux only")
		},
	}
}

// newClean has nothing to clean up here.
func newClean() *cobra.Command {
	c := newProxy(nil)
	c.Use = "clean"
	return c
}
