package show

import (
	"fmt"
	"strings"
	"time"
)

// Page is a whole run.
type Page struct {
	Command   string
	Machine   []string
	Note      string
	Began     time.Time
	Workloads []Workload
	Links     []Link
	Arms      []Arm
	Samples   []Sample
}

// Markdown is the page. plot is the plot's file name.
func (p *Page) Markdown(plot string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# Measured on %s\n\nWritten by `%s`; see [README.md](README.md) for what the ways are.\n\n", p.Began.UTC().Format(time.DateOnly), p.Command)
	for _, line := range p.Machine {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	for _, w := range p.Workloads {
		fmt.Fprintf(&b, "- %s: %s\n", w.Name, w.What)
	}
	if p.Note != "" {
		fmt.Fprintf(&b, "\n%s\n", p.Note)
	}
	fmt.Fprintf(&b, "\n![seconds per build](%s)\n\n", plot)
	b.WriteString("Times are medians, with the least and the most; n is how often it was measured. The bound is the floor (g), or the time\n" +
		"in which the link carries the bytes that the build opens, whichever is longer. Ratios are medians over the rounds.\n" +
		"Ways that do not depend on the link may have been measured on the fastest one alone; they are in all tables.\n")
	b.WriteString(p.Table())
	b.WriteString(p.Aims())
	return b.String()
}

// Table is a table for each workload and link.
func (p *Page) Table() string {
	var b strings.Builder
	for _, w := range p.Workloads {
		for _, l := range p.Links {
			if p.shown(w, l) {
				p.table(&b, w, l)
			}
		}
	}
	return b.String()
}

func (p *Page) table(b *strings.Builder, w Workload, l Link) {
	bound := p.bound(w, l)
	fmt.Fprintf(b, "\n## %s, %s\n\n", w.Name, l.Name)
	fmt.Fprintf(b, "Bound: %.1f s.\n\n", bound)
	b.WriteString("| | way | seconds | n | of the bound | of (b) | fetched | requests | connections |\n|---|---|---:|---:|---:|---:|---:|---:|---:|\n")
	prefetch := p.of(w, l, "b")
	for _, a := range p.Arms {
		list := p.of(w, l, a.ID)
		if len(list) == 0 {
			continue
		}
		t := each(list, seconds)
		fmt.Fprintf(b, "| %s | %s | %.2f (%.2f–%.2f) | %d | %s | %s | %.1f MB | %.0f | %.0f |\n", a.ID, a.Name, t.Median, t.Least, t.Most, t.N,
			over(t.Median, bound), ratio(list, prefetch), each(list, func(s Sample) float64 { return float64(s.Bytes) / 1e6 }).Median,
			each(list, func(s Sample) float64 { return float64(s.Requests) }).Median,
			each(list, func(s Sample) float64 { return float64(s.Connections) }).Median)
	}
}

// bound is the time in seconds that no way can go below.
func (p *Page) bound(w Workload, l Link) float64 {
	bound := each(p.of(w, l, "g"), seconds).Median
	needed := int64(0)
	for _, s := range p.Samples {
		if s.Workload == w.Name {
			needed = max(needed, s.Needed)
		}
	}
	if l.Rate > 0 {
		bound = max(bound, float64(needed)/float64(l.Rate))
	}
	return bound
}

func over(value, bound float64) string {
	if bound == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", value/bound)
}

// String is the median with the range.
func (s Spread) String() string {
	switch s.N {
	case 0:
		return "–"
	case 1:
		return fmt.Sprintf("%.2f", s.Median)
	}
	return fmt.Sprintf("%.2f (%.2f–%.2f)", s.Median, s.Least, s.Most)
}
