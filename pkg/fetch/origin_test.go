package fetch

import (
	"fmt"
	"io"
	"log"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
)

var discardLog = log.New(io.Discard, "", 0)

// content is the file that the tests download. It is longer than one buffer.
func content() []byte {
	b := make([]byte, readBuffer+10_000)
	for i := range b {
		b[i] = byte(i * 2654435761 >> 13)
	}
	return b
}

// step is how a server treats one request.
type step func(o *origin, w http.ResponseWriter, r *http.Request)

// origin is a server with a script: one step for each request, then good ones.
type origin struct {
	t       *testing.T
	content []byte
	etag    string

	mu       sync.Mutex
	script   []step
	requests []*http.Request
}

func newOrigin(t *testing.T, script ...step) *origin {
	return &origin{t: t, content: content(), etag: `"v1"`, script: script}
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	o.requests = append(o.requests, r)
	do := good
	if len(o.script) > 0 {
		do, o.script = o.script[0], o.script[1:]
	}
	o.mu.Unlock()
	do(o, w, r)
}

func (o *origin) count() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return len(o.requests)
}

// from is where a range request begins; 0 if there is none, or If-Range fails.
func (o *origin) from(r *http.Request) int {
	spec, ok := strings.CutPrefix(r.Header.Get("Range"), "bytes=")
	if tag := r.Header.Get("If-Range"); !ok || tag != "" && tag != o.etag {
		return 0
	}
	first, _, _ := strings.Cut(spec, "-")
	n, err := strconv.Atoi(first)
	if err != nil {
		o.t.Errorf("unexpected Range: %q", spec)
	}
	return n
}

// head writes the headers of a right answer and returns the body.
func (o *origin) head(w http.ResponseWriter, r *http.Request) []byte {
	from := o.from(r)
	body := o.content[from:]
	w.Header().Set("ETag", o.etag)
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if from > 0 {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", from, len(o.content)-1, len(o.content)))
		w.WriteHeader(http.StatusPartialContent)
	}
	return body
}

func good(o *origin, w http.ResponseWriter, r *http.Request) { w.Write(o.head(w, r)) }

// breakAt sends a right answer up to (not including) byte n of the body.
func breakAt(n int, end func(http.ResponseWriter, *http.Request)) step {
	return func(o *origin, w http.ResponseWriter, r *http.Request) {
		body := o.head(w, r)
		w.Write(body[:min(n, len(body)-1)])
		http.NewResponseController(w).Flush()
		end(w, r)
	}
}

func reset(w http.ResponseWriter, _ *http.Request) { resetConn(w) }
func abort(http.ResponseWriter, *http.Request)     { panic(http.ErrAbortHandler) }
func stall(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }

func status(code int, header ...string) step {
	return func(_ *origin, w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, "a page with \x1b[31mescape sequences")
	}
}

func redirectTo(url string) step { return status(http.StatusFound, "Location", url) }
