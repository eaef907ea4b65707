package fetch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// smallSegments are the real ones by 64, since the tests are about order.
var smallSegments = segments{from: 32 << 14, probe: 1 << 14, piece: 4 << 14}

var large = sync.OnceValue(func() []byte {
	b := make([]byte, smallSegments.from+smallSegments.probe+123)
	for i := range b {
		b[i] = byte(i>>14) ^ byte(i)
	}
	return b
})

// largeOrigin serves the large file, with ranges, a second per request. fault
// may answer the n-th request (from 1) itself.
type largeOrigin struct {
	mu     sync.Mutex
	n      int
	ranges []string
	etag   string
	fault  func(n int, w http.ResponseWriter, r *http.Request) (handled bool)
}

func (o *largeOrigin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.n++
	n := o.n
	o.ranges = append(o.ranges, r.Header.Get("Range"))
	w.Header().Set("ETag", o.etag)
	o.mu.Unlock()
	time.Sleep(time.Second)
	if o.fault != nil && o.fault(n, w, r) {
		return
	}
	http.ServeContent(w, r, "file", time.Time{}, bytes.NewReader(large()))
}

// inLargeWorld has plain HTTP: TLS takes time.
func inLargeWorld(t *testing.T, f func(t *testing.T, c *Client, o *largeOrigin, req Request)) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		o := &largeOrigin{etag: `"v1"`}
		w.serve("example.org:80", "203.0.113.1", o)
		c := w.client(Options{})
		c.segments = smallSegments
		f(t, c, o, Request{URLs: []string{"http://example.org/file"}, Size: int64(len(large()))})
	})
}

func wantLarge(t *testing.T, sink *memSink, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("Get: %v", err)
	}
	if !bytes.Equal(sink.Bytes(), large()) {
		t.Fatalf("the sink has %d wrong bytes", sink.Len())
	}
}

func TestALargeFileComesBySeveralConnections(t *testing.T) {
	inLargeWorld(t, func(t *testing.T, c *Client, o *largeOrigin, req Request) {
		begin, sink := time.Now(), &memSink{}
		res, err := c.Get(t.Context(), req, sink)
		wantLarge(t, sink, err)
		// A probe, then nine pieces, four at a time.
		if o.n != 10 || time.Since(begin) != 4*time.Second {
			t.Errorf("%d requests in %v", o.n, time.Since(begin))
		}
		if res.Tries != 10 || res.Retries != 0 || res.Bytes != req.Size || sink.resets != 0 || len(sink.sizes) != 1 {
			t.Errorf("result = %+v, sizes %v", res, sink.sizes)
		}
	})
}

// The last large file of many began when the others had all the room.
func TestALargeFileGetsMoreConnectionsOnceThereIsRoom(t *testing.T) {
	for name, ranges := range map[string]bool{"ranges": true, "no ranges": false} {
		t.Run(name, func(t *testing.T) {
			inLargeWorld(t, func(t *testing.T, c *Client, o *largeOrigin, req Request) {
				c.segments.from = 1 << 14
				for range maxSegmented {
					c.segmenting <- struct{}{}
				}
				o.fault = func(n int, w http.ResponseWriter, _ *http.Request) bool {
					if n > 1 {
						return false
					}
					if ranges {
						w.Header().Set("Accept-Ranges", "bytes")
					}
					w.Header().Set("Content-Length", strconv.FormatInt(req.Size, 10))
					w.Write(large()[:readBuffer/2])
					<-c.segmenting // one of the others has ended
					w.Write(large()[readBuffer/2:])
					return true
				}
				sink := &memSink{}
				_, err := c.Get(t.Context(), req, sink)
				wantLarge(t, sink, err)
				if got := o.ranges; ranges != (len(got) > 3) || ranges && got[1] != fmt.Sprintf("bytes=%d-%d", readBuffer, readBuffer+1<<14-1) {
					t.Errorf("requests with the ranges %q", got)
				}
				if left := len(c.segmenting); left != maxSegmented-1 || sink.resets != 0 {
					t.Errorf("%d places are taken, %d resets", left, sink.resets)
				}
			})
		})
	}
}

