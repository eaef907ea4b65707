package origin

import (
	"fmt"
	"sync"
	"time"
)

// Link is a way between a server and its clients.
type Link struct {
	Name string
	// Rate is in bytes per second over all connections, PerConn over each. 0 is
	// no limit.
	Rate, PerConn int64
	// RTT is the time from a request to the first byte of its answer.
	RTT time.Duration
}

// Handshakes is how many round trips a new connection costs: one for TCP, one
// for TLS 1.3.
const Handshakes = 2

// Links are those that benchmarks speak of, by name. A single connection
// gets at most half of the fast ones, as far away servers seldom give more.
func Links() []Link {
	const mega = 1_000_000 / 8
	return []Link{
		{"1 Gbit/s, 5 ms", 1000 * mega, 500 * mega, 5 * time.Millisecond},
		{"100 Mbit/s, 30 ms", 100 * mega, 50 * mega, 30 * time.Millisecond},
		{"20 Mbit/s, 80 ms", 20 * mega, 20 * mega, 80 * time.Millisecond},
	}
}

// Least is the time in which the link can carry n bytes at best.
func (l Link) Least(n int64) time.Duration {
	if l.Rate <= 0 {
		return 0
	}
	return time.Duration(float64(n) / float64(l.Rate) * float64(time.Second))
}

// String describes the link in words.
func (l Link) String() string {
	if l.Rate <= 0 {
		return fmt.Sprintf("no limit, %v", l.RTT)
	}
	return l.Name
}

// pace gives bytes their time: each call of pass takes the line for as long as
// its bytes need, in the order of the calls.
type pace struct {
	mu   sync.Mutex
	free time.Time // when all that was given to it is through
}

// slack is how late a sender may be without losing the line's time: one that
// sleeps wakes up late, and what it was late with would add up over the chunks.
const slack = 10 * time.Millisecond

// reserve returns when n bytes that come now are through at the rate.
func (p *pace) reserve(n int, rate int64, now time.Time) time.Time {
	if rate <= 0 {
		return now
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if now.Sub(p.free) > slack {
		p.free = now
	}
	p.free = p.free.Add(time.Duration(float64(n) / float64(rate) * float64(time.Second)))
	return p.free
}
