package fetch

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// inWorld runs a test in synctest's time with an origin at example.org and a
// mirror at example.net.
func inWorld(t *testing.T, o Options, f func(t *testing.T, w *world, c *Client, origin, mirror *origin)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		origin, mirror := newOrigin(t), newOrigin(t)
		w.serve("example.org:443", "203.0.113.1", origin)
		w.serve("example.net:443", "203.0.113.2", mirror)
		f(t, w, w.client(o), origin, mirror)
	})
}

var twoURLs = []string{fileURL, "https://example.net/file"}

func mustGet(t *testing.T, c *Client, req Request, sink *memSink) Result {
	t.Helper()
	res, err := c.Get(t.Context(), req, sink)
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	if !bytes.Equal(sink.Bytes(), content()) {
		t.Fatalf("the sink has %d wrong bytes", sink.Len())
	}
	return res
}

// Shows S13.
func TestGetGoesOnAtTheNextMirrorFromWhereItWas(t *testing.T) {
	var events []Event
	inWorld(t, Options{Observe: func(e Event) { events = append(events, e) }}, func(t *testing.T, _ *world, c *Client, o, m *origin) {
		o.script = []step{breakAt(1000, reset), status(404)}
		res := mustGet(t, c, Request{URLs: twoURLs, Size: int64(len(o.content))}, &memSink{})
		if got := m.requests[0].Header.Get("Range"); got != "bytes=1000-" {
			t.Errorf("the mirror was asked for %q", got)
		}
		if m.requests[0].Header.Get("If-Range") != "" {
			t.Error("one host's ETag was sent to another host")
		}
		if res.URL != twoURLs[1] || res.Tries != 3 || res.Retries != 1 || res.Bytes != int64(len(o.content)) {
			t.Errorf("result = %+v", res)
		}
		if len(events) != 2 || events[0].Kind != Retrying || events[1].Kind != NextURL || events[1].URL != fileURL {
			t.Errorf("events = %+v", events)
		}
	})
}

func TestGetReportsAllMirrors(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, m *origin) {
		o.script, m.script = []step{status(404)}, []step{status(403)}
		_, err := c.Get(t.Context(), Request{URLs: twoURLs, Size: -1}, &memSink{})
		var e *Error
		if !errors.As(err, &e) || e.Status != 404 || len(e.Others) != 1 || e.Others[0].Status != 403 || !IsPermanent(err) {
			t.Fatalf("Get = %#v", err)
		}
		if !strings.Contains(err.Error(), "403") {
			t.Errorf("message = %q", err)
		}
		checkMessage(t, err)
	})
}

func TestGetTellsTheSizeBeforeTheFirstByte(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, _ *origin) {
		sink := &memSink{full: syscall.ENOSPC}
		_, err := c.Get(t.Context(), Request{URLs: twoURLs, Size: -1}, sink)
		var e *Error
		if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &e) || !e.Local || sink.Len() != 0 || o.count() != 1 {
			t.Errorf("Get = %v with %d bytes in the sink after %d requests", err, sink.Len(), o.count())
		}
		if len(sink.sizes) != 1 || sink.sizes[0] != int64(len(o.content)) {
			t.Errorf("sizes = %v", sink.sizes)
		}
	})
}

func TestGetTellsTheSizeAgainAfterAReset(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, _ *origin) {
		o.script = []step{breakAt(10, reset), ignoreRange}
		sink := &memSink{}
		mustGet(t, c, Request{URLs: []string{fileURL}, Size: -1}, sink)
		if len(sink.sizes) != 2 { // a sink forgets it when it is reset
			t.Errorf("sizes = %v", sink.sizes)
		}
	})
}

func TestGetGivesUpWhenTheSinkFails(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, m *origin) {
		_, err := c.Get(t.Context(), Request{URLs: twoURLs, Size: -1}, &memSink{fail: syscall.EDQUOT})
		if !errors.Is(err, syscall.EDQUOT) || o.count() != 1 || m.count() != 0 {
			t.Errorf("Get = %v after %d and %d requests", err, o.count(), m.count())
		}
	})
}

func TestGetBoundsFilesOfUnknownSize(t *testing.T) {
	endless := func(_ *origin, w http.ResponseWriter, _ *http.Request) {
		for b := make([]byte, 1000); ; {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	}
	for name, s := range map[string]step{"stated": good, "endless": endless} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, _ *origin) {
				o.script = []step{s}
				sink := &memSink{}
				_, err := c.Get(t.Context(), Request{URLs: []string{fileURL}, Size: -1, MaxBytes: 5000}, sink)
				if !errors.Is(err, ErrTooLong) || sink.Len() > 5000 {
					t.Errorf("Get = %v with %d bytes", err, sink.Len())
				}
			})
		})
	}
}

