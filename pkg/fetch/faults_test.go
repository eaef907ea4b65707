package fetch

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

const fileURL = "https://example.org/file"

// fault is a line of the table: what goes wrong, and how the download ends.
type fault struct {
	name string
	// body makes the answer that is faulty at byte n of its body. nil: the
	// connection breaks there, and then comes what follows.
	body func(n int) step
	// then are the steps for the next requests; after them all is well.
	then []step
	// change alters the world when the first connection has broken.
	change func(w *world, o *origin)

	want     error // in the chain; nil: the download succeeds
	status   int   // the error's, if it has one
	retried  bool  // the error is not permanent: it comes after MaxTries
	resets   bool  // what was there before the fault is thrown away
	requests int   // at the origin, at least
	waits    time.Duration

	proxy bool // the requests go through a proxy
	// whenResumed is another outcome for a download that goes on with what was
	// there: nobody can know which part is wrong, so the server has a second chance.
	whenResumed *fault
}

var faults = []fault{
	{name: "reset", body: func(n int) step { return breakAt(n, reset) }, requests: 2},
	{name: "truncated", body: func(n int) step { return breakAt(n, abort) }, requests: 2},
	{name: "stall", body: func(n int) step { return breakAt(n, stall) }, requests: 2, waits: time.Minute},
	{name: "slow", body: slowAt, requests: 1, waits: 118 * time.Second},
	{name: "too long", body: tooLong, want: ErrTooLong, requests: 1},
	{name: "wrong bytes", body: wrongBytes, want: errWrongBytes, requests: 1, whenResumed: &fault{resets: true, requests: 2}},
	{name: "wrong bytes for ever", body: wrongBytes, then: slices.Repeat([]step{junk}, 20), want: errWrongBytes, requests: 1,
		whenResumed: &fault{want: errWrongBytes, resets: true, requests: 2}},
	{name: "wrong length", body: wrongLength, want: ErrWrongLength, requests: 1},
	{name: "reset for ever", then: slices.Repeat([]step{breakAt(0, reset)}, 20), want: syscall.ECONNRESET, retried: true, requests: 5},
	{name: "stall for ever", then: slices.Repeat([]step{breakAt(0, stall)}, 20), want: ErrNoProgress, retried: true, requests: 5, waits: 4 * time.Minute},
	{name: "silent server", then: slices.Repeat([]step{func(_ *origin, w http.ResponseWriter, r *http.Request) { stall(w, r) }}, 2), requests: 4, waits: 2 * time.Minute},
	{name: "206 with another range", then: []step{wrongRange}, resets: true, requests: 3},
	{name: "206 with no range", then: []step{status(206)}, resets: true, requests: 3},
	{name: "206 of another version", then: []step{otherVersion}, resets: true, requests: 3},
	{name: "ignored range", then: []step{ignoreRange}, resets: true, requests: 2},
	{name: "changed file", change: func(_ *world, o *origin) { o.etag = `"v2"` }, resets: true, requests: 2},
	{name: "404", then: []step{status(404)}, want: errAny, status: 404, requests: 2},
	{name: "410", then: []step{status(410)}, want: errAny, status: 410, requests: 2},
	{name: "401", then: []step{status(401)}, want: errAny, status: 401, requests: 2},
	{name: "403", then: []step{status(403)}, want: errAny, status: 403, requests: 2},
	{name: "416 once", then: []step{status(416)}, resets: true, requests: 3},
	{name: "416 always", then: []step{status(416), status(416)}, want: errAny, status: 416, resets: true, requests: 2},
	{name: "429 with seconds", then: []step{status(429, "Retry-After", "50")}, requests: 3, waits: 50 * time.Second},
	{name: "503 with a date", then: []step{retryAtDate}, requests: 3, waits: 40 * time.Second},
	{name: "429 for hours", then: []step{status(429, "Retry-After", "36000")}, requests: 3, waits: 60 * time.Second},
	{name: "500 then good", then: []step{status(500), status(502)}, requests: 4},
	{name: "500 for ever", then: slices.Repeat([]step{status(500)}, 20), want: errAny, status: 500, retried: true, requests: 5},
	{name: "giant headers", then: []step{giantHeaders}, requests: 3},
	{name: "giant headers for ever", then: slices.Repeat([]step{giantHeaders}, 20), want: errAny, retried: true, requests: 5},
	{name: "compressed", then: []step{compressed}, want: ErrEncoded, requests: 2},
	{name: "redirect loop", then: slices.Repeat([]step{redirectTo("/file")}, 30), want: ErrRedirect, requests: 12},
	{name: "redirect to loopback", then: []step{redirectTo("https://127.0.0.1/x")}, want: errLocalAddress, requests: 2},
	{name: "redirect to a name of loopback", then: []step{redirectTo("https://evil.example.net/x")}, want: errLocalAddress, requests: 2},
	{name: "redirect to metadata", then: []step{redirectTo("https://169.254.169.254/x")}, want: errLocalAddress, requests: 2},
	{name: "redirect to http", then: []step{redirectTo("http://plain.example.net/x")}, want: ErrRedirect, requests: 2},
	{name: "redirect to a file", then: []step{redirectTo("file:///etc/passwd")}, want: ErrRedirect, requests: 2},
	{name: "redirect to nowhere", then: []step{status(302)}, want: ErrRedirect, requests: 2},
	{name: "redirect to another host", then: []step{redirectTo("https://cdn.example.net/x")}, requests: 2},
	{name: "unknown authority", change: func(w *world, _ *origin) { w.hosts["example.org:443"].cert.Store(evilCA().issue("example.org")) }, want: errAny, requests: 1},
	{name: "certificate of another host", change: func(w *world, _ *origin) { w.hosts["example.org:443"].cert.Store(goodCA().issue("\x1b[2Jevil")) }, want: errAny, requests: 1},
	{name: "TLS breaks", change: func(w *world, _ *origin) { w.hosts["example.org:443"].garble.Store(2) }, requests: 2},
	{name: "proxy down", proxy: true, change: func(w *world, _ *origin) { w.cut("proxy.example:3128", syscall.ECONNREFUSED) }, want: syscall.ECONNREFUSED, retried: true, requests: 1},
	{name: "proxy resets", proxy: true, body: func(n int) step { return breakAt(n, reset) }, requests: 2},
	{name: "DNS failure", change: func(w *world, _ *origin) {
		w.cut("example.org:443", &net.DNSError{Err: "no such host", Name: "example.org"})
	}, want: errAny, retried: true, requests: 1},
	{name: "connection refused", change: func(w *world, _ *origin) { w.cut("example.org:443", syscall.ECONNREFUSED) }, want: syscall.ECONNREFUSED, retried: true, requests: 1},
}

