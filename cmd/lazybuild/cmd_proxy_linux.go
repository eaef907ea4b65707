package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/enter"
	"github.com/lazybuild/lazybuild/pkg/proxy"
)

// newProxy is what runs in the proxy container, or as a process. It is not for
// people.
func newProxy(signals <-chan os.Signal) *cobra.Command {
	var inside bool
	cmd := &cobra.Command{
		Use:    "proxy",
		Short:  "Serve one build's tree (runs in the proxy container)",
		Hidden: true,
		Args:   cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if inside {
				return enter.Parent([]string{"proxy"})
			}
			// A write to a CLI that has died must not kill the proxy before it has
			// unmounted.
			signal.Ignore(syscall.SIGPIPE)
			collect := collectLater()
			stop := make(chan struct{})
			go func() {
				<-signals
				close(stop)
			}()
			return proxy.Run(context.Background(), proxy.Options{In: os.Stdin, Out: os.Stdout, Stop: stop, Ready: collect})
		},
	}
	addEnter(cmd, &inside)
	return cmd
}