func TestALargeFileGoesOnFromWhereItIs(t *testing.T) {
	inLargeWorld(t, func(t *testing.T, c *Client, o *largeOrigin, req Request) {
		sink := &memSink{}
		sink.Write(large()[:777])
		_, err := c.Get(t.Context(), req, sink)
		wantLarge(t, sink, err)
		if o.ranges[0] != "bytes=777-17160" || sink.resets != 0 {
			t.Errorf("first range = %s, %d resets", o.ranges[0], sink.resets)
		}
	})
}

func TestFaultsOfALargeFile(t *testing.T) {
	at := func(k int, do func(w http.ResponseWriter, r *http.Request)) func(int, http.ResponseWriter, *http.Request) bool {
		return func(n int, w http.ResponseWriter, r *http.Request) bool {
			if n == k {
				do(w, r)
			}
			return n == k
		}
	}
	code := func(c int) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(c) }
	}
	ignore := func(w http.ResponseWriter, r *http.Request) { w.Write(large()) }
	for name, tt := range map[string]struct {
		fault  func(int, http.ResponseWriter, *http.Request) bool
		status int
		resets int
	}{
		"probe refused":         {fault: at(1, code(416))},
		"probe fails":           {fault: at(1, code(500))},
		"ignores ranges":        {fault: at(1, ignore)},
		"ignores a later range": {fault: at(4, ignore)},
		"piece breaks":          {fault: at(3, reset)},
		"piece stalls":          {fault: at(5, stall)},
		"throttled":             {fault: at(6, code(429))},
		"gone":                  {fault: func(n int, w http.ResponseWriter, _ *http.Request) bool { return n > 3 && gone(w) }, status: 404},
	} {
		t.Run(name, func(t *testing.T) {
			inLargeWorld(t, func(t *testing.T, c *Client, o *largeOrigin, req Request) {
				o.fault = tt.fault
				sink := &memSink{}
				_, err := c.Get(t.Context(), req, sink)
				var e *Error
				switch {
				case tt.status == 0:
					wantLarge(t, sink, err)
				case !errors.As(err, &e) || e.Status != tt.status:
					t.Errorf("Get = %v, want status %d", err, tt.status)
				case !bytes.HasPrefix(large(), sink.Bytes()):
					t.Error("the sink has something else than the file's beginning")
				}
				if sink.resets != tt.resets {
					t.Errorf("%d resets, want %d", sink.resets, tt.resets)
				}
			})
		})
	}
}

func gone(w http.ResponseWriter) bool { w.WriteHeader(404); return true }

func TestALargeFileThatChangesStartsAgain(t *testing.T) {
	inLargeWorld(t, func(t *testing.T, c *Client, o *largeOrigin, req Request) {
		o.fault = func(n int, w http.ResponseWriter, _ *http.Request) bool {
			o.mu.Lock()
			defer o.mu.Unlock()
			if n >= 4 {
				o.etag = `"v2"`
			}
			w.Header().Set("ETag", o.etag)
			return false
		}
		sink := &memSink{}
		_, err := c.Get(t.Context(), req, sink)
		wantLarge(t, sink, err)
		if sink.resets != 1 {
			t.Errorf("%d resets, want 1", sink.resets)
		}
	})
}

func TestALargeFileEndsWithItsContextAndItsSink(t *testing.T) {
	inLargeWorld(t, func(t *testing.T, c *Client, o *largeOrigin, req Request) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), 2500*time.Millisecond, errors.New("enough"))
		defer cancel()
		begin := time.Now()
		_, err := c.Get(ctx, req, &memSink{})
		if err == nil || !strings.Contains(err.Error(), "enough") || time.Since(begin) != 2500*time.Millisecond {
			t.Errorf("Get = %v after %v", err, time.Since(begin))
		}
		_, err = c.Get(t.Context(), req, &memSink{fail: syscall.ENOSPC})
		var e *Error
		if !errors.Is(err, syscall.ENOSPC) || !errors.As(err, &e) || !e.Local {
			t.Errorf("Get = %v", err)
		}
	})
}
