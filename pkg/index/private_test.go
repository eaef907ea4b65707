package index

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/locks"
)

// What an index says to somebody's credential is not told to others, for one
// package and for a large lock; what it says to everybody is.
//
// Shows S57.
func TestAnswersThatCameByACredentialAreForItsHolders(t *testing.T) {
	for name, n := range map[string]int{"one package": 1, "a large lock": manyPackages} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, map[string][2]string{"/simple/p-q/": htmlPage(htmlLink(wheel, ""))})
			dir := t.TempDir()
			packages := slices.Repeat([]locks.Unresolved{pinned(wheel)}, n)
			user := strings.Replace(w.URL, "http://", "http://user:secret@", 1) + "/simple"
			// asks says whether the index is asked when a holder looks the lock up.
			asks := func(holder, at string) bool {
				t.Helper()
				before := len(w.asked)
				if _, _, err := clientOf(t, dir, holder).Find(t.Context(), packages, []locks.Index{{Kind: "index", URL: at}}); err != nil {
					t.Fatal(err)
				}
				return len(w.asked) > before
			}
			for i, step := range []struct {
				holder, at string
				want       bool
			}{
				{"", user, true}, {"", user, true}, // nobody knows who that was: not kept
				{"user", user, true}, {"user", user, false},
				{"another", w.URL + "/simple", true}, // and that was public
				{"", w.URL + "/simple", false}, {"third", w.URL + "/simple", false}, {"user", user, false},
			} {
				if got := asks(step.holder, step.at); got != step.want {
					t.Errorf("step %d: %q asks: %v, want %v", i, step.holder, got, step.want)
				}
			}
		})
	}
}

func TestTheHoldersNameIsInNoFile(t *testing.T) {
	w := newWorld(t, map[string][2]string{"/simple/p-q/": htmlPage(htmlLink(wheel, ""))})
	dir := t.TempDir()
	_, _, err := clientOf(t, dir, "a-holder").Find(t.Context(), []locks.Unresolved{pinned(wheel)}, []locks.Index{w.index("/simple")})
	if err != nil {
		t.Fatal(err)
	}
	kept, _ := filepath.Glob(filepath.Join(dir, "*", "*"))
	if len(kept) != 1 || strings.Contains(kept[0], "a-holder") {
		t.Errorf("kept %q", kept)
	}
}
