package orchestrator

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// Phases of a build, as `lazybuild ps` shows them.
const (
	PhaseStarting = "starting"
	PhaseBuilding = "building"
	PhaseEnding   = "ending"
	// PhaseDead: its lazybuild is gone and has left something.
	PhaseDead = "dead"
)

// Live is one build of this user, seen from outside of it.
type Live struct {
	ID      BuildID   `json:"id"`
	Phase   string    `json:"phase"`
	Created time.Time `json:"created"`
	PID     int       `json:"pid"` // of its lazybuild
	What    string    `json:"what"`
	// Files and Bytes were fetched so far; Active downloads are under way;
	// Waiting is a file that a program in the build waits for, or empty.
	Files   int    `json:"files"`
	Bytes   int64  `json:"bytes"`
	Active  int    `json:"active"`
	Waiting string `json:"waiting,omitempty"`
}

// progress is what a build says about itself in the file beside its state. It
// is written often and is worth nothing after the build: no fsync.
type progress struct {
	Phase   string `json:"phase"`
	Files   int    `json:"files"`
	Bytes   int64  `json:"bytes"`
	Active  int    `json:"active"`
	Waiting string `json:"waiting,omitempty"`
}

func progressPath(state string) string { return strings.TrimSuffix(state, ".json") + ".progress" }

// progressEvery bounds how often the file is written for the same phase.
const progressEvery = 500 * time.Millisecond

// progressFile is the writing end. Safe for concurrent use.
type progressFile struct {
	mu      sync.Mutex
	path    string
	now     func() time.Time
	written time.Time
	current progress
	closed  bool
}

// enter notes a new phase.
func (p *progressFile) enter(phase string) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current.Phase, p.current.Waiting, p.current.Active = phase, "", 0
	p.write()
}

// update notes what the proxy says of its downloads.
func (p *progressFile) update(w *wire.Progress) {
	if p == nil || w == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.current = progress{p.current.Phase, w.Files, w.Bytes, w.Active, w.Current}
	// The last one of a download counts.
	if w.Active == 0 || p.now().Sub(p.written) >= progressEvery {
		p.write()
	}
}

// close ends the writing: the proxy's last words may come when the file, and the
// state beside it, have been removed.
func (p *progressFile) close() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
}

// write replaces the file. That a build cannot say how far it is, is no reason
// to end it.
func (p *progressFile) write() {
	if p.closed {
		return
	}
	p.written = p.now()
	data, err := json.Marshal(p.current)
	if err == nil && os.WriteFile(p.path+".new", data, 0o600) == nil {
		_ = os.Rename(p.path+".new", p.path)
	}
}

// List returns the builds whose state is below base, the oldest first, dead
// ones too. Of no builds there is an empty list.
func List(base string) ([]Live, error) {
	if _, err := os.ReadDir(stateDir(base)); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing builds: %w", err)
	}
	var list []Live
	for _, path := range stateFiles(base) {
		if l, ok := lookAt(path); ok {
			list = append(list, l)
		}
	}
	slices.SortFunc(list, func(a, b Live) int {
		return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID))
	})
	return list, nil
}

// lookAt reads one state; false when there is none (any more).
func lookAt(path string) (Live, bool) {
	s, err := readState(path)
	if err != nil {
		return Live{}, false
	}
	l := Live{ID: s.ID, Phase: PhaseStarting, Created: s.Created, PID: s.PID, What: s.What}
	var p progress
	if data, err := os.ReadFile(progressPath(path)); err == nil && json.Unmarshal(data, &p) == nil {
		l.Phase, l.Files, l.Bytes, l.Active, l.Waiting = cmp.Or(p.Phase, l.Phase), p.Files, p.Bytes, p.Active, p.Waiting
	}
	if !lives(path) {
		l.Phase, l.Active, l.Waiting = PhaseDead, 0, ""
	}
	return l, true
}

// lives says whether somebody holds the lock of a state: its build, or who
// cleans up after it.
func lives(path string) bool {
	f := flock.New(path+".lock", flock.SetFlag(os.O_RDONLY))
	ok, err := f.TryRLock()
	if err != nil {
		return false // the lock file is gone: nothing is left
	}
	if ok {
		_ = f.Unlock()
	}
	return !ok
}
