package fetch

import (
	"net/http"
	"sync"
	"time"
)

// pace adapts the number of requests under way to what a host bears: halved
// when the host says 429 or 503, one more for each round of successes
// (additive increase, multiplicative decrease, as TCP does).
type pace struct {
	queue *queue

	mu    sync.Mutex
	hosts map[string]*hostPace
}

type hostPace struct {
	good   int // successes since the limit was changed last
	halved time.Time
}

// oneHalving is how long answers count as one and the same overload: requests
// that were under way when the limit was halved will be refused as well.
const oneHalving = time.Second

func newPace(q *queue) *pace { return &pace{queue: q, hosts: map[string]*hostPace{}} }

// note learns from how a try at a host has ended.
func (p *pace) note(host string, e *Error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	h, ok := p.hosts[host]
	if !ok {
		h = &hostPace{}
		p.hosts[host] = h
	}
	switch {
	case e == nil:
		h.good++
		p.queue.limit(host, func(now int) int {
			if h.good < now {
				return now
			}
			h.good = 0
			return now + 1
		})
	case e.Status == http.StatusTooManyRequests || e.Status == http.StatusServiceUnavailable:
		h.good = 0
		if now := time.Now(); now.Sub(h.halved) >= oneHalving {
			h.halved = now
			p.queue.limit(host, func(now int) int { return now / 2 })
		}
		p.queue.pause(host, e.retryAfter)
	}
}