// errAny is any *Error, errWrongBytes what the caller's check says.
var (
	errAny        = errors.New("any error")
	errWrongBytes = errors.New("other bytes than the lock's")
)

// Shows S2, S18, S53.
func TestFaults(t *testing.T) {
	for _, f := range faults {
		for _, at := range []string{"first", "middle", "last"} {
			for _, resumed := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%s/resumed=%t", f.name, at, resumed), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { runFault(t, f, at, resumed) })
				})
			}
		}
	}
}

func runFault(t *testing.T, f fault, at string, resumed bool) {
	w := newWorld(t)
	o := newOrigin(t)
	sink := &memSink{}
	if resumed {
		sink.Write(o.content[:len(o.content)/4])
	}
	rest := len(o.content) - sink.Len()
	n := map[string]int{"first": 0, "middle": rest / 2, "last": rest - 1}[at]
	o.script = f.steps(w, o, n)
	before := sink.Len()
	if f.body == nil {
		before += n
	}
	w.serve("example.org:443", "203.0.113.1", o)
	w.serve("cdn.example.net:443", "203.0.113.2", noCredentials(t, newOrigin(t)))
	w.serve("plain.example.net:80", "203.0.113.3", newOrigin(t))
	w.serve("evil.example.net:443", "127.0.0.1", newOrigin(t))
	options := Options{Credentials: []Credential{{Host: "example.org", Bearer: "secret"}}}
	if f.proxy {
		w.serve("proxy.example:3128", "203.0.113.4", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { tunnel(t, w, rw, r) }))
		options.Proxy.HTTPS = "http://user:password@proxy.example:3128"
	}
	c := w.client(options)

	begin := time.Now()
	check := func() error {
		if !bytes.Equal(sink.Bytes(), o.content) {
			return errWrongBytes
		}
		return nil
	}
	res, err := c.Get(t.Context(), Request{URLs: []string{fileURL}, Size: int64(len(o.content)), Priority: Demand, Check: check}, sink)

	want := f
	if resumed && f.whenResumed != nil {
		want = *f.whenResumed
	}
	if before == 0 && f.body == nil {
		want = f.withNothingThere()
	}
	want.check(t, o, sink, err)
	if d := time.Since(begin); d < f.waits {
		t.Errorf("it took %v, want at least %v", d, f.waits)
	}
	wantResets := want.resets && before > 0 || errors.Is(want.want, errWrongBytes)
	if (sink.resets > 0) != wantResets {
		t.Errorf("%d resets of the sink, want any: %v", sink.resets, wantResets)
	}
	if err == nil && res.URL != fileURL {
		t.Errorf("result's URL = %q", res.URL)
	}
}

// steps is the script of the origin.
func (f fault) steps(w *world, o *origin, n int) []step {
	if f.body != nil {
		return append([]step{f.body(n)}, f.then...)
	}
	first := breakAt(n, func(rw http.ResponseWriter, _ *http.Request) {
		if f.change != nil {
			f.change(w, o)
		}
		resetConn(rw)
	})
	return append([]step{first}, f.then...)
}

