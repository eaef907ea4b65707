//go:build linux

package main

import (
	"fmt"
	"slices"
	"time"
)

// cell is a workload on a link: which ways are measured there, and how often.
type cell struct {
	workload, link string
	arms           []string
	rounds         int
}

// left is about how long it takes to measure what is not measured yet, when
// round has come to the cell at that place of its order.
func (m *measured) left(round, at int) (sum time.Duration) {
	for r := round; r < m.c.rounds; r++ {
		for i, cell := range inOrder(r, m.c.cells) {
			if r == round && i < at {
				continue
			}
			for _, arm := range cell.arms {
				if m.todo(cell, arm, r) {
					if t := m.guess(cell, arm); r == 0 || t <= m.c.long {
						sum += t + between
					}
				}
			}
		}
	}
	return sum
}

// between is about what passes between two builds.
const between = 2 * time.Second

// guess is about how long a build takes: as long as before, or else as long as
// the bytes need and the commands, of which a megabyte takes a tenth of a second.
func (m *measured) guess(c cell, arm string) time.Duration {
	w, l := m.workloads[c.workload], m.links[c.link]
	if t := m.log.longest(c.workload, l.Name, arm); t > 0 {
		return t
	}
	build := 2*time.Second + time.Duration(w.bytes/10)*time.Microsecond
	if w.same() { // nobody can know how little of it is used
		build = 2 * time.Second
	}
	switch {
	case arm == "a":
		return build + l.Least(w.allBytes)
	case arm == "b" || !w.same() && slices.Contains(linkArms, arm):
		return build + l.Least(w.bytes)
	case w.same() && slices.Contains(linkArms, arm):
		return build + l.Least(w.allBytes/20)
	}
	return build
}

// Which arms there are: all; and those whose time depends on the link. c2 asks
// the origin a little, and is measured where that costs least.
var (
	everyArm = []string{"a", "b", "c", "c2", "d", "e", "f", "g"}
	linkArms = []string{"a", "b", "c", "d", "e"}
)

// short is all that is to be shown, in so little time that it is done: what does
// not depend on the link is measured on the fastest alone, and on the slowest
// the packages of uv are those without large files. pip is everywhere given
// these: with all packages it is uv once more, and slower.
func short(rounds int) []cell {
	few := min(rounds, 2)
	return []cell{
		{"npm", "1000", everyArm, rounds},
		{"uv", "1000", everyArm, rounds},
		{"pip-part", "1000", everyArm, rounds},
		{"dnf", "1000", everyArm, rounds},
		{"npm", "100", linkArms, rounds},
		{"uv", "100", linkArms, rounds},
		{"pip-part", "100", linkArms, rounds},
		{"dnf", "100", linkArms, rounds},
		{"npm", "20", linkArms, few},
		{"uv-part", "20", everyArm, few},
		{"pip-part", "20", linkArms, few},
		{"dnf", "20", linkArms, few},
	}
}

// cross is each workload on each link in each way.
func cross(workloads, links, arms []string, rounds int) (cells []cell) {
	for _, w := range workloads {
		for _, l := range links {
			cells = append(cells, cell{w, l, arms, rounds})
		}
	}
	return cells
}

// What takes longer is measured once.
const (
	shortLong = 30 * time.Second
	fullLong  = 4 * time.Minute
)

// choose makes the cells of a command line.
func (c *config) choose() error {
	long := fullLong
	switch {
	case c.quick:
		c.cells = cross([]string{"npm"}, []string{"100"}, everyArm, 2)
	case c.picked || c.preset == "full":
		c.cells = cross(c.workloads, c.links, c.arms, c.rounds)
	case c.preset == "short":
		c.cells, long = short(c.rounds), shortLong
	default:
		return fmt.Errorf("there is no preset %q (short or full)", c.preset)
	}
	if c.long == 0 {
		c.long = long
	}
	c.workloads, c.links = nil, nil
	for _, cell := range c.cells {
		c.workloads, c.links = withName(c.workloads, cell.workload), withName(c.links, cell.link)
	}
	return nil
}

func withName(list []string, name string) []string {
	if slices.Contains(list, name) {
		return list
	}
	return append(list, name)
}
