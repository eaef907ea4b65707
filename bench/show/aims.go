package show

import (
	"fmt"
	"strings"
)

// aim is a ratio that is not to be exceeded.
type aim struct {
	what  string
	most  float64
	ratio func(p *Page, workload string, l Link) (float64, bool)
}

func aims() []aim {
	return []aim{
		{"(e) against the bound", 1.05, overBound("e")},
		{"(d) against the bound", 1.25, overBound("d")},
		{"(d) against (a)", 0.5, armsRatio("d", "a")},
		{"(d) against (b)", 1, armsRatio("d", "b")},
		{"(d) against (c)", 1, armsRatio("d", "c")},
		{"(f) against (c2)", 1, armsRatio("f", "c2")},
		{"(f) against (g)", 1.02, armsRatio("f", "g")},
	}
}

func overBound(arm string) func(*Page, string, Link) (float64, bool) {
	return func(p *Page, workload string, l Link) (float64, bool) {
		list, bound := of(p.Samples, workload, l.Name, arm), p.bound(workload, l)
		if len(list) == 0 || bound == 0 {
			return 0, false
		}
		return each(list, seconds).Median / bound, true
	}
}

func armsRatio(a, b string) func(*Page, string, Link) (float64, bool) {
	return func(p *Page, workload string, l Link) (float64, bool) {
		r := ratio(of(p.Samples, workload, l.Name, a), of(p.Samples, workload, l.Name, b))
		return r.Median, r.N > 0
	}
}

// Aims is a table of what was aimed at and what was reached; what was missed is
// in bold.
func (p *Page) Aims() string {
	var b strings.Builder
	b.WriteString("\n## Aims\n\n| | at most |")
	for _, w := range p.Workloads {
		for _, l := range p.Links {
			fmt.Fprintf(&b, " %s, %s |", w.Name, l.Name)
		}
	}
	b.WriteString("\n|---|---:|" + strings.Repeat("---:|", len(p.Workloads)*len(p.Links)) + "\n")
	for _, a := range aims() {
		fmt.Fprintf(&b, "| %s | %.2f |", a.what, a.most)
		for _, w := range p.Workloads {
			for _, l := range p.Links {
				b.WriteString(" " + a.reached(p, w.Name, l) + " |")
			}
		}
		b.WriteString("\n")
	}
	return b.String()
}

func (a aim) reached(p *Page, workload string, l Link) string {
	r, ok := a.ratio(p, workload, l)
	switch {
	case !ok:
		return "–"
	case r > a.most:
		return fmt.Sprintf("**%.2f**", r)
	}
	return fmt.Sprintf("%.2f", r)
}