// withNothingThere is the outcome where no range can be asked for, since no
// byte has come yet: a 206 or 416 is then simply wrong.
func (f fault) withNothingThere() fault {
	if strings.HasPrefix(f.name, "206") {
		f.want, f.requests = errMismatch, 2
	}
	if strings.HasPrefix(f.name, "416") {
		f.want, f.status, f.requests = errAny, 416, 2
	}
	return f
}

func (f fault) check(t *testing.T, o *origin, sink *memSink, err error) {
	t.Helper()
	if n := o.count(); n < f.requests {
		t.Errorf("the origin saw %d requests, want at least %d", n, f.requests)
	}
	if !bytes.HasPrefix(o.content, sink.Bytes()) {
		t.Error("the sink holds something else than the file's beginning")
	}
	if f.want == nil {
		if err != nil {
			t.Fatalf("Get: %v", err)
		}
		if !bytes.Equal(sink.Bytes(), o.content) {
			t.Errorf("the sink has %d bytes, not the file's %d", sink.Len(), len(o.content))
		}
		return
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("Get = %v, want an *Error", err)
	}
	if !errors.Is(f.want, errAny) && !errors.Is(err, f.want) {
		t.Errorf("Get = %v, want %v", err, f.want)
	}
	if e.Status != f.status || e.Permanent == f.retried || e.Local {
		t.Errorf("status %d, permanent %v, local %v; want %d, %v, false: %v", e.Status, e.Permanent, e.Local, f.status, !f.retried, err)
	}
	checkMessage(t, err)
}

// checkMessage looks for what must never be in a message.
func checkMessage(t *testing.T, err error) {
	t.Helper()
	for _, bad := range []string{"\x1b", "\n", "secret", "password", "a page with"} {
		if strings.Contains(err.Error(), bad) {
			t.Errorf("the message holds %q: %q", bad, err)
		}
	}
}

func noCredentials(t *testing.T, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		for _, name := range []string{"Authorization", "Referer", "Cookie"} {
			if v := r.Header.Get(name); v != "" {
				t.Errorf("%s was sent to %s: %q", name, r.Host, v)
			}
		}
		next.ServeHTTP(w, r)
	})
}

// wrongBytes sends one other byte, and all that it says it sends.
func wrongBytes(n int) step {
	return func(o *origin, w http.ResponseWriter, r *http.Request) {
		body := slices.Clone(o.head(w, r))
		body[n] ^= 1
		w.Write(body)
	}
}

func junk(o *origin, w http.ResponseWriter, r *http.Request) { wrongBytes(0)(o, w, r) }

// giantHeaders sends a header of a megabyte.
func giantHeaders(o *origin, w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Giant", strings.Repeat("x", 1<<20))
	good(o, w, r)
}

// slowAt pauses twice for almost the watchdog's time.
func slowAt(n int) step {
	return func(o *origin, w http.ResponseWriter, r *http.Request) {
		body := o.head(w, r)
		flush := http.NewResponseController(w).Flush
		n = max(n, 1)
		for _, b := range [][]byte{body[:n], body[n:]} {
			flush()
			time.Sleep(59 * time.Second)
			w.Write(b)
		}
	}
}

// tooLong says no length and goes on behind the file's end.
func tooLong(n int) step {
	return func(o *origin, w http.ResponseWriter, r *http.Request) {
		from := o.from(r)
		if from > 0 {
			w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(o.content)-1, len(o.content)))
			w.WriteHeader(http.StatusPartialContent)
		}
		w.Write(o.content[from:])
		w.Write(make([]byte, n+1))
	}
}

func wrongLength(n int) step {
	return func(o *origin, w http.ResponseWriter, r *http.Request) {
		good(&origin{t: o.t, etag: o.etag, content: append(slices.Clone(o.content), make([]byte, n+1)...)}, w, r)
	}
}

func wrongRange(o *origin, w http.ResponseWriter, r *http.Request) {
	from := o.from(r) / 2
	w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(o.content)-1, len(o.content)))
	w.WriteHeader(http.StatusPartialContent)
	w.Write(o.content[from:])
}

func otherVersion(o *origin, w http.ResponseWriter, r *http.Request) {
	from := o.from(r)
	w.Header().Set("ETag", `"v2"`)
	w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(o.content)-1, len(o.content)))
	w.WriteHeader(http.StatusPartialContent)
	w.Write(make([]byte, len(o.content)-from))
}

func ignoreRange(o *origin, w http.ResponseWriter, r *http.Request) {
	r.Header.Del("Range")
	good(o, w, r)
}

func compressed(o *origin, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Encoding", "gzip")
	w.Write(o.content[:100])
}

func retryAtDate(o *origin, w http.ResponseWriter, r *http.Request) {
	status(503, "Retry-After", time.Now().Add(41*time.Second).UTC().Format(http.TimeFormat))(o, w, r)
}
