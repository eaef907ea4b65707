package fetch

import (
	"container/list"
	"context"
	"sync"
	"time"
)

// queue hands out the slots for requests: a limit for all, one for each host;
// the highest priority first, in order of arrival within one priority. A host
// that is full never holds up the others.
//
// A quarter of each limit is kept for Demand: requests under way are never
// interrupted, so without a reserve a program would wait for some read-ahead of
// a gigabyte to end.
type queue struct {
	total   int
	perHost int

	mu    sync.Mutex
	used  [2]int // by class
	hosts map[string]*hostQueue
	seq   uint64
}

// The slots in use are counted by class, since only one of them may use the reserve.
const (
	classAhead = iota
	classDemand
)

type hostQueue struct {
	name    string
	limit   int    // at most queue.perHost, less when the host throttles
	used    [2]int // by class
	waiting [priorities]list.List
	paused  *time.Timer // no slots until it fires; nil if not paused
}

// waiter is one request that waits. Its fields are guarded by queue.mu.
type waiter struct {
	host     *hostQueue
	priority Priority
	seq      uint64
	elem     *list.Element // nil once it has a slot, or has left
	ready    chan struct{}
}

func newQueue(total, perHost int) *queue {
	return &queue{total: total, perHost: perHost, hosts: map[string]*hostQueue{}}
}

// acquire waits for a slot. It returns the function that gives the slot back,
// which must be called exactly once, or ctx's cause.
func (q *queue) acquire(ctx context.Context, host string, t *Ticket) (release func(), err error) {
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	w := &waiter{ready: make(chan struct{}), host: q.host(host)}
	t.enqueue(q, w)
	defer t.forget(w)
	select {
	case <-w.ready:
		return func() { q.release(w) }, nil
	case <-ctx.Done():
		q.leave(w)
		return nil, context.Cause(ctx)
	}
}

// host returns the queue for a host, which is kept for the Client's life: there
// are few hosts, and what was learnt about their limits is worth keeping.
func (q *queue) host(name string) *hostQueue {
	q.mu.Lock()
	defer q.mu.Unlock()
	h, ok := q.hosts[name]
	if !ok {
		h = &hostQueue{name: name, limit: q.perHost}
		q.hosts[name] = h
	}
	return h
}

func (q *queue) enqueue(w *waiter, p Priority) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.push(w, p)
	q.dispatch()
}

// push needs q.mu.
func (q *queue) push(w *waiter, p Priority) {
	q.seq++
	w.seq, w.priority = q.seq, p
	w.elem = w.host.waiting[p].PushBack(w)
}

// move puts a request that still waits at the end of another priority's line.
func (q *queue) move(w *waiter, p Priority) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.elem == nil {
		return
	}
	w.host.waiting[w.priority].Remove(w.elem)
	q.push(w, p)
	q.dispatch()
}

// leave ends a wait. A slot that came at the same moment is passed on.
func (q *queue) leave(w *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if w.elem == nil {
		q.free(w)
		return
	}
	w.host.waiting[w.priority].Remove(w.elem)
	w.elem = nil
}

func (q *queue) release(w *waiter) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.free(w)
}

// free needs q.mu.
func (q *queue) free(w *waiter) {
	q.used[class(w.priority)]--
	w.host.used[class(w.priority)]--
	q.dispatch()
}

// dispatch hands out what is free. It needs q.mu.
func (q *queue) dispatch() {
	for {
		w := q.next()
		if w == nil {
			return
		}
		w.host.waiting[w.priority].Remove(w.elem)
		w.elem = nil
		q.used[class(w.priority)]++
		w.host.used[class(w.priority)]++
		close(w.ready)
	}
}

// next is the request that may start now: of all hosts with room, the one with
// the highest priority that came first.
func (q *queue) next() *waiter {
	var best *waiter
	for _, h := range q.hosts {
		if h.paused != nil {
			continue
		}
		w := h.first(q.used, q.total)
		if w != nil && (best == nil || w.priority > best.priority || w.priority == best.priority && w.seq < best.seq) {
			best = w
		}
	}
	return best
}

// first is the host's next request, if there is room for one of its class both
// at the host and in all.
func (h *hostQueue) first(used [2]int, total int) *waiter {
	for p := Demand; p >= Background; p-- {
		e := h.waiting[p].Front()
		if e == nil {
			continue
		}
		if room(used, total, p) && room(h.used, h.limit, p) {
			return e.Value.(*waiter)
		}
	}
	return nil
}

// room says whether another request of priority p fits. Read-ahead may use
// three quarters, and at least one slot.
func room(used [2]int, limit int, p Priority) bool {
	if used[classAhead]+used[classDemand] >= limit {
		return false
	}
	return p == Demand || used[classAhead] < max(1, limit-(limit+3)/4)
}

func class(p Priority) int {
	if p == Demand {
		return classDemand
	}
	return classAhead
}

// pause gives the host no slots for d. A pause that is under way stays as it is.
func (q *queue) pause(host string, d time.Duration) {
	h := q.host(host)
	q.mu.Lock()
	defer q.mu.Unlock()
	if h.paused != nil || d <= 0 {
		return
	}
	h.paused = time.AfterFunc(d, func() {
		q.mu.Lock()
		defer q.mu.Unlock()
		h.paused = nil
		q.dispatch()
	})
}

// limit changes how many requests the host may have under way.
func (q *queue) limit(host string, change func(now int) int) {
	h := q.host(host)
	q.mu.Lock()
	defer q.mu.Unlock()
	h.limit = max(1, min(change(h.limit), q.perHost))
	q.dispatch()
}
