//go:build e2e

package e2e

import (
	"bytes"
	"sync"
)

// stream collects output and says when a text has come.
type stream struct {
	mu    sync.Mutex
	buf   bytes.Buffer
	waits []wait
}

type wait struct {
	text string
	seen chan struct{}
}

func (s *stream) Write(b []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.buf.Write(b)
	s.wake()
	return len(b), nil
}

func (s *stream) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.buf.String()
}

// has says whether text stands in the output.
func (s *stream) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return bytes.Contains(s.buf.Bytes(), []byte(text))
}

// saw is closed as soon as text stands in the output.
func (s *stream) saw(text string) <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	w := wait{text, make(chan struct{})}
	s.waits = append(s.waits, w)
	s.wake()
	return w.seen
}

func (s *stream) wake() {
	pending := s.waits[:0]
	for _, w := range s.waits {
		if bytes.Contains(s.buf.Bytes(), []byte(w.text)) {
			close(w.seen)
		} else {
			pending = append(pending, w)
		}
	}
	s.waits = pending
}
