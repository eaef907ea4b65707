package ini

import (
	"fmt"
	"slices"
	"testing"
)

func TestSettings(t *testing.T) {
	var got []string
	for s := range Settings("a = 0\n[S]\n; c\nkey: v=w\nlist =\n  one\n  two # x\n\n[T]\n indented\nK=\n") {
		got = append(got, fmt.Sprintf("%s|%s|%s|%d", s.Section, s.Key, s.Value, s.Line))
	}
	if want := []string{"|a|0|1", "S|key|v=w|4", "S|list|one\ntwo # x|5", "T|k||11"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

func FuzzSettings(f *testing.F) {
	f.Add("[a]\nb = c\n  d\n;e\nf: g\n")
	f.Fuzz(func(t *testing.T, text string) {
		last := 0
		for s := range Settings(text) {
			if s.Line <= last || s.Key == "" {
				t.Errorf("%+v after line %d", s, last)
			}
			last = s.Line
		}
	})
}
