package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// proxy is a running proxy, seen from the CLI: in a container (container.go) or
// as a process (process.go).
type proxy struct {
	what    string // for messages
	stdin   io.WriteCloser
	ended   chan struct{} // closed when the attached streams are at their end
	ready   chan wire.Event
	summary chan *wire.Summary
	err     error // of the attachment; valid after ended
	byeOnce sync.Once
	stderr  tail
	// waitGone blocks until nothing is left of what runs the proxy, at most for
	// limit; then that is ended by force. nil means that it has been seen to be gone.
	waitGone func(limit time.Duration) error
	// files is where a podman on this machine keeps the container's own files, as
	// soon as that is known.
	files atomic.Pointer[string]
}

func newProxy(what string, stdin io.WriteCloser) *proxy {
	return &proxy{
		what: what, stdin: stdin,
		ended: make(chan struct{}), ready: make(chan wire.Event, 1), summary: make(chan *wire.Summary, 1),
	}
}

func (p *proxy) readEvents(r io.Reader, onEvent func(wire.Event)) {
	_ = wire.ReadEvents(r, func(ev wire.Event) {
		switch ev.Kind {
		case wire.Ready, wire.Fatal:
			select {
			case p.ready <- ev:
			default:
			}
		case wire.SummaryKind:
			select {
			case p.summary <- ev.Summary:
			default:
			}
		}
		onEvent(ev)
	})
}

// waitReady blocks until the mount is there, or says why it is not.
func (p *proxy) waitReady(ctx context.Context) (*wire.Proxy, error) {
	select {
	case ev := <-p.ready:
		if ev.Kind == wire.Fatal {
			if ev.Hint != "" {
				return nil, hint(ev.Hint, "the proxy cannot work: %s", ev.Text)
			}
			return nil, fmt.Errorf("the proxy cannot work: %s", ev.Text)
		}
		return ev.Proxy, nil
	case <-p.ended:
		return nil, &notRunError{p.why(errors.New("it ended before its mount was there"))}
	case <-ctx.Done():
		return nil, errInterrupted
	}
}

// why adds what the proxy or its runtime have said to an error.
func (p *proxy) why(err error) error {
	said := p.stderr.String()
	if said == "" {
		return fmt.Errorf("%s: %w", p.what, err)
	}
	return fmt.Errorf("%s: %w: %s", p.what, err, lastLine([]byte(said)))
}

// bye asks the proxy to take everything down and returns its summary, or nil
// when there was none within limit. word is wire.ByeOK, wire.ByeFailed or
// wire.Bye. Safe to call more than once; the first word counts.
func (p *proxy) bye(word string, limit time.Duration) *wire.Summary {
	p.byeOnce.Do(func() {
		go func() {
			_, _ = io.WriteString(p.stdin, word+"\n")
			_ = p.stdin.Close()
		}()
	})
	t := time.NewTimer(limit)
	defer t.Stop()
	var sum *wire.Summary
	select {
	case sum = <-p.summary:
	case <-p.ended:
		select {
		case sum = <-p.summary:
		default:
		}
	case <-t.C:
	}
	return sum
}

// tail keeps the end of what is written to it: the runtime's last words.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if n := len(t.buf); n > 8<<10 {
		t.buf = append(t.buf[:0], t.buf[n-4<<10:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.buf))
}
