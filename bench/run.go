//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lazybuild/lazybuild/bench/origin"
	"github.com/lazybuild/lazybuild/bench/show"
)

func run(ctx context.Context, c config) (err error) {
	if _, err := chosen(c.arms); err != nil {
		return err
	}
	links, err := linksOf(c.links)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(c.cache, 0o755); err != nil {
		return err
	}
	o, err := origin.New(c.https)
	if err != nil {
		return err
	}
	defer o.Close()
	b, err := newBench(ctx, c, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	machine := append(show.Machine(ctx, c.binary), "builds write to "+show.FileSystem(b.work))
	p := show.Page{Command: command(c), Machine: machine, Note: c.note, Began: time.Now()}
	m := &maker{cache: c.cache, work: b.work, binary: c.binary, origin: o}
	workloads := map[string]*workload{}
	for _, name := range c.workloads {
		w, err := m.make(ctx, name)
		if err != nil {
			return err
		}
		workloads[name] = w
		p.Workloads = append(p.Workloads, show.Workload{Name: w.name, What: w.what, Same: w.same()})
	}
	log, err := openLog(c)
	if err != nil {
		return err
	}
	defer log.close()
	o.Fail(c.faults)
	for _, a := range arms() {
		p.Arms = append(p.Arms, show.Arm{ID: a.id, Name: a.name, Anywhere: !slices.Contains(linkArms, a.id)})
	}
	byRate := map[string]origin.Link{}
	for i, l := range links {
		byRate[c.links[i]] = l
		p.Links = append(p.Links, show.Link{Name: l.Name, Rate: l.Rate})
	}
	save := func() error {
		p.Samples = log.samples
		return writePage(c, &p)
	}
	if err := (&measured{c, b, log, workloads, byRate}).rounds(ctx, save); err != nil {
		return err
	}
	fmt.Print(p.Table(), p.Aims())
	return nil
}

// measured is what rounds needs.
type measured struct {
	c         config
	b         *bench
	log       *log
	workloads map[string]*workload
	links     map[string]origin.Link
}

// rounds measures what is not measured yet, and saves after each round.
func (m *measured) rounds(ctx context.Context, save func() error) error {
	say("about %v for what is not measured yet", m.left(0, 0).Round(time.Minute))
	for round := range m.c.rounds {
		for i, cell := range inOrder(round, m.c.cells) {
			if err := m.cell(ctx, round, i, cell); err != nil {
				return err
			}
		}
		if err := save(); err != nil {
			return err
		}
	}
	return nil
}

// inOrder is a round's order: every second round goes backwards. What comes after
// a build that has written much, or has filled a cache, is not always the same.
func inOrder[T any](round int, list []T) []T {
	list = slices.Clone(list)
	if round%2 == 1 {
		slices.Reverse(list)
	}
	return list
}

// cell measures all ways on one workload and link; at is its place in the round.
func (m *measured) cell(ctx context.Context, round, at int, cell cell) error {
	w, l := m.workloads[cell.workload], m.links[cell.link]
	list, err := chosen(cell.arms)
	if err != nil {
		return err
	}
	for _, a := range inOrder(round, list) {
		if !m.todo(cell, a.id, round) {
			continue
		}
		s, err := m.b.measure(ctx, a, w, l)
		if err != nil {
			return fmt.Errorf("%s, %s, %s: %w", w.name, l.Name, a.name, err)
		}
		s.Round = round
		if err := m.log.add(s); err != nil {
			return err
		}
		say("%d: %s, %s, %s %s: %.1f s, %d MB in %d requests (about %v left)", round+1, w.name, l.Name, a.id, a.name,
			s.Took.Seconds(), s.Bytes/1e6, s.Requests, m.left(round, at).Round(time.Minute/2))
	}
	return nil
}

// todo says whether a way is still to be measured in a round.
func (m *measured) todo(c cell, arm string, round int) bool {
	if w := m.workloads[c.workload]; arm == "b" && w.same() {
		return false
	}
	link := m.links[c.link].Name
	return round < c.rounds && !m.log.has(c.workload, link, arm, round) && m.log.longest(c.workload, link, arm) <= m.c.long
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
	name := "part"
	switch {
	case c.quick:
		name = "quick"
	case !c.picked:
		name = c.preset
	}
	if c.https {
		name += "-https"
	}
	if err := os.MkdirAll(c.out, 0o755); err != nil {
		return err
	}
	page := filepath.Join(c.out, name+".md")
	err := errors.Join(
		os.WriteFile(page, []byte(p.Markdown(name+".svg")), 0o644),
		os.WriteFile(filepath.Join(c.out, name+".svg"), []byte(p.SVG()), 0o644))
	if err == nil {
		say("wrote %s", page)
	}
	return err
}

// command is how to do it again.
func command(c config) string {
	args := ""
	switch {
	case c.quick:
		args = "-quick"
	case c.picked:
		args = fmt.Sprintf("-workloads %s -links %s -arms %s -rounds %d", strings.Join(c.workloads, ","), strings.Join(c.links, ","),
			strings.Join(c.arms, ","), c.rounds)
	default:
		args = fmt.Sprintf("-preset %s -rounds %d", c.preset, c.rounds)
	}
	if c.https {
		args += " -https"
	}
	if c.work != "" {
		args += " -work DIR"
	}
	if c.faults != (origin.Faults{}) {
		args += fmt.Sprintf(" -busy %d -cut %d", c.faults.Busy, c.faults.Cut)
	}
	return "make bench ARGS='" + args + "'"
}
