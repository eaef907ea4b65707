//go:build linux

package main

import (
	"fmt"
	"strings"

	"github.com/lazybuild/lazybuild/bench/show"
)

// aims are the most that a way may cost over plain podman, in seconds.
var aims = map[string]map[string]float64{
	"start":   {"process": 0.12, "service": 0.35, "nothing": 0.6},
	"rebuild": {"process": 0.3, "service": 0.3, "container": 0.3},
}

func (b *bench) report(all map[key][]sample) error {
	var out strings.Builder
	fmt.Fprintf(&out, "\nSeconds; medians with the least and the most of %d rounds. \"More\" is the difference to podman's build of the same round.\n", b.c.Rounds)
	b.table(&out, "To podman's first STEP, nothing changed", "start", all, func(s sample) float64 { return s.step })
	b.table(&out, "A whole rebuild after a change of source, network cut", "rebuild", all, func(s sample) float64 { return s.total })
	return b.c.Page(out.String())
}

func (b *bench) table(out *strings.Builder, title, experiment string, all map[key][]sample, value func(sample) float64) {
	fmt.Fprintf(out, "\n## %s\n\n| artifacts | way | seconds | more than podman | aim | processor, more than podman |\n|---:|---|---:|---:|---:|---:|\n", title)
	for _, n := range sizes {
		base := all[key{experiment, n, "podman"}]
		for _, name := range []string{"podman", "process", "service", "container", "nothing", "cold"} {
			samples := all[key{experiment, n, name}]
			if len(samples) == 0 {
				continue
			}
			var took, more, cpu []float64
			for i, s := range samples {
				took = append(took, value(s))
				more = append(more, value(s)-value(base[i]))
				cpu = append(cpu, s.cpu-base[i].cpu)
			}
			aim := ""
			if a, ok := aims[experiment][name]; ok {
				aim = fmt.Sprintf("%.2f", a)
			}
			fmt.Fprintf(out, "| %d | %s | %s | %s | %s | %.2f |\n", n, name, range3(took), range3(more), aim, show.SpreadOf(cpu).Median)
		}
	}
}

// range3 is a median with its range.
func range3(values []float64) string {
	s := show.SpreadOf(values)
	return fmt.Sprintf("%.3f (%.3f–%.3f)", s.Median, s.Least, s.Most)
}
