package show

import (
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"time"
)

func page() *Page {
	p := &Page{
		Command: "bench", Workloads: []Workload{{Name: "npm", What: "npm & more"}}, Links: []Link{{"slow", 1000}},
		Arms: []Arm{{"b", "prefetch", false}, {"d", "cold", false}, {"g", "floor", true}},
	}
	add := func(arm string, round int, took time.Duration, needed int64) {
		p.Samples = append(p.Samples, Sample{Workload: "npm", Link: "slow", Arm: arm, Round: round, Took: took, Needed: needed})
	}
	add("b", 0, 4*time.Second, 0)
	add("b", 1, 8*time.Second, 0)
	add("d", 0, 2*time.Second, 3000)
	add("d", 1, 8*time.Second, 3000)
	add("g", 0, 2*time.Second, 0)
	return p
}

func TestRatiosCompareWithinRounds(t *testing.T) {
	p := page()
	got := ratio(of(p.Samples, "npm", "slow", "d"), of(p.Samples, "npm", "slow", "b"))
	if got != (Spread{Median: 0.75, Least: 0.5, Most: 1, N: 2}) {
		t.Errorf("%+v", got)
	}
	if got := ratio(nil, of(p.Samples, "npm", "slow", "b")); got.N != 0 {
		t.Errorf("a ratio of nothing: %+v", got)
	}
}

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   Spread
	}{
		{nil, Spread{}},
		{[]float64{3}, Spread{3, 3, 3, 1}},
		{[]float64{3, 1}, Spread{2, 1, 3, 2}},
		{[]float64{9, 1, 2}, Spread{2, 1, 9, 3}},
	} {
		if got := spread(c.values); got != c.want {
			t.Errorf("%v: %+v, not %+v", c.values, got, c.want)
		}
	}
}

// The link needs three seconds for what the build opens, the floor two.
func TestBoundIsFloorOrLink(t *testing.T) {
	p := page()
	w := p.Workloads[0]
	if got := p.bound(w, p.Links[0]); got != 3 {
		t.Errorf("on the slow link: %v", got)
	}
	if got := p.bound(w, Link{Name: "slow", Rate: 1e9}); got != 2 {
		t.Errorf("on a fast link: %v", got)
	}
}

func TestMissedAimsAreBold(t *testing.T) {
	text := page().Aims()
	for _, want := range []string{"| npm, slow | – | **1.67** | – | 0.75 |", "Reached: 1 of 2; missed: 1"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestWhatDoesNotDependOnTheLinkIsMeasuredOnce(t *testing.T) {
	p := page()
	fast := Link{"fast", 1e9}
	p.Links = append(p.Links, fast)
	if p.shown(p.Workloads[0], fast) {
		t.Error("a link without a measurement has a table")
	}
	if got := p.of(p.Workloads[0], fast, "g"); len(got) != 1 {
		t.Errorf("the floor on another link: %v", got)
	}
	if got := p.of(p.Workloads[0], fast, "d"); len(got) != 0 {
		t.Errorf("a download on another link: %v", got)
	}
}

func TestOnePrefetchStandsForBoth(t *testing.T) {
	p := page()
	w := Workload{Name: "npm", Same: true}
	p.Samples = append(p.Samples, Sample{Workload: "npm", Link: "slow", Arm: "a", Took: time.Second})
	if got := p.of(w, p.Links[0], "b"); len(got) != 1 || got[0].Arm != "a" {
		t.Errorf("%v", got)
	}
}

func TestPlotIsXML(t *testing.T) {
	d := xml.NewDecoder(strings.NewReader(page().SVG()))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			t.Fatal(err)
		}
	}
}
