package content

import (
	"cmp"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// stats counts what the build does with the tree. Whoever serves the tree calls
// it for every open, so nothing in it blocks.
type stats struct {
	events   Events
	cameFrom func(*tree.File) string
	sizeOf   func(*tree.File) (int64, bool)
	now      func() time.Time

	bytes atomic.Int64 // fetched so far

	mu       sync.Mutex
	order    []*tree.File
	waited   map[*tree.File]time.Duration
	waits    []span
	fetched  map[string]*download // that have brought bytes, by key
	active   map[*download]bool
	requests wire.Count
	failed   map[string]bool // paths told already
}

// span is a time during which a reader waited.
type span struct{ from, to time.Time }

func newStats(events Events, cameFrom func(*tree.File) string, sizeOf func(*tree.File) (int64, bool), now func() time.Time) *stats {
	return &stats{
		events: events, cameFrom: cameFrom, sizeOf: sizeOf, now: now,
		waited: map[*tree.File]time.Duration{}, fetched: map[string]*download{},
		active: map[*download]bool{}, failed: map[string]bool{},
	}
}

func (s *stats) fileOpened(f *tree.File) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, seen := s.waited[f]; !seen {
		s.waited[f] = 0
		s.order = append(s.order, f)
	}
}

// opened lists what programs have opened, in the order of the first opens.
func (s *stats) opened() []*tree.File {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.order)
}

func (s *stats) fileWaited(f *tree.File, d time.Duration) {
	now := s.now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waited[f] += d
	s.waits = append(s.waits, span{now.Add(-d), now})
}

// fileFailed tells of a failure. A package manager may ask for a hopeless
// file many times; the user hears of it once.
func (s *stats) fileFailed(f *tree.File, err error) {
	s.mu.Lock()
	seen := s.failed[f.Path]
	s.failed[f.Path] = true
	s.mu.Unlock()
	if seen {
		return
	}
	ev := wire.Event{Kind: wire.Failed, Path: f.Path, Text: err.Error()}
	if len(f.URLs) > 0 {
		ev.URL = fetch.Redact(f.URLs[0])
	}
	var policy *policyError
	var content *contentError
	switch {
	case errors.As(err, &policy):
		ev.Hint = policy.hint
	case errors.As(err, &content):
		ev.URL, ev.Hint = content.url, contentHint
	}
	s.events.Send(ev)
}

// contentHint is for whoever gets other bytes than the lock names.
const contentHint = "the server's file has changed since the lock was made, or something on the way changes it: find out which before making the lock again"

func (s *stats) arrived(n int) { s.bytes.Add(int64(n)) }

func (s *stats) started(d *download) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.active[d] = true
}

func (s *stats) ended(d *download) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.active, d)
	if d.err == nil {
		s.count(d)
	} else if s.fetched[key(d.file)] == d {
		delete(s.fetched, key(d.file))
	}
}

// brought counts a download whose bytes are whole and verified. The disk may
// take longer with them than the build does with the rest.
func (s *stats) brought(d *download) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.count(d)
}

func (s *stats) count(d *download) {
	if d.bytes.Load() > 0 {
		s.fetched[key(d.file)] = d
	}
}

// asked counts requests that are no whole downloads (RPM headers).
func (s *stats) asked(requests int, bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.requests.Files += requests
	s.requests.Bytes += bytes
}

// Progress says what is under way; nil when that is nothing.
func (s *Source) Progress() *wire.Progress {
	s.stats.mu.Lock()
	defer s.stats.mu.Unlock()
	if len(s.stats.active) == 0 {
		return nil
	}
	p := &wire.Progress{Active: len(s.stats.active), Files: len(s.stats.fetched), Bytes: s.stats.bytes.Load()}
	for d := range s.stats.active {
		if d.ticket.Priority() == fetch.Demand && (p.Current == "" || d.file.Path < p.Current) {
			p.Current = d.file.Path
		}
	}
	return p
}

// Fetched is how many bytes have come from the origins so far.
func (s *Source) Fetched() int64 { return s.stats.bytes.Load() }

// Summary says what the build has done so far.
func (s *Source) Summary() *wire.Summary {
	st := s.stats
	st.mu.Lock()
	defer st.mu.Unlock()
	sum := &wire.Summary{Opened: make([]wire.Opened, 0, len(st.order)), Requests: st.requests, Failed: len(st.failed)}
	used := map[string]bool{}
	for _, f := range st.order {
		size, ok := st.sizeOf(f)
		if !ok {
			size = tree.SizeUnknown
		}
		o := wire.Opened{Path: f.Path, Digest: string(f.Digest), Size: size, From: st.cameFrom(f), WaitedMS: st.waited[f].Milliseconds()}
		sum.Opened = append(sum.Opened, o)
		if st.failed[f.Path] && st.fetched[key(f)] == nil {
			continue // nobody got it
		}
		if o.From == "store" && !used[key(f)] {
			sum.FromStore.Files++
			sum.FromStore.Bytes += max(0, size)
		}
		if o.From != "tree" && unverified(f) {
			sum.Unverified++
		}
		used[key(f)] = true
	}
	for k, d := range st.fetched {
		sum.Fetched.Files++
		sum.Fetched.Bytes += d.bytes.Load()
		if d.ahead && !used[k] {
			sum.Unused.Files++
			sum.Unused.Bytes += d.bytes.Load()
		}
	}
	sum.WaitedMS = union(st.waits).Milliseconds()
	return sum
}

// unverified says that nothing strong vouches for a file's content.
func unverified(f *tree.File) bool {
	if f.Part != nil {
		f = f.Part.Of
	}
	if f.Make != nil && f.Make.Kind == kindYarnZip {
		return f.Make.Args["sha512"] == ""
	}
	if f.Make != nil && f.Make.From != nil {
		f = f.Make.From
	}
	return f.Unverified || f.Digest.Weak()
}

// union is the time during which at least one of the spans lasted: waiting for
// four files at once for a second is a second lost.
func union(spans []span) time.Duration {
	slices.SortFunc(spans, func(a, b span) int { return cmp.Compare(a.from.UnixNano(), b.from.UnixNano()) })
	var sum time.Duration
	var end time.Time
	for _, s := range spans {
		if s.from.Before(end) {
			s.from = end
		}
		if s.to.After(s.from) {
			sum += s.to.Sub(s.from)
			end = s.to
		}
	}
	return sum
}
