//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/lazybuild/lazybuild/bench/origin"
	"github.com/lazybuild/lazybuild/bench/show"
)

func run(ctx context.Context, c config) (err error) {
	list, err := chosen(c.arms)
	if err != nil {
		return err
	}
	links, err := linksOf(c.links)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.cache, 0o755); err != nil {
		return err
	}
	o, err := origin.New()
	if err != nil {
		return err
	}
	defer o.Close()
	b, err := newBench(ctx, c.cache, c.binary, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	p := show.Page{Command: command(c), Machine: describe(ctx, c), Note: c.note, Began: time.Now()}
	m := &maker{cache: c.cache, work: b.work, binary: c.binary, origin: o}
	var workloads []*workload
	for _, name := range c.workloads {
		w, err := m.make(ctx, name)
		if err != nil {
			return err
		}
		workloads = append(workloads, w)
		p.Workloads = append(p.Workloads, show.Workload{Name: w.name, What: w.what})
	}
	log, err := openLog(c)
	if err != nil {
		return err
	}
	defer log.close()
	o.Fail(c.faults)
	for _, a := range arms() {
		p.Arms = append(p.Arms, show.Arm{ID: a.id, Name: a.name})
	}
	for _, l := range links {
		p.Links = append(p.Links, show.Link{Name: l.Name, Rate: l.Rate})
	}
	if err := rounds(ctx, c, b, log, workloads, links, list); err != nil {
		return err
	}
	p.Samples = log.samples
	return writePage(c, &p)
}

// rounds measures what is not measured yet.
func rounds(ctx context.Context, c config, b *bench, log *log, workloads []*workload, links []origin.Link, list []arm) error {
	all := c.rounds * len(workloads) * len(links) * len(list)
	start, done := time.Now(), 0
	for round := range c.rounds {
		for _, w := range workloads {
			for _, l := range links {
				for _, a := range list {
					all--
					if log.has(w.name, l.Name, a.id, round) || log.longest(w.name, l.Name, a.id) > c.long {
						continue
					}
					s, err := b.measure(ctx, a, w, l)
					if err != nil {
						return fmt.Errorf("%s, %s, %s: %w", w.name, l.Name, a.name, err)
					}
					s.Round = round
					if err := log.add(s); err != nil {
						return err
					}
					done++
					left := time.Since(start) / time.Duration(done) * time.Duration(all)
					say("%d: %s, %s, %s %s: %.1f s, %d MB in %d requests (about %v left)", round+1, w.name, l.Name, a.id, a.name,
						s.Took.Seconds(), s.Bytes/1e6, s.Requests, left.Round(time.Minute/2))
				}
			}
		}
	}
	return nil
}

func linksOf(names []string) (list []origin.Link, err error) {
	for _, name := range names {
		found := false
		for _, l := range origin.Links() {
			if fmt.Sprint(l.Rate*8/1e6) == name {
				list, found = append(list, l), true
			}
		}
		if !found {
			return nil, fmt.Errorf("there is no link of %s Mbit/s", name)
		}
	}
	return list, nil
}

// writePage writes the page and the plot.
func writePage(c config, p *show.Page) error {
	name := "full"
	if c.quick {
		name = "quick"
	}
	if err := os.MkdirAll(c.out, 0o755); err != nil {
		return err
	}
	page := filepath.Join(c.out, name+".md")
	err := errors.Join(
		os.WriteFile(page, []byte(p.Markdown(name+".svg")), 0o644),
		os.WriteFile(filepath.Join(c.out, name+".svg"), []byte(p.SVG()), 0o644))
	if err == nil {
		fmt.Print(p.Table())
		say("wrote %s", page)
	}
	return err
}

// command is how to do it again.
func command(c config) string {
	if c.quick {
		return "make bench ARGS=-quick"
	}
	args := fmt.Sprintf("-workloads %s -links %s -rounds %d", strings.Join(c.workloads, ","), strings.Join(c.links, ","), c.rounds)
	if c.faults != (origin.Faults{}) {
		args += fmt.Sprintf(" -busy %d -cut %d", c.faults.Busy, c.faults.Cut)
	}
	return "make bench ARGS='" + args + "'"
}
