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
	out.WriteString("\"Alone\" is the ratio that there would be if the proxy took no time: by the processor time of the thread that reads.\n")
	for _, w := range ways {
		fmt.Fprintf(&out, "\n## %s\n\n| what | plain directory | mount | ratio | alone | aim |\n|---|---:|---:|---:|---:|---:|\n", w.name)
		for _, t := range tasks() {
			out.WriteString(b.row(w, t))
		}
		var before, after []float64
		for _, m := range b.memory[w.name] {
			before, after = append(before, m[0]/1e6), append(after, m[1]/1e6)
		}
		fmt.Fprintf(&out, "\nThe proxy's memory: %.0f MB when mounted, %.0f MB after %d MB have been read.\n",
			show.SpreadOf(before).Median, show.SpreadOf(after).Median, (b.largeRead()+2*int64(b.c.small)*smallSize)/1e6)
	}
	return b.c.Page(out.String())
}

// row is a task's line of a way's table.
func (b *bench) row(w way, t task) string {
	plain, mount := b.rates[[2]string{"plain beside " + w.name, t.name}], b.rates[[2]string{w.name, t.name}]
	var there, here, ratios, alone []float64
	for i := range mount {
		there, here = append(there, plain[i].all), append(here, mount[i].all)
		ratios = append(ratios, mount[i].all/plain[i].all)
		alone = append(alone, mount[i].own/plain[i].all)
	}
	r, aim := show.SpreadOf(ratios), ""
	if t.aimed {
		aim = fmt.Sprintf("%.2f", w.aim)
	}
	return fmt.Sprintf("| %s | %.0f %s | %.0f | %.2f (%.2f–%.2f) | %.2f | %s |\n",
		t.name, show.SpreadOf(there).Median, t.unit, show.SpreadOf(here).Median, r.Median, r.Least, r.Most, show.SpreadOf(alone).Median, aim)
}

// largeRead is how many bytes of the large file are read through a mount.
func (b *bench) largeRead() (n int64) {
	for _, t := range tasks() {
		if strings.HasPrefix(t.name, "large file") {
			n += b.c.large
		}
	}
	return n
}
