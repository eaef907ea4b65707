package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/orchestrator"
	"github.com/lazybuild/lazybuild/pkg/store"
)

const doctorLong = `Look at podman, at this machine, at the store, and at what dead builds have left,
and say what to do. Running builds are not touched.

Which podman that is, is said as podman itself is told: by --connection or --url,
behind the word or before it, CONTAINER_CONNECTION, CONTAINER_HOST, or the default
connection. What dead builds have left is looked for at every podman that they
were at, and removed by --fix where podman answers.

With --json, one object per line: check, status (ok, warning, problem), text,
hint. Exit status 1 when there is a problem.`

// newDoctor takes podman's flags that stood before the word.
func newDoctor(global []string) *cobra.Command {
	var o lazyOptions
	var connection, url, identity string
	var fix, asJSON bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Say what keeps builds from working, and what is left of dead ones",
		Long:  doctorLong,
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			dir, err := o.storeDir()
			if err != nil {
				return &orchestrator.UsageError{Err: err}
			}
			for name, value := range map[string]string{"--connection": connection, "--url": url, "--identity": identity} {
				if value != "" {
					global = append(global, name, value)
				}
			}
			found := orchestrator.Doctor(c.Context(), orchestrator.Checkup{
				Podman: o.podman, Global: global, Base: runDir(), Store: dir, Tmp: tmpDir(), Fix: fix,
			})
			found = append(found, checkStore(c.Context(), dir))
			if asJSON {
				err = printLines(c.OutOrStdout(), found)
			} else {
				err = printFindings(c.OutOrStdout(), found)
			}
			if err == nil && bad(found) {
				err = exitCode{code: 1}
			}
			return err
		},
	}
	cmd.Flags().BoolVar(&fix, "fix", false, "remove what dead builds have left")
	cmd.Flags().BoolVar(&asJSON, "json", false, "print one JSON object per line")
	cmd.Flags().StringVar(&connection, "connection", "", "look at the podman of the connection `NAME` (as podman's own flag)")
	cmd.Flags().StringVar(&url, "url", "", "look at the podman at `URL` (as podman's own flag)")
	cmd.Flags().StringVar(&identity, "identity", "", "use the ssh key in `FILE` (as podman's own flag)")
	cmd.Flags().StringVar(&o.store, "lazy-store", os.Getenv("LAZYBUILD_STORE"), "the store's `DIR` (default: the user's cache directory)")
	cmd.Flags().StringVar(&o.podman, "lazy-podman", os.Getenv("LAZYBUILD_PODMAN"), "ask this `PROGRAM` as podman")
	return cmd
}

// checkStore opens the store as a build would. One that does not exist yet is a
// good one.
func checkStore(ctx context.Context, dir string) orchestrator.Finding {
	f := orchestrator.Finding{Check: "store", Status: orchestrator.FindingOK}
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		f.Text = dir + " is not there yet; the first build makes it"
		return f
	}
	s, err := store.Open(dir, store.Options{})
	if err != nil {
		f.Status, f.Text, f.Hint = orchestrator.FindingFail, err.Error(), "name another with --lazy-store"
		return f
	}
	defer s.Close()
	u, err := s.Du(ctx)
	if err != nil {
		f.Status, f.Text = orchestrator.FindingFail, err.Error()
		return f
	}
	f.Text = fmt.Sprintf("%s holds %d blobs, %s; %s of the disk are free",
		dir, u.Blobs.Files, humanize.Bytes(uint64(u.Blobs.Bytes)), humanize.Bytes(uint64(u.DiskFree)))
	switch {
	case u.Quarantine.Files > 0:
		f.Status, f.Hint = orchestrator.FindingWarn, "lazybuild store verify; a disk or memory that damages files damages others too"
		f.Text += fmt.Sprintf("; %d damaged blobs were put aside", u.Quarantine.Files)
	case u.DiskFree < u.Limits.MinFree:
		f.Status, f.Hint = orchestrator.FindingWarn, "make room, or put the store on a larger disk with --lazy-store"
	}
	return f
}

func bad(found []orchestrator.Finding) bool {
	for _, f := range found {
		if f.Status == orchestrator.FindingFail {
			return true
		}
	}
	return false
}

func printFindings(w io.Writer, found []orchestrator.Finding) error {
	for _, f := range found {
		if _, err := fmt.Fprintf(w, "%-8s %-12s %s\n", f.Status, f.Check, orchestrator.Printable(f.Text)); err != nil {
			return err
		}
		if f.Hint != "" {
			fmt.Fprintf(w, "%-21s hint: %s\n", "", f.Hint)
		}
	}
	return nil
}
