package plan

import (
	"fmt"
	"strings"
)

// nearest suggests the key that differs least from a word, if it is near, else
// all of them.
func nearest(word string, keys []string) string { return nearestOr(word, keys, "; keys are ") }

// nearestOr is nearest with words of its own before the list.
func nearestOr(word string, keys []string, list string) string {
	best, at := "", 3
	for _, k := range keys {
		if d := distance(word, k); d < at {
			best, at = k, d
		}
	}
	if best == "" {
		return list + strings.Join(keys, ", ")
	}
	return fmt.Sprintf("; did you mean %q?", best)
}

// distance is the Levenshtein distance of two short words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			diagonal, row[j+1] = row[j+1], min(row[j]+1, row[j+1]+1, diagonal+cost)
		}
	}
	return row[len(b)]
}
