//go:build linux

package main

import (
	"fmt"
	"strings"

	"github.com/lazybuild/lazybuild/bench/origin"
	"github.com/lazybuild/lazybuild/bench/show"
)

func (b *bench) report(links []origin.Link) error {
	var out strings.Builder
	fmt.Fprintf(&out, "- one file of %d MB; lazybuild's store is empty, and its processor time is the proxy's\n\n", b.c.size/1e6)
	fmt.Fprintf(&out, "Medians of %d rounds, with the least and the most. Ratios are to lazybuild, within a round.\n\n", b.c.Rounds)
	out.WriteString("| link | at least, seconds | way | seconds | ratio | processor, seconds |\n|---|---:|---|---:|---:|---:|\n")
	for _, l := range links {
		ours := b.took[key{l.Name, ways[0].name}]
		for _, w := range ways {
			k := key{l.Name, w.name}
			var ratios []float64
			for i, t := range b.took[k] {
				ratios = append(ratios, t/ours[i])
			}
			fmt.Fprintf(&out, "| %s | %.1f | %s | %v | %v | %.1f |\n", l.Name, l.Least(b.c.size).Seconds(), w.name,
				show.SpreadOf(b.took[k]), show.SpreadOf(ratios), show.SpreadOf(b.cpu[k]).Median)
		}
	}
	return b.c.Page(out.String())
}
