package main

import (
	"os"

	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/orchestrator"
	"github.com/lazybuild/lazybuild/pkg/orchestrator/cmdline"
)

const treeLong = `Print what a build would see below /cachi2/output, without podman, and without
network but for one case: a requirements.txt says neither where its packages'
files are nor how long, so the package index is asked for them, once.

With --json, one object per line: path, size (bytes or null), digest
("sha256:…" or null), urls (without credentials), and input (the lock file that
names the file, its type, and how it was found).`

func newTree() *cobra.Command {
	var o sourceOptions
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "tree [flags] [CONTEXT]",
		Short: "Print what a build would see, without podman",
		Long:  treeLong,
		Args:  cobra.MaximumNArgs(1),
	}
	o.addFlags(cmd)
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	cmd.RunE = func(c *cobra.Command, args []string) error {
		p, err := o.plan(args)
		if err != nil {
			return err
		}
		if asJSON {
			return p.Tree.WriteJSON(c.OutOrStdout())
		}
		return p.Tree.WriteText(c.OutOrStdout())
	}
	return cmd
}

// treeTarget finds the build that is meant; a context without a Containerfile
// is good enough here.
func treeTarget(file string, args []string) (*orchestrator.Target, error) {
	words := append([]string{}, args...)
	if file != "" {
		words = append(words, "--file", file)
	} else if len(args) == 0 {
		words = append(words, ".")
	}
	line, err := cmdline.Parse(words, cmdline.Options{})
	if err != nil {
		return nil, &orchestrator.UsageError{Err: err}
	}
	t, err := orchestrator.Locate(line, os.Stdin)
	if t != nil && t.Context != "" && file == "" {
		return t, nil
	}
	return t, err
}
