// Package show makes tables and plots of measurements.
package show

import (
	"slices"
	"time"
)

// Sample is one build.
type Sample struct {
	Workload, Link, Arm string
	Round               int
	Took                time.Duration
	// Bytes, Requests and Connections are the origin's.
	Bytes, Requests, Connections int64
	// Needed is how many bytes of files the build opened, where that is known.
	Needed int64
	// Waited is how long lazybuild's build stood still for downloads.
	Waited time.Duration
}

// Workload, Link and Arm are what the samples speak of.
type (
	// Workload is the Same for (a) and (b) when a prefetch can leave out
	// nothing; then (b) is not measured.
	Workload struct {
		Name, What string
		Same       bool
	}
	// Link has its rate in bytes per second.
	Link struct {
		Name string
		Rate int64
	}
	// Arm is measured Anywhere when the link makes no difference.
	Arm struct {
		ID, Name string
		Anywhere bool
	}
)

// of returns the samples of one arm on a workload and link: those of another
// link where they do not depend on it, those of (a) where (b) is the same.
func (p *Page) of(w Workload, l Link, arm string) []Sample {
	if arm == "b" && w.Same {
		arm = "a"
	}
	list := of(p.Samples, w.Name, l.Name, arm)
	for _, a := range p.Arms {
		if a.ID != arm || !a.Anywhere || len(list) > 0 {
			continue
		}
		for _, other := range p.Links {
			if list = of(p.Samples, w.Name, other.Name, arm); len(list) > 0 {
				return list
			}
		}
	}
	return list
}

// shown says whether a workload was measured on a link.
func (p *Page) shown(w Workload, l Link) bool {
	return slices.ContainsFunc(p.Samples, func(s Sample) bool { return s.Workload == w.Name && s.Link == l.Name })
}

// of returns the samples of one arm, in the order of their rounds.
func of(samples []Sample, workload, link, arm string) (list []Sample) {
	for _, s := range samples {
		if s.Workload == workload && s.Link == link && s.Arm == arm {
			list = append(list, s)
		}
	}
	slices.SortStableFunc(list, func(a, b Sample) int { return a.Round - b.Round })
	return list
}

// Spread is a median with the range that it comes from.
type Spread struct {
	Median, Least, Most float64
	N                   int
}

// SpreadOf is the Spread of values; of none it is the zero Spread.
func SpreadOf(values []float64) Spread { return spread(values) }

// spread of no values is the zero Spread.
func spread(values []float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	v := slices.Sorted(slices.Values(values))
	n := len(v)
	return Spread{(v[(n-1)/2] + v[n/2]) / 2, v[0], v[n-1], n}
}

func each(list []Sample, f func(Sample) float64) Spread {
	var values []float64
	for _, s := range list {
		values = append(values, f(s))
	}
	return spread(values)
}

func seconds(s Sample) float64 { return s.Took.Seconds() }

// ratio compares two arms round by round: what slows a whole round down slows
// both. Where one of them was measured less often, its median stands in.
func ratio(a, b []Sample) Spread {
	if len(a) == 0 || len(b) == 0 {
		return Spread{}
	}
	byRound := map[int]float64{}
	for _, s := range b {
		byRound[s.Round] = seconds(s)
	}
	var values []float64
	for _, s := range a {
		if base, ok := byRound[s.Round]; ok {
			values = append(values, seconds(s)/base)
		}
	}
	if len(values) == 0 {
		values = append(values, each(a, seconds).Median/each(b, seconds).Median)
	}
	return spread(values)
}
