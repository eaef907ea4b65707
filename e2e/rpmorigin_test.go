//go:build e2e

package e2e

import (
	"bytes"
	"maps"
	"net/http"
	"net/http/httptest"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// rpmOrigin is a server of RPMs that tells header requests (with a Range) from
// whole downloads, and both from what is asked of its repositories' own metadata.
// Its paths are <repoid>/<file>.
type rpmOrigin struct {
	*httptest.Server

	mu     sync.Mutex
	files  map[string][]byte
	faults map[string]http.HandlerFunc
	seen   rpmCount
	hold   func(*http.Request) // when set, where whole downloads wait
}

// rpmCount is what an rpmOrigin was asked for.
type rpmCount struct {
	headers     map[string]int // requests with a Range, by path
	whole       map[string]int // requests without
	metadata    map[string]int // requests for a repository's own metadata
	headerBytes int64
	atOnce      int // most whole downloads under way at one time
	now         int
}

// requests is the number of all header requests.
func (c rpmCount) requests() (n int) {
	for _, k := range c.headers {
		n += k
	}
	return n
}

// names lists the files that were downloaded whole, sorted.
func (c rpmCount) names() (list []string) {
	for p := range c.whole {
		list = append(list, path.Base(p))
	}
	slices.Sort(list)
	return list
}

func newRPMOrigin(t *testing.T) *rpmOrigin {
	t.Helper()
	o := &rpmOrigin{files: map[string][]byte{}, faults: map[string]http.HandlerFunc{}}
	o.forget()
	o.Server = httptest.NewServer(o)
	t.Cleanup(func() {
		o.CloseClientConnections()
		o.Close()
	})
	return o
}

// forget starts counting anew.
func (o *rpmOrigin) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.seen = rpmCount{headers: map[string]int{}, whole: map[string]int{}, metadata: map[string]int{}}
}

// count is a copy of the counters.
func (o *rpmOrigin) count() rpmCount {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := o.seen
	c.headers, c.whole, c.metadata = maps.Clone(c.headers), maps.Clone(c.whole), maps.Clone(c.metadata)
	return c
}

func (o *rpmOrigin) add(path string, content []byte) (url string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.files["/"+path] = content
	return o.URL + "/" + path
}

// fail makes a path misbehave; nil mends it.
func (o *rpmOrigin) fail(path string, h http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.faults["/"+path] = h
}

// gather keeps whole downloads waiting until n of them are under way at once,
// so that a client that asks for one after the other never gets any; those of
// the path but are let through. The channel is closed when they are.
func (o *rpmOrigin) gather(t *testing.T, n int, but string) <-chan struct{} {
	t.Helper()
	gate, met := make(chan struct{}), make(chan struct{})
	o.mu.Lock()
	defer o.mu.Unlock()
	waiting := 0
	o.hold = func(r *http.Request) {
		if r.URL.Path == "/"+but {
			return
		}
		o.mu.Lock()
		waiting++
		if waiting == n {
			close(met)
			close(gate)
		}
		o.mu.Unlock()
		select {
		case <-gate:
		case <-r.Context().Done():
		}
	}
	return met
}

// ServeHTTP implements http.Handler.
func (o *rpmOrigin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	ranged := r.Header.Get("Range") != ""
	if strings.Contains(r.URL.Path, "/repodata/") {
		o.serveMetadata(w, r)
		return
	}
	o.mu.Lock()
	content, ok := o.files[r.URL.Path]
	fault, hold := o.faults[r.URL.Path], o.hold
	if ranged {
		o.seen.headers[r.URL.Path]++
	} else {
		o.seen.whole[r.URL.Path]++
		o.seen.now++
		o.seen.atOnce = max(o.seen.atOnce, o.seen.now)
	}
	o.mu.Unlock()
	defer func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		if !ranged {
			o.seen.now--
		}
	}()
	if hold != nil && !ranged {
		hold(r)
	}
	switch {
	case fault != nil:
		fault(w, r)
	case !ok:
		http.NotFound(w, r)
	default:
		http.ServeContent(&counted{w, o, ranged}, r, "", time.Unix(1, 0), bytes.NewReader(content))
	}
}

func (o *rpmOrigin) serveMetadata(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	content, ok := o.files[r.URL.Path]
	o.seen.metadata[r.URL.Path]++
	o.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	serve(content)(w, r)
}

// counted counts the bytes of header requests.
type counted struct {
	http.ResponseWriter
	o      *rpmOrigin
	ranged bool
}

func (c *counted) Write(b []byte) (int, error) {
	n, err := c.ResponseWriter.Write(b)
	c.o.mu.Lock()
	defer c.o.mu.Unlock()
	if c.ranged {
		c.o.seen.headerBytes += int64(n)
	}
	return n, err
}