func TestGetAcceptsAChunkedBodyOfUnknownSize(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, _ *origin) {
		o.script = []step{func(o *origin, w http.ResponseWriter, _ *http.Request) { w.Write(o.content) }}
		sink := &memSink{}
		mustGet(t, c, Request{URLs: []string{fileURL}, Size: -1}, sink)
		if len(sink.sizes) != 0 {
			t.Errorf("sizes = %v though nobody stated one", sink.sizes)
		}
	})
}

func TestGetAsksForNothingThatIsThere(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, _ *origin) {
		sink := &memSink{}
		sink.Write(o.content)
		mustGet(t, c, Request{URLs: []string{fileURL}, Size: int64(len(o.content))}, sink)
		if o.count() != 0 {
			t.Errorf("%d requests", o.count())
		}
		// Without a size only the server can tell: 416, "bytes */length".
		o.script = []step{status(416, "Content-Range", "bytes */272144")}
		mustGet(t, c, Request{URLs: []string{fileURL}, Size: -1}, sink)
		if o.count() != 1 || sink.resets != 0 {
			t.Errorf("%d requests, %d resets", o.count(), sink.resets)
		}
	})
}

// slowSink is a disk that takes longer than the watchdog would wait for a server.
type slowSink struct{ memSink }

func (s *slowSink) Write(b []byte) (int, error) {
	time.Sleep(time.Hour)
	return s.memSink.Write(b)
}

func TestASlowDiskIsNotTheServersFault(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, _ *origin) {
		if _, err := c.Get(t.Context(), Request{URLs: []string{fileURL}, Size: -1}, &slowSink{}); err != nil || o.count() != 1 {
			t.Errorf("Get = %v after %d requests", err, o.count())
		}
	})
}

func TestGetResumesOnlyTheSameVersion(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, _ *origin) {
		o.script = []step{breakAt(1000, reset)}
		mustGet(t, c, Request{URLs: []string{fileURL}, Size: -1}, &memSink{})
		if h := o.requests[1].Header; h.Get("Range") != "bytes=1000-" || h.Get("If-Range") != o.etag {
			t.Errorf("the second request had Range %q, If-Range %q", h.Get("Range"), h.Get("If-Range"))
		}
	})
}

// Shows S18.
func TestGetBoundsTheTriesOfATricklingServer(t *testing.T) {
	inWorld(t, Options{MaxTries: 2}, func(t *testing.T, _ *world, c *Client, o, _ *origin) {
		for range 100 {
			o.script = append(o.script, breakAt(1, reset))
		}
		_, err := c.Get(t.Context(), Request{URLs: []string{fileURL}, Size: -1}, &memSink{})
		if err == nil || o.count() != 2*boundedTries {
			t.Errorf("Get = %v after %d requests, want %d", err, o.count(), 2*boundedTries)
		}
	})
}

// Shows S4.
func TestCheckSendsWrongBytesToTheNextMirror(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, m *origin) {
		o.script = []step{junk}
		sink := &memSink{}
		req := Request{URLs: twoURLs, Size: int64(len(o.content)), Check: func() error {
			if !bytes.Equal(sink.Bytes(), o.content) {
				return errors.New("wrong digest")
			}
			return nil
		}}
		if res := mustGet(t, c, req, sink); res.URL != twoURLs[1] || o.count() != 1 || m.count() != 1 {
			t.Errorf("%+v after %d and %d requests", res, o.count(), m.count())
		}
		// Wrong because of what was there before: the same URL has its chance.
		sink = &memSink{}
		sink.Write([]byte("something else"))
		if res := mustGet(t, c, req, sink); res.URL != twoURLs[0] || m.count() != 1 {
			t.Errorf("%+v after %d requests at the mirror", res, m.count())
		}
		o.script, m.script = []step{junk}, []step{junk}
		sink = &memSink{}
		if _, err := c.Get(t.Context(), req, sink); err == nil || sink.Len() != 0 || !strings.Contains(err.Error(), "wrong digest") {
			t.Errorf("Get = %v with %d bytes left", err, sink.Len())
		}
	})
}

