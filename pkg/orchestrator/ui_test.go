package orchestrator

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// writes keeps each write, to see that lines are not torn.
type writes []string

func (w *writes) Write(b []byte) (int, error) {
	*w = append(*w, string(b))
	return len(b), nil
}

// Shows S53.
func TestEachMessageIsOneWriteWithThePrefix(t *testing.T) {
	for _, tt := range []struct {
		name, want string
		say        func(*UI)
	}{
		{"note", "lazybuild: hello a\n", func(u *UI) { u.Note("hello %s", "a") }},
		{"warning", "lazybuild: warning: 1 of 2\n", func(u *UI) { u.Warn("%d of %d", 1, 2) }},
		{"percent signs in a text", "lazybuild: cannot provide a%20b: 100% gone\n",
			func(u *UI) { u.Failed(wire.Event{Path: "a%20b", Text: "100% gone"}) }},
		{"several lines", "lazybuild: a\nlazybuild:   b\nlazybuild:   c\n", func(u *UI) { u.Note("a\nb\nc\n\n") }},
		{"escape sequences", "lazybuild: warning: \uFFFD[31mred\uFFFD]0;title\uFFFD\uFFFD8\uFFFD\n",
			func(u *UI) { u.Warn("%s", "\x1b[31mred\x1b]0;title\x07\r8\u202e") }},
		{"other languages", "lazybuild: größe 大\n", func(u *UI) { u.Note("größe 大") }},
		{"failure", "lazybuild: cannot provide deps/x from https://example.org/x: not found (renew the lock)\n",
			func(u *UI) {
				u.Failed(wire.Event{Path: "deps/x", URL: "https://example.org/x", Text: "not found", Hint: "renew the lock"})
			}},
	} {
		var w writes
		tt.say(NewUI(&w, false, false))
		if len(w) != 1 || w[0] != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, w, tt.want)
		}
	}
}

func TestQuietLeavesWarningsAndFailures(t *testing.T) {
	var w writes
	u := NewUI(&w, false, true)
	u.Note("note")
	u.Verbose("detail")
	u.Progress(&wire.Progress{Current: "x"})
	u.Summary(&tree.Tree{}, &wire.Summary{Unverified: 1})
	if len(w) != 0 {
		t.Errorf("said %q", w)
	}
	u.Warn("w")
	u.Failed(wire.Event{Path: "f"})
	if len(w) != 2 {
		t.Errorf("said %q", w)
	}
}

func TestVerboseSaysWhen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w writes
		u := NewUI(&w, true, false)
		time.Sleep(1234 * time.Millisecond)
		u.Verbose("at %s", "last")
		if len(w) != 1 || w[0] != "lazybuild: [1234 ms] at last\n" {
			t.Errorf("got %q", w)
		}
		u = NewUI(&w, false, false)
		u.Verbose("never")
		if len(w) != 1 {
			t.Errorf("got %q", w)
		}
	})
}

func TestTheSummary(t *testing.T) {
	opened := []wire.Opened{{Path: "a"}, {Path: "b"}}
	for _, tt := range []struct {
		name, want string
		files      []tree.File
		s          wire.Summary
		dirs       []tree.Dir
	}{
		{"all sizes known", "lazybuild: opened 2 of 3 files, fetched 1.5 MB of 3.5 MB in 1 files, 1 from the store, waited 1.23s for downloads\n",
			[]tree.File{{Size: 1e6}, {Size: 2e6}, {Size: 5e5}},
			wire.Summary{Opened: opened, Fetched: wire.Count{Files: 1, Bytes: 1.5e6}, FromStore: wire.Count{Files: 1}, WaitedMS: 1234}, nil},
		{"some known", "lazybuild: opened 0 of 2 files, fetched 0 B of 1.0 MB+? in 0 files, 0 from the store, waited 0s for downloads\n",
			[]tree.File{{Size: 1e6}, {Size: tree.SizeUnknown}}, wire.Summary{}, nil},
		{"none known", "lazybuild: opened 0 of 1 files, fetched 20 kB of ? in 0 files, 0 from the store, waited 0s for downloads\n",
			[]tree.File{{Size: tree.SizeUnknown}}, wire.Summary{Requests: wire.Count{Files: 3, Bytes: 2e4}}, nil},
		{"unverified", "lazybuild: opened 0 of 0 files, fetched 0 B of 0 B in 0 files, 0 from the store, waited 0s for downloads\n" +
			"lazybuild: warning: 2 files were served that no lock verifies with a strong digest\n",
			nil, wire.Summary{Unverified: 2}, nil},
		{"made directories", "lazybuild: opened 2 files (the tree has 1, and 1 directories that are made), fetched 0 B of 1.0 MB+? in 0 files, 0 from the store, waited 0s for downloads\n",
			[]tree.File{{Size: 1e6}}, wire.Summary{Opened: opened}, []tree.Dir{{Make: tree.Recipe{From: &tree.File{}}}, {Make: tree.Recipe{Kind: "repodata"}}}},
	} {
		var w writes
		NewUI(&w, false, false).Summary(&tree.Tree{Files: tt.files, Dirs: tt.dirs}, &tt.s)
		if got := strings.Join(w, ""); got != tt.want {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestALongWaitIsToldNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var w writes
		u := NewUI(&w, false, false)
		// Five events per second for 35 seconds.
		for range 35 * 5 {
			u.Progress(&wire.Progress{Active: 2, Bytes: 3e6, Current: "deps/x\x1b"})
			time.Sleep(200 * time.Millisecond)
		}
		const want = "lazybuild: downloading deps/x\uFFFD (2 under way, 3.0 MB so far)\n"
		if len(w) != 3 || w[0] != want {
			t.Errorf("got %q", w)
		}
		time.Sleep(time.Hour)
		u.Progress(nil)
		u.Progress(&wire.Progress{Active: 1}) // nobody waits for it
		if len(w) != 3 {
			t.Errorf("got %q", w)
		}
	})
}
