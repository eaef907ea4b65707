package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/proxy"
)

// newProxy is what runs in the proxy container. It is not for people.
func newProxy(signals <-chan os.Signal) *cobra.Command {
	return &cobra.Command{
		Use:    "proxy",
		Short:  "Serve one build's tree (runs in the proxy container)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			stop := make(chan struct{})
			go func() {
				<-signals
				close(stop)
			}()
			return proxy.Run(context.Background(), proxy.Options{In: os.Stdin, Out: os.Stdout, Stop: stop})
		},
	}
}
