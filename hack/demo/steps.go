package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/dustin/go-humanize"
	"golang.org/x/sys/unix"

	"github.com/lazybuild/lazybuild/e2e/realapp"
)

// imagePrefix begins the names of all images of one run of the demo: another
// run at the same time has other images, and removes only its own.
func imagePrefix(work string) string {
	return "localhost/lazybuild-test/" + filepath.Base(work) + "-"
}

// step is one thing that happens to the application.
type step struct {
	name  string
	fresh bool
	// context fills dir with the application as it is at this step.
	context func(a *realapp.App, dir string) error
}

func steps() []step {
	return []step{
		{"cold", false, func(a *realapp.App, dir string) error { return os.CopyFS(dir, os.DirFS(a.Before)) }},
		{"source", false, func(a *realapp.App, dir string) error {
			if err := os.CopyFS(dir, os.DirFS(a.Before)); err != nil {
				return err
			}
			return realapp.Edit(filepath.Join(dir, "src", "app.py"), func(s string) string { return s + "print('changed')\n" })
		}},
		{"locks", true, func(a *realapp.App, dir string) error { return os.CopyFS(dir, os.DirFS(a.After)) }},
	}
}

// runAll returns the results by step and way. The ways take turns within a
// step, so that a slow minute of the network or the machine hits all of them.
func runAll(ctx context.Context, a *realapp.App, ways []way) (map[string][]*result, error) {
	results := map[string][]*result{}
	for _, s := range steps() {
		for i, w := range ways {
			say("%s: %s", s.name, w.name())
			dir := filepath.Join(filepath.Dir(a.Before), fmt.Sprintf("context-%s-%d", s.name, i))
			if err := s.context(a, dir); err != nil {
				return nil, err
			}
			if err := setRound(dir, fmt.Sprintf("%s-%d", filepath.Base(filepath.Dir(dir)), i)); err != nil {
				return nil, err
			}
			unix.Sync() // what others have written is not this way's to write out
			r, err := w.build(ctx, dir, fmt.Sprintf("%s%s-%d", imagePrefix(filepath.Dir(a.Before)), s.name, i), s.fresh)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", s.name, w.name(), err)
			}
			say("%s: %s: %s", s.name, w.name(), r)
			results[s.name] = append(results[s.name], r)
		}
	}
	return results, nil
}

// setRound makes the layers of this run and way different from all others. It
// writes the value into the Containerfile: with --build-arg, podman would take
// the ARG step from another way's build, and then find no layer on top of it.
func setRound(dir, round string) error {
	return realapp.Edit(filepath.Join(dir, "Containerfile"), func(s string) string {
		return strings.Replace(s, "ARG DEMO_ROUND=none", "ARG DEMO_ROUND="+round, 1)
	})
}

func (r *result) String() string {
	opened := "–"
	if r.opened >= 0 {
		opened = fmt.Sprint(r.opened)
	}
	return fmt.Sprintf("opened %s, fetched %d files, %s, %s (%s of it waiting for downloads)",
		opened, r.files, humanize.Bytes(uint64(r.bytes)), seconds(r.took), seconds(r.waited))
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.1f s", d.Seconds()) }

func printTable(w io.Writer, a *realapp.App, ways []way, results map[string][]*result) error {
	cold := results["cold"][0]
	fmt.Fprintf(w, "\n%d Python and %d npm packages; the tree holds %d files", a.Wheels, a.Tarballs, cold.tree.Files)
	fmt.Fprintf(w, ", %s\n\n", humanize.Bytes(uint64(cold.tree.Bytes)))
	t := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	fmt.Fprintln(t, "step\tway\tfiles opened\tfiles fetched\tbytes fetched\twaiting for downloads\twall time")
	for _, s := range steps() {
		for i, r := range results[s.name] {
			opened := "–"
			if r.opened >= 0 {
				opened = fmt.Sprint(r.opened)
			}
			fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\t%s\n", s.name, ways[i].name(), opened, r.files,
				humanize.Bytes(uint64(r.bytes)), seconds(r.waited), seconds(r.took))
		}
	}
	return t.Flush()
}
