package show

import (
	"fmt"
	"strings"
)

// aim is a ratio that is not to be exceeded.
type aim struct {
	what  string
	most  float64
	ratio func(p *Page, w Workload, l Link) (float64, bool)
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

func overBound(arm string) func(*Page, Workload, Link) (float64, bool) {
	return func(p *Page, w Workload, l Link) (float64, bool) {
		list, bound := p.of(w, l, arm), p.bound(w, l)
		if len(list) == 0 || bound == 0 {
			return 0, false
		}
		return each(list, seconds).Median / bound, true
	}
}

func armsRatio(a, b string) func(*Page, Workload, Link) (float64, bool) {
	return func(p *Page, w Workload, l Link) (float64, bool) {
		r := ratio(p.of(w, l, a), p.of(w, l, b))
		return r.Median, r.N > 0
	}
}

// Aims is a table of what was aimed at and what was reached; what was missed is
// in bold.
func (p *Page) Aims() string {
	var b strings.Builder
	b.WriteString("\n## Aims\n\n| |")
	rule := "|---|"
	for _, a := range aims() {
		fmt.Fprintf(&b, " %s: at most %.2f |", a.what, a.most)
		rule += "---:|"
	}
	b.WriteString("\n" + rule + "\n")
	reached, all := 0, 0
	for _, w := range p.Workloads {
		for _, l := range p.Links {
			if !p.shown(w, l) {
				continue
			}
			fmt.Fprintf(&b, "| %s, %s |", w.Name, l.Name)
			for _, a := range aims() {
				text, known, ok := a.reached(p, w, l)
				b.WriteString(" " + text + " |")
				all, reached = all+one(known), reached+one(ok)
			}
			b.WriteString("\n")
		}
	}
	fmt.Fprintf(&b, "\nReached: %d of %d; missed: %d, in bold.\n", reached, all, all-reached)
	return b.String()
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// reached is the ratio as text, whether it was measured, and whether it is good.
func (a aim) reached(p *Page, w Workload, l Link) (text string, known, ok bool) {
	r, known := a.ratio(p, w, l)
	switch {
	case !known:
		return "–", false, false
	case r > a.most:
		return fmt.Sprintf("**%.2f**", r), true, false
	}
	return fmt.Sprintf("%.2f", r), true, true
}
