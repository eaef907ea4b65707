package content

import (
	"context"
	"errors"
	"sync"
	"syscall"

	"github.com/lazybuild/lazybuild/pkg/content/ahead"
	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

const (
	// aheadAtOnce bounds the files that are fetched ahead at once. The client's
	// own limits per host, and what it keeps for demand, come on top.
	aheadAtOnce = 48
	// Nothing is fetched ahead while more than aheadWindow bytes are still missing
	// of what is under way, unless fewer than aheadFew downloads are. All that is
	// under way shares the link, so with more a large file that comes next, or that
	// a program waits for already, would come last.
	aheadWindow = 4 << 20
	aheadFew    = 4
	// aheadBudget bounds what is fetched ahead in one build, in bytes: a wrong
	// guess must not cost hours on a slow link.
	aheadBudget = 2 << 30
	// aheadMinFree is which part of the store's disk (a tenth) read-ahead leaves
	// free. The store itself stops later: what a program waits for may use more.
	aheadMinFree = 10
)

// readAhead fetches what the build will probably read next. One goroutine asks
// a Guide; programs' opens only leave a note for it. It ends with the build.
type readAhead struct {
	src    *Source
	mode   string // Options.ReadAhead
	traces *traces
	budget int64
	disk   func() (free, total int64, err error) // of the store, in bytes
	wake   chan struct{}                         // holds one token when there is news

	mu      sync.Mutex
	opened  []*tree.File // not told to the Guide yet
	entered []*tree.Dir
	running int
	under   map[*download]bool // all downloads under way, those on demand too
	spent   int64              // bytes fetched, and those still to come of files under way
	over    bool               // no more in this build
}

func newReadAhead(s *Source, o *Options) *readAhead {
	return &readAhead{
		src: s, mode: o.ReadAhead, traces: &traces{store: s.store, key: o.TraceKey, debug: s.debug},
		budget: aheadBudget, disk: func() (int64, int64, error) { return diskOf(s.store.Dir()) },
		wake: make(chan struct{}, 1), under: map[*download]bool{},
	}
}

func (a *readAhead) off() bool { return a.mode != "group" && a.mode != "trace" }

// fileOpened hears of a program's open. It never blocks.
func (a *readAhead) fileOpened(f *tree.File) {
	if a.off() || f.Group == "" {
		return
	}
	a.mu.Lock()
	a.opened = append(a.opened, f)
	a.mu.Unlock()
	a.poke()
}

// dirEntered hears that a program looks into a generated directory. It never blocks.
func (a *readAhead) dirEntered(d *tree.Dir) {
	if a.off() {
		return
	}
	a.mu.Lock()
	a.entered = append(a.entered, d)
	a.mu.Unlock()
	a.poke()
}

func (a *readAhead) poke() {
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// run works until ctx ends.
func (a *readAhead) run(ctx context.Context) {
	if a.off() {
		return
	}
	var guide *ahead.Guide
	for {
		select {
		case <-ctx.Done():
			return
		case <-a.wake:
		}
		if guide == nil { // only now: a build that reads nothing pays nothing
			var trace ahead.Trace
			if a.mode == "trace" {
				trace = a.traces.load()
			}
			guide = ahead.NewGuide(a.src.tree, trace)
		}
		a.tell(guide)
		a.fill(ctx, guide)
	}
}

func (a *readAhead) tell(g *ahead.Guide) {
	a.mu.Lock()
	opened, entered := a.opened, a.entered
	a.opened, a.entered = nil, nil
	a.mu.Unlock()
	for _, f := range opened {
		g.Opened(f)
	}
	for _, d := range entered {
		g.Entered(d)
	}
}

// fill starts downloads until all slots are taken or there is nothing to fetch.
func (a *readAhead) fill(ctx context.Context, g *ahead.Guide) {
	for ctx.Err() == nil && a.free() {
		f := g.Next()
		if f == nil {
			return
		}
		a.consider(f)
	}
}

// consider starts the download of a file unless something speaks against it.
func (a *readAhead) consider(f *tree.File) {
	if a.src.has(f) || a.src.permitted(f) != nil {
		return
	}
	size, ok := a.src.Size(f)
	if !ok {
		size = tree.SizeUnknown
	}
	if a.affords(size) {
		a.begin(f, size)
	}
}

func (a *readAhead) free() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return !a.over && a.running < aheadAtOnce && (len(a.under) < aheadFew || a.missing() < aheadWindow)
}

// missing is how many bytes are to come of what is under way, as far as sizes
// are known. It needs a.mu.
func (a *readAhead) missing() (n int64) {
	for d := range a.under {
		n += max(0, max(d.file.Size, d.size.Load())-d.bytes.Load())
	}
	return n
}

// started and ended hear of every download.
func (a *readAhead) started(d *download) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.under[d] = true
}

func (a *readAhead) ended(d *download) {
	a.mu.Lock()
	delete(a.under, d)
	a.mu.Unlock()
	a.poke()
}

// affords says whether a file of that size may be fetched ahead. One of unknown
// size may if there is anything left; its download asks again once it knows.
func (a *readAhead) affords(size int64) bool {
	free, total, err := a.disk()
	if err != nil {
		a.src.debug("reading ahead ends: asking for the free space of the store: %v", err)
	}
	size = max(size, 0)
	a.mu.Lock()
	defer a.mu.Unlock()
	if err != nil || a.spent >= a.budget || free <= total/aheadMinFree {
		a.over = true
		return false
	}
	return a.spent+size <= a.budget && free-size >= total/aheadMinFree
}

func (a *readAhead) begin(f *tree.File, size int64) {
	d, fresh := a.src.join(f, fetch.ReadAhead)
	if !fresh {
		return // a program was faster
	}
	a.mu.Lock()
	a.running++
	a.claim(d, max(size, 0))
	a.mu.Unlock()
	a.src.wg.Go(func() {
		<-d.done
		a.end(d)
	})
}

// claim needs a.mu.
func (a *readAhead) claim(d *download, n int64) {
	a.spent += n - d.claimed
	d.claimed = n
}

// errBudget ends a download whose size became known when it had begun.
var errBudget = errors.New("it is larger than what may still be fetched ahead")

// allow says whether a download that turns out to have n bytes may go on.
func (a *readAhead) allow(d *download, n int64) error {
	if !d.ahead {
		return nil
	}
	a.mu.Lock()
	more := n - d.claimed
	a.mu.Unlock()
	if more > 0 && !a.affords(more) && a.src.abandon(d) {
		return errBudget
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.claim(d, n)
	return nil
}

// end gives a slot back. What was fetched counts as it was, not as announced.
func (a *readAhead) end(d *download) {
	a.mu.Lock()
	a.running--
	a.claim(d, d.bytes.Load())
	if errors.Is(d.err, syscall.ENOSPC) {
		a.over = true // the little room that there is belongs to what programs wait for
	}
	a.mu.Unlock()
	if d.err != nil && !errors.Is(d.err, context.Canceled) {
		a.src.debug("reading ahead %s: %v", d.file.Path, d.err)
	}
	a.poke()
}

// has says that the store has the file's content.
func (s *Source) has(f *tree.File) bool {
	if f.Digest != "" {
		_, err := s.view.Stat(f.Digest)
		return err == nil
	}
	file := s.stored(f)
	if file == nil {
		return false
	}
	file.Close()
	return true
}
