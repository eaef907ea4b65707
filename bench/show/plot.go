package show

import (
	"fmt"
	"html"
	"strings"
)

const (
	plotWidth = 860
	labelAt   = 250 // where bars begin
	barHeight = 14
	valueRoom = 130
)

var colours = map[string]string{"d": "#1f77b4", "e": "#1f77b4", "f": "#1f77b4", "g": "#7f7f7f"}

// SVG is a plot of bars, a group for each workload and link, with the range as
// a line. Each group has its own scale: the times of links differ by magnitudes.
func (p *Page) SVG() string {
	var b strings.Builder
	y := 10
	for _, w := range p.Workloads {
		for _, l := range p.Links {
			if p.shown(w, l) {
				p.group(&b, w, l, &y)
			}
		}
	}
	head := fmt.Sprintf("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" font-family=\"sans-serif\" font-size=\"11\">\n"+
		"<rect width=\"100%%\" height=\"100%%\" fill=\"white\"/>\n", plotWidth, y+10)
	return head + b.String() + "</svg>\n"
}

func (p *Page) group(b *strings.Builder, w Workload, l Link, y *int) {
	spreads := map[string]Spread{}
	most := 0.0
	for _, a := range p.Arms {
		s := each(p.of(w, l, a.ID), seconds)
		spreads[a.ID] = s
		most = max(most, s.Most)
	}
	if most == 0 {
		return
	}
	*y += 20
	fmt.Fprintf(b, "<text x=\"10\" y=\"%d\" font-weight=\"bold\">%s, %s</text>\n", *y, html.EscapeString(w.Name), html.EscapeString(l.Name))
	*y += 6
	scale := (plotWidth - labelAt - valueRoom) / most
	for _, a := range p.Arms {
		s := spreads[a.ID]
		if s.N == 0 {
			continue
		}
		colour := colours[a.ID]
		if colour == "" {
			colour = "#ff9f40"
		}
		middle := *y + barHeight/2
		fmt.Fprintf(b, "<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%s</text>\n", labelAt-6, *y+11, html.EscapeString(a.Name))
		fmt.Fprintf(b, "<rect x=\"%d\" y=\"%d\" width=\"%.1f\" height=\"%d\" fill=\"%s\"/>\n", labelAt, *y, s.Median*scale, barHeight-2, colour)
		fmt.Fprintf(b, "<line x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\" stroke=\"black\"/>\n", labelAt+s.Least*scale, middle-1, labelAt+s.Most*scale, middle-1)
		fmt.Fprintf(b, "<text x=\"%.1f\" y=\"%d\">%.1f s</text>\n", labelAt+s.Most*scale+5, *y+11, s.Median)
		*y += barHeight
	}
}
