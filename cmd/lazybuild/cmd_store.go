package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/orchestrator"
	"github.com/lazybuild/lazybuild/pkg/store"
)

const storeLong = `Look at and clean up the store, in which all builds of this user keep what they
have downloaded. Nothing here disturbs a running build.`

func newStore() *cobra.Command {
	var o lazyOptions
	cmd := &cobra.Command{Use: "store", Short: "Look at and clean up the store of downloaded files", Long: storeLong}
	cmd.PersistentFlags().StringVar(&o.store, "lazy-store", os.Getenv("LAZYBUILD_STORE"), "the store's `DIR` (default: the user's cache directory)")
	cmd.PersistentFlags().StringVar(&o.storeSize, "lazy-store-size", os.Getenv("LAZYBUILD_STORE_SIZE"), "how large the store may be, `SIZE` (20GB)")
	cmd.AddCommand(newStoreGC(&o), newStoreDu(&o), newStoreLs(&o), newStoreVerify(&o), newStorePath(&o))
	return cmd
}

// inStore opens the store, runs f and closes it.
func inStore(o *lazyOptions, f func(s *store.Store) error) error {
	dir, err := o.storeDir()
	if err != nil {
		return &orchestrator.UsageError{Err: err}
	}
	s, err := o.openStore(dir)
	if err != nil {
		return err
	}
	defer s.Close()
	return f(s)
}

// openStore opens the store with the limits that the user has set.
func (o *lazyOptions) openStore(dir string) (*store.Store, error) {
	size, err := o.storeBytes()
	if err != nil {
		return nil, &orchestrator.UsageError{Err: err}
	}
	return store.Open(dir, store.Options{Limits: store.Limits{MaxBytes: size}})
}

func newStoreGC(o *lazyOptions) *cobra.Command {
	var maxSize string
	var p store.Policy
	cmd := &cobra.Command{
		Use:   "gc",
		Short: "Remove what has not been used for longest, and leftovers",
		Long: `Remove what has not been used for longest until the store keeps its limits
(50 GB or a fifth of the disk, whichever is less, and a twentieth of the disk
free), and what died builds have left. What a running build may need stays.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if maxSize != "" {
				n, err := parseSize("--max-size", maxSize)
				if err != nil {
					return &orchestrator.UsageError{Err: err}
				}
				p.Limits = &store.Limits{MaxBytes: n}
			}
			return inStore(o, func(s *store.Store) error {
				r, err := s.GC(c.Context(), p)
				printRemoved(c.OutOrStdout(), r, p.DryRun)
				return err
			})
		},
	}
	cmd.Flags().StringVar(&maxSize, "max-size", "", "let the store have `SIZE` (20GB)")
	cmd.Flags().DurationVar(&p.MaxAge, "max-age", 0, "remove what has not been used for this `TIME` (720h)")
	cmd.Flags().BoolVar(&p.DryRun, "dry-run", false, "say what would be removed, and remove nothing")
	return cmd
}

func printRemoved(w io.Writer, r store.Report, dry bool) {
	for _, x := range r.Removed {
		fmt.Fprintf(w, "%9s  %s  (%s)\n", humanize.Bytes(uint64(x.Size)), x.Name, x.Reason)
	}
	verb := "removed"
	if dry {
		verb = "would remove"
	}
	fmt.Fprintf(w, "%s %d files, %s of %s; %d kept for running builds\n",
		verb, len(r.Removed), humanize.Bytes(uint64(r.Freed)), humanize.Bytes(uint64(r.Before)), r.Pinned)
}

func newStoreDu(o *lazyOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "du",
		Short: "Say how large the store is, and how large it may become",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return inStore(o, func(s *store.Store) error {
				u, err := s.Du(c.Context())
				if err != nil {
					return err
				}
				for _, row := range []struct {
					name string
					c    store.Count
				}{{"blobs", u.Blobs}, {"of these, kept for running builds", u.Pinned}, {"unfinished downloads", u.Partials}, {"quarantine (damaged)", u.Quarantine}, {"facts, aliases, locks", u.Other}, {"answers of indexes and registries", u.Answers}, {"scratch of running builds", u.Scratch}} {
					fmt.Fprintf(c.OutOrStdout(), "%9s  %6d  %s\n", humanize.Bytes(uint64(row.c.Bytes)), row.c.Files, row.name)
				}
				_, err = fmt.Fprintf(c.OutOrStdout(), "limit %s, and %s of the disk's %s stay free (%s are free now)\n", humanize.Bytes(uint64(max(0, u.Limits.MaxBytes))),
					humanize.Bytes(uint64(max(0, u.Limits.MinFree))), humanize.Bytes(uint64(u.DiskTotal)), humanize.Bytes(uint64(u.DiskFree)))
				return err
			})
		},
	}
}

func newStoreLs(o *lazyOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "ls",
		Short: "List the blobs: size in bytes, last use, digest",
		Args:  cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return inStore(o, func(s *store.Store) error {
				all, err := s.List(c.Context())
				for _, e := range all {
					fmt.Fprintf(c.OutOrStdout(), "%12d  %s  %s\n", e.Size, e.LastUse.UTC().Format(time.RFC3339), e.Digest)
				}
				return err
			})
		},
	}
}

func newStoreVerify(o *lazyOptions) *cobra.Command {
	var repair bool
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "Read every blob and compare it with its digest",
		Long: `Read every blob and compare it with its digest. Damaged blobs are put into
quarantine, and fetched again when a build needs them. Exit status 1 when there
were problems.`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			return inStore(o, func(s *store.Store) error {
				r, err := s.Verify(c.Context(), repair)
				for _, p := range r.Problems {
					fmt.Fprintf(c.OutOrStdout(), "%s: %s\n", p.Path, p.What)
				}
				fmt.Fprintf(c.OutOrStdout(), "%d blobs, %s: %d problems\n", r.Blobs.Files, humanize.Bytes(uint64(r.Blobs.Bytes)), len(r.Problems))
				if err == nil && len(r.Problems) > 0 {
					err = exitCode{code: 1}
				}
				return err
			})
		},
	}
	cmd.Flags().BoolVar(&repair, "repair", false, "also set right facts and aliases")
	return cmd
}

func newStorePath(o *lazyOptions) *cobra.Command {
	return &cobra.Command{
		Use:   "path [DIGEST]",
		Short: "Print where the store, or the blob with DIGEST, is",
		Args:  cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return inStore(o, func(s *store.Store) error {
				path := s.Dir()
				if len(args) == 1 {
					d, err := digest.Parse(args[0])
					if err != nil {
						return &orchestrator.UsageError{Err: err}
					}
					if path, err = s.Path(d); err != nil {
						return err
					}
				}
				_, err := fmt.Fprintln(c.OutOrStdout(), path)
				return err
			})
		},
	}
}
