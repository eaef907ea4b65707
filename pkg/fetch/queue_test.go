package fetch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// line starts requests that wait for q one after another, and notes the order
// in which they get their slots.
type line struct {
	t     *testing.T
	q     *queue
	mu    sync.Mutex
	order []string
}

// hold takes slots so that others must wait.
func (l *line) hold(host string, p Priority) (release func()) {
	l.t.Helper()
	release, err := l.q.acquire(l.t.Context(), host, NewTicket(p))
	if err != nil {
		l.t.Fatal(err)
	}
	return release
}

// wait starts a request that gives its slot back at once.
func (l *line) wait(name, host string, t *Ticket) {
	go func() {
		release, err := l.q.acquire(l.t.Context(), host, t)
		if err != nil {
			l.t.Error(err)
			return
		}
		l.mu.Lock()
		l.order = append(l.order, name)
		l.mu.Unlock()
		release()
	}()
	synctest.Wait()
}

func (l *line) want(names ...string) {
	l.t.Helper()
	synctest.Wait()
	l.mu.Lock()
	defer l.mu.Unlock()
	if !slices.Equal(l.order, names) {
		l.t.Errorf("order = %v, want %v", l.order, names)
	}
}

// Shows S15.
func TestQueueServesDemandFirstAndInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{t: t, q: newQueue(1, 1)}
		release := l.hold("a", Demand)
		l.wait("background", "a", NewTicket(Background))
		l.wait("ahead1", "a", NewTicket(ReadAhead))
		l.wait("ahead2", "a", NewTicket(ReadAhead))
		l.wait("demand1", "a", NewTicket(Demand))
		l.wait("demand2", "a", NewTicket(Demand))
		l.want()
		release()
		l.want("demand1", "demand2", "ahead1", "ahead2", "background")
	})
}

// Shows S15.
func TestPromoteMovesARequestThatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{t: t, q: newQueue(1, 1)}
		release := l.hold("a", Demand)
		opened := NewTicket(ReadAhead)
		l.wait("ahead", "a", NewTicket(ReadAhead))
		l.wait("opened", "a", opened)
		l.wait("demand", "a", NewTicket(Demand))
		opened.Promote(Demand)
		opened.Promote(Background) // never lowers
		if opened.Priority() != Demand {
			t.Errorf("priority = %v, want Demand", opened.Priority())
		}
		release()
		l.want("demand", "opened", "ahead")
		opened.Promote(Demand) // nothing waits any more
		if len(opened.waiting) != 0 {
			t.Errorf("the ticket remembers %d requests that have ended", len(opened.waiting))
		}
	})
}

func TestAFullHostDoesNotHoldUpOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{t: t, q: newQueue(4, 1)}
		release := l.hold("a", Demand)
		l.wait("a", "a", NewTicket(Demand))
		l.wait("b", "b", NewTicket(ReadAhead))
		l.want("b")
		release()
		l.want("b", "a")
	})
}

// Shows S15.
func TestReadAheadLeavesRoomForDemand(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{t: t, q: newQueue(8, 4)}
		for range 3 {
			defer l.hold("a", ReadAhead)()
		}
		l.wait("ahead", "a", NewTicket(ReadAhead))
		l.want()
		l.wait("demand", "a", NewTicket(Demand))
		l.want("demand")
		defer synctest.Wait()
	})
}

func TestACancelledWaitLeavesTheQueue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{t: t, q: newQueue(1, 1)}
		release := l.hold("a", Demand)
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("the caller has gone")
		done := make(chan error)
		go func() { _, err := l.q.acquire(ctx, "a", NewTicket(Demand)); done <- err }()
		synctest.Wait()
		cancel(gone)
		if err := <-done; !errors.Is(err, gone) {
			t.Errorf("acquire = %v, want %v", err, gone)
		}
		l.wait("next", "a", NewTicket(Demand))
		release()
		l.want("next")
	})
}

func TestAPausedHostGetsNoSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &line{t: t, q: newQueue(4, 4)}
		l.q.pause("a", time.Minute)
		l.wait("a", "a", NewTicket(Demand))
		l.wait("b", "b", NewTicket(Demand))
		l.want("b")
		time.Sleep(time.Minute)
		l.want("b", "a")
	})
}

// TestQueueKeepsItsLimits lets many requests come, go, be promoted and be
// cancelled at random; the limits must hold at each moment, and all must end.
func TestQueueKeepsItsLimits(t *testing.T) {
	const total, perHost = 5, 3
	q := newQueue(total, perHost)
	var mu sync.Mutex
	used, all := map[string]int{}, 0
	note := func(host string, n int) {
		mu.Lock()
		defer mu.Unlock()
		used[host] += n
		all += n
		if all > total || used[host] > perHost {
			t.Errorf("%d in all, %d at %s", all, used[host], host)
		}
	}
	var wg sync.WaitGroup
	for i := range 400 {
		wg.Go(func() {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			ticket := NewTicket(Priority(rand.N(3)))
			host := fmt.Sprint(i % 4)
			switch i % 5 {
			case 0:
				wg.Go(func() { ticket.Promote(Demand) })
			case 1:
				wg.Go(cancel)
			}
			release, err := q.acquire(ctx, host, ticket)
			if err != nil {
				return
			}
			note(host, 1)
			note(host, -1)
			release()
		})
	}
	wg.Wait()
	if q.used != [2]int{} {
		t.Errorf("slots in use at the end: %v", q.used)
	}
}

func TestPaceHalvesOnThrottlingAndGrowsBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		q := newQueue(32, 8)
		p := newPace(q)
		limit := func() int { return q.host("a").limit }
		for range 5 { // one overload, however many answers tell of it
			p.note("a", &Error{Status: 429})
		}
		if limit() != 4 {
			t.Errorf("limit = %d after an overload, want 4", limit())
		}
		time.Sleep(2 * time.Second)
		p.note("a", &Error{Status: 503})
		if limit() != 2 {
			t.Errorf("limit = %d after the second overload, want 2", limit())
		}
		for range 2 + 3 {
			p.note("a", nil)
		}
		if limit() != 4 {
			t.Errorf("limit = %d after two good rounds, want 4", limit())
		}
		for range 100 {
			p.note("a", nil)
		}
		if limit() != 8 {
			t.Errorf("limit = %d in the end, want 8", limit())
		}
	})
}
