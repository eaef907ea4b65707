//go:build linux

package main

import (
	"fmt"
	"strings"

	"github.com/lazybuild/lazybuild/bench/show"
)

func (b *bench) report() error {
	var out strings.Builder
	fmt.Fprintf(&out, "- %d files, of which %d of %d bytes and one of %d MB are read\n\n", b.c.entries+1, b.c.small, smallSize, b.c.large/1e6)
	fmt.Fprintf(&out, "Medians of %d rounds. The ratio is to the plain directory beside it, with the least and the most.\n", b.c.Rounds)
	for _, w := range ways {
		fmt.Fprintf(&out, "\n## %s\n\n| what | plain directory | mount | ratio | aim |\n|---|---:|---:|---:|---:|\n", w.name)
		for _, t := range tasks() {
			plain, mount := b.rates[[2]string{"plain beside " + w.name, t.name}], b.rates[[2]string{w.name, t.name}]
			var ratios []float64
			for i := range mount {
				ratios = append(ratios, mount[i]/plain[i])
			}
			r, aim := show.SpreadOf(ratios), ""
			if t.aimed {
				aim = fmt.Sprintf("%.2f", w.aim)
			}
			fmt.Fprintf(&out, "| %s | %.0f %s | %.0f | %.2f (%.2f–%.2f) | %s |\n",
				t.name, show.SpreadOf(plain).Median, t.unit, show.SpreadOf(mount).Median, r.Median, r.Least, r.Most, aim)
		}
		var before, after []float64
		for _, m := range b.memory[w.name] {
			before, after = append(before, m[0]/1e6), append(after, m[1]/1e6)
		}
		fmt.Fprintf(&out, "\nThe proxy's memory: %.0f MB when mounted, %.0f MB after %d MB have been read.\n",
			show.SpreadOf(before).Median, show.SpreadOf(after).Median, (3*b.c.large+2*int64(b.c.small)*smallSize)/1e6)
	}
	return b.c.Page(out.String())
}
