package fetch

import "sync"

// Priority says who waits for a download.
type Priority int

const (
	// Background is for what may be of use some day.
	Background Priority = iota
	// ReadAhead is for what a program will probably want soon.
	ReadAhead
	// Demand is for what a program waits for now.
	Demand

	priorities = int(Demand) + 1
)

// Ticket is a download's place in the queue. It lets the priority be raised
// while the download waits: read-ahead that a program has now opened. A Ticket
// may be used for several requests, and by several goroutines.
type Ticket struct {
	mu       sync.Mutex // before queue.mu
	priority Priority
	waiting  map[*waiter]*queue
}

// NewTicket returns a Ticket with that priority.
func NewTicket(p Priority) *Ticket {
	return &Ticket{priority: clampPriority(p), waiting: map[*waiter]*queue{}}
}

// Promote raises the priority to p; it never lowers it. Requests that wait go
// behind those that already wait with priority p. Those under way are not
// affected, but their further tries are. Promote does not block.
func (t *Ticket) Promote(p Priority) {
	p = clampPriority(p)
	t.mu.Lock()
	defer t.mu.Unlock()
	if p <= t.priority {
		return
	}
	t.priority = p
	for w, q := range t.waiting {
		q.move(w, p)
	}
}

// Priority returns the present priority.
func (t *Ticket) Priority() Priority {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.priority
}

func (t *Ticket) enqueue(q *queue, w *waiter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting[w] = q
	q.enqueue(w, t.priority)
}

func (t *Ticket) forget(w *waiter) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.waiting, w)
}

func clampPriority(p Priority) Priority { return max(Background, min(p, Demand)) }
