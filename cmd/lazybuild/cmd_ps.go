package main

import (
	"encoding/json"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/orchestrator"
)

const psLong = `List this user's builds with their age, what they do, and how much they have
downloaded so far. "dead" is a build whose lazybuild is gone and that has left
something; lazybuild cancel or doctor --fix cleans up after it.

With --json, one object per line: id, phase (starting, building, ending, dead),
created, pid (of its lazybuild), what, files, bytes, active (downloads under
way), waiting (a file that the build waits for).`

func newPs() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "ps",
		Short: "List the builds that run",
		Long:  psLong,
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			list, err := orchestrator.List(runDir())
			if err != nil {
				return err
			}
			if asJSON {
				return printLines(c.OutOrStdout(), list)
			}
			return printBuilds(c.OutOrStdout(), list, time.Now())
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	return cmd
}

// printLines writes each value as a line of JSON.
func printLines[T any](w io.Writer, list []T) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	for _, v := range list {
		if err := e.Encode(v); err != nil {
			return err
		}
	}
	return nil
}

func printBuilds(w io.Writer, list []orchestrator.Live, now time.Time) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "ID\tAGE\tSTATE\tFETCHED\tBUILD")
	for _, l := range list {
		state := l.Phase
		if l.Waiting != "" {
			state += ", waits for " + orchestrator.Printable(l.Waiting)
		}
		age := now.Sub(l.Created).Round(time.Second)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%s\n", l.ID, age, state, humanize.Bytes(uint64(max(0, l.Bytes))), orchestrator.Printable(l.What))
	}
	return t.Flush()
}