func TestCancellingEndsAtOnce(t *testing.T) {
	for name, script := range map[string][]step{
		"headers": {func(_ *origin, w http.ResponseWriter, r *http.Request) { stall(w, r) }},
		"body":    {breakAt(5, stall)},
		"waiting": {status(429, "Retry-After", "60")},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, _ *origin) {
				o.script = script
				gone := errors.New("the build has ended")
				ctx, cancel := context.WithCancelCause(t.Context())
				time.AfterFunc(time.Second, func() { cancel(gone) })
				begin := time.Now()
				_, err := c.Get(ctx, Request{URLs: twoURLs, Size: -1}, &memSink{})
				if !errors.Is(err, gone) || time.Since(begin) != time.Second {
					t.Errorf("Get = %v after %v", err, time.Since(begin))
				}
			})
		})
	}
}

func TestAGetKeepsNoSlotWhileItWaits(t *testing.T) {
	inWorld(t, Options{MaxTotal: 1, MaxPerHost: 1}, func(t *testing.T, _ *world, c *Client, o, _ *origin) {
		o.script = []step{status(500)}
		done := make(chan error)
		go func() {
			_, err := c.Get(t.Context(), Request{URLs: []string{fileURL}, Size: -1}, &memSink{})
			done <- err
		}()
		synctest.Wait() // the first one waits for its second try
		begin := time.Now()
		mustGet(t, c, Request{URLs: []string{"https://example.net/file"}, Size: -1}, &memSink{})
		if time.Since(begin) != 0 {
			t.Error("the other download waited")
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

func TestUnusableURLs(t *testing.T) {
	c, err := New(Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []string{"", "ftp://example.org/a", "file:///etc/passwd", "https:///a", "/etc/passwd", "https://user:password@exa mple/"} {
		_, err := c.Get(t.Context(), Request{URLs: []string{u}, Size: -1}, &memSink{})
		if !errors.Is(err, ErrURL) || !IsPermanent(err) {
			t.Errorf("Get(%q) = %v", u, err)
		}
		checkMessage(t, err)
	}
	if _, err := c.Get(t.Context(), Request{Size: -1}, &memSink{}); !errors.Is(err, ErrURL) {
		t.Errorf("Get with no URL = %v", err)
	}
}

func TestFileURLs(t *testing.T) {
	c, err := New(Options{AllowFile: true})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, content(), 0o600); err != nil {
		t.Fatal(err)
	}
	sink := &memSink{}
	sink.Write(content()[:77])
	mustGet(t, c, Request{URLs: []string{"file://" + path}, Size: -1}, sink)
	if _, err := c.Get(t.Context(), Request{URLs: []string{"file://" + path}, Size: 7}, &memSink{}); !errors.Is(err, ErrWrongLength) {
		t.Errorf("Get with a wrong size = %v", err)
	}
	if _, err := c.Get(t.Context(), Request{URLs: []string{"file:///dev/zero"}, Size: -1}, &memSink{}); !IsPermanent(err) {
		t.Errorf("Get of a device = %v", err)
	}
	if r, err := c.Range(t.Context(), "file://"+path, 10, 20); err != nil || !bytes.Equal(r.Data, content()[10:20]) || r.Total != int64(len(content())) {
		t.Errorf("Range = %v, %v", r, err)
	}
	if n, err := c.Head(t.Context(), []string{"file://" + path}); err != nil || n != int64(len(content())) {
		t.Errorf("Head = %v, %v", n, err)
	}
}

func TestHTTP2OverARealNetwork(t *testing.T) {
	o := newOrigin(t, breakAt(5000, abort))
	srv := httptest.NewUnstartedServer(o)
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = discardLog
	srv.StartTLS()
	defer srv.Close()
	c := realClient(t, srv)
	mustGet(t, c, Request{URLs: []string{srv.URL + "/file"}, Size: -1}, &memSink{})
	if o.requests[0].ProtoMajor != 2 || o.count() != 2 {
		t.Errorf("%d requests by %s", o.count(), o.requests[0].Proto)
	}
}

func TestDownloadsKeepTheHostsLimit(t *testing.T) {
	inWorld(t, Options{MaxPerHost: 4}, func(t *testing.T, _ *world, c *Client, o, _ *origin) {
		var now, most atomic.Int32
		slow := func(o *origin, w http.ResponseWriter, r *http.Request) {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Second)
			now.Add(-1)
			good(o, w, r)
		}
		o.script = slices.Repeat([]step{slow}, 20)
		var wg sync.WaitGroup
		for range 20 {
			wg.Go(func() {
				mustGet(t, c, Request{URLs: []string{fileURL}, Size: -1, Priority: Demand}, &memSink{})
			})
		}
		wg.Wait()
		if most.Load() != 4 {
			t.Errorf("%d requests at once, want 4", most.Load())
		}
	})
}
