package wire

import (
	"encoding/json"
	"io"
	"slices"
	"sync"
	"time"
)

// EventWriter sends Events, in their order, without ever making the sender
// wait: a CLI that does not read must not stop a build. Progress and Debug
// events are dropped when several wait already, the others wait in memory.
type EventWriter struct {
	done chan struct{} // closed when the last event is written
	wake chan struct{} // holds one token when there is something to do

	mu     sync.Mutex
	queue  []Event
	lossy  int // how many of queue may be dropped
	closed bool
}

const (
	// lossyQueue bounds the waiting events that may be dropped.
	lossyQueue = 64
	// keepQueue bounds those that must not be lost; a build that fails on more
	// files than this has said enough.
	keepQueue = 4096
)

// NewEventWriter starts a goroutine that writes to w until Close.
func NewEventWriter(w io.Writer) *EventWriter {
	e := &EventWriter{done: make(chan struct{}), wake: make(chan struct{}, 1)}
	go e.run(w)
	return e
}

func (e *EventWriter) run(w io.Writer) {
	defer close(e.done)
	enc := json.NewEncoder(w)
	for range e.wake {
		for {
			batch, closed := e.take()
			for i := range batch {
				// An error means that nobody listens any more. The build goes on,
				// and what it does is nobody's business then.
				_ = enc.Encode(batch[i])
			}
			if closed && len(batch) == 0 {
				return
			}
			if len(batch) == 0 {
				break
			}
		}
	}
}

func (e *EventWriter) take() (batch []Event, closed bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	batch, e.queue, e.lossy = e.queue, nil, 0
	return batch, e.closed
}

// Send queues an event. It never blocks, and does nothing after Close.
func (e *EventWriter) Send(ev Event) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closed || !e.room(ev.Kind) {
		return
	}
	e.queue = append(e.queue, ev)
	e.signal()
}

// room needs e.mu. The events that a CLI waits for always find some.
func (e *EventWriter) room(k Kind) bool {
	switch {
	case slices.Contains([]Kind{Ready, Fatal, SummaryKind}, k):
		return true
	case k == ProgressKind || k == Debug:
		if e.lossy >= lossyQueue {
			return false
		}
		e.lossy++
		return true
	}
	return len(e.queue)-e.lossy < keepQueue
}

func (e *EventWriter) signal() {
	select {
	case e.wake <- struct{}{}:
	default: // a token is there already
	}
}

// Close waits until everything is written, or for limit when the reader has
// stopped reading. It may be called once.
func (e *EventWriter) Close(limit time.Duration) {
	e.mu.Lock()
	e.closed = true
	e.signal()
	e.mu.Unlock()
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-e.done:
	case <-t.C:
	}
}
