package orchestrator

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/dustin/go-humanize"

	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// UI writes lazybuild's own lines, each with the prefix "lazybuild: ", to
// stderr. podman's output goes past it. Safe for concurrent use.
type UI struct {
	mu       sync.Mutex
	out      io.Writer
	verbose  bool
	quiet    bool
	started  time.Time
	lastWait time.Time
}

// NewUI writes to out. verbose shows Verbose lines; quiet leaves the summary
// and the notes away (podman's --quiet), but no warning and no failure.
func NewUI(out io.Writer, verbose, quiet bool) *UI {
	return &UI{out: out, verbose: verbose, quiet: quiet, started: time.Now()}
}

func (u *UI) line(format string, args ...any) {
	u.mu.Lock()
	defer u.mu.Unlock()
	text := strings.TrimRight(fmt.Sprintf(format, args...), "\n")
	// One write per message, so that lines of podman do not get in between.
	fmt.Fprintf(u.out, "lazybuild: %s\n", strings.ReplaceAll(Printable(text), "\n", "\nlazybuild:   "))
}

// Printable replaces control characters: names and errors come from lock files
// and servers, and a terminal obeys escape sequences.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			return '\uFFFD'
		}
		return r
	}, s)
}

// Note says what lazybuild does.
func (u *UI) Note(format string, args ...any) {
	if !u.quiet {
		u.line(format, args...)
	}
}

// Verbose says how lazybuild does it, with --lazy-verbose, and when.
func (u *UI) Verbose(format string, args ...any) {
	if u.verbose {
		u.line("[%4d ms] "+format, append([]any{time.Since(u.started).Milliseconds()}, args...)...)
	}
}

// Warn says that something is not as it should be; the build goes on.
func (u *UI) Warn(format string, args ...any) { u.line("warning: "+format, args...) }

// Failed says why a program in the build got an error for a file.
func (u *UI) Failed(ev wire.Event) {
	text := "cannot provide " + ev.Path
	if ev.URL != "" {
		text += " from " + ev.URL
	}
	text += ": " + ev.Text
	if ev.Hint != "" {
		text += " (" + ev.Hint + ")"
	}
	u.line("%s", text)
}

// Event says what a proxy, or whatever serves a tree, has to tell.
func (u *UI) Event(ev wire.Event) {
	switch ev.Kind {
	case wire.Failed:
		u.Failed(ev)
	case wire.Warning:
		u.Warn("%s", ev.Text)
	case wire.Debug:
		u.Verbose("%s", ev.Text)
	case wire.ProgressKind:
		u.Progress(ev.Progress)
	}
}

// waitNote is how often a build that stands still for downloads says so.
const waitNote = 10 * time.Second

// Progress tells that the build waits, when it does so for long. Output to a
// non-terminal stays plain, and podman's own is on the same terminal, so there
// is no bar: one line now and then.
func (u *UI) Progress(p *wire.Progress) {
	if p == nil || p.Current == "" || u.quiet {
		return
	}
	u.mu.Lock()
	now := time.Now()
	if u.lastWait.IsZero() {
		u.lastWait = now
	}
	due := now.Sub(u.lastWait) >= waitNote
	if due {
		u.lastWait = now
	}
	u.mu.Unlock()
	if due {
		u.line("downloading %s (%d under way, %s so far)", p.Current, p.Active, size(p.Bytes))
	}
}

// Summary is the one line at the end.
func (u *UI) Summary(t *tree.Tree, s *wire.Summary) {
	if u.quiet {
		return
	}
	total := t.Totals()
	opened, fromStore := fmt.Sprintf("%d of %d files", len(s.Opened), total.Files), s.FromStore.Files
	if n := made(t); n > 0 {
		// Nobody knows how many files are in them before they are made.
		opened = fmt.Sprintf("%d files (the tree has %d, and %d directories that are made)", len(s.Opened), total.Files, n)
		total.Unknown += n
	}
	u.line("opened %s, fetched %s of %s in %d files, %d from the store, waited %s for downloads",
		opened, size(s.Fetched.Bytes+s.Requests.Bytes), inTree(total), s.Fetched.Files, fromStore,
		(time.Duration(s.WaitedMS) * time.Millisecond).Round(10*time.Millisecond))
	if s.Unverified > 0 {
		u.line("warning: %d files were served that no lock verifies with a strong digest", s.Unverified)
	}
}

// made counts the directories that are made of something that is downloaded.
func made(t *tree.Tree) (n int) {
	for i := range t.Dirs {
		if t.Dirs[i].Make.From != nil {
			n++
		}
	}
	return n
}

// inTree is how much a prefetch would have to download; "?" stands for files of
// which no lock says the size.
func inTree(t tree.Totals) string {
	switch {
	case t.Unknown == 0:
		return size(t.Bytes)
	case t.Bytes == 0:
		return "?"
	}
	return size(t.Bytes) + "+?"
}

// size prints bytes as people write them.
func size(n int64) string {
	if n < 0 {
		return "?"
	}
	return humanize.Bytes(uint64(n))
}
