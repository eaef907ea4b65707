//go:build e2e

package e2e

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// origin is a download server that counts, and can misbehave. Containers reach
// it over the loopback: the proxy uses the host's network.
type origin struct {
	*httptest.Server

	mu    sync.Mutex
	files map[string][]byte
	gets  map[string]int
	// serve, when set for a path, answers in the file's place.
	serve map[string]http.HandlerFunc
	asked map[string]chan struct{}
	// every, when set, may answer any request in the file's place.
	every func(w http.ResponseWriter, r *http.Request, content []byte) (answered bool)
}

func newOrigin(t *testing.T) *origin {
	t.Helper()
	o := &origin{
		files: map[string][]byte{}, gets: map[string]int{},
		serve: map[string]http.HandlerFunc{}, asked: map[string]chan struct{}{},
	}
	o.Server = httptest.NewServer(o)
	t.Cleanup(func() {
		// Requests that a test keeps hanging must not keep Close waiting.
		o.CloseClientConnections()
		o.Close()
	})
	return o
}

// ServeHTTP serves the files with ranges, as download servers do.
func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	content, ok := o.files[r.URL.Path]
	handler, every := o.serve[r.URL.Path], o.every
	if r.Method == http.MethodGet {
		o.gets[r.URL.Path]++
		if c := o.asked[r.URL.Path]; c != nil {
			close(c)
			delete(o.asked, r.URL.Path)
		}
	}
	o.mu.Unlock()
	switch {
	case handler != nil:
		handler(w, r)
	case ok && every != nil && every(w, r, content):
	case ok:
		http.ServeContent(w, r, r.URL.Path, time.Unix(1, 0), strings.NewReader(string(content)))
	default:
		http.NotFound(w, r)
	}
}

// add publishes a file and returns its URL.
func (o *origin) add(path string, content []byte) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.files["/"+path] = content
	return o.URL + "/" + path
}

// answer makes a path misbehave.
func (o *origin) answer(path string, h http.HandlerFunc) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.serve["/"+path] = h
}

// hang makes a path's answer stall in the middle until release is called.
func (o *origin) hang(t *testing.T, path string) (release func()) {
	t.Helper()
	gate := make(chan struct{})
	release = sync.OnceFunc(func() { close(gate) })
	t.Cleanup(release)
	content := o.files["/"+path]
	o.answer(path, func(w http.ResponseWriter, r *http.Request) {
		select {
		case <-gate:
			http.ServeContent(w, r, path, time.Unix(1, 0), strings.NewReader(string(content)))
		case <-r.Context().Done():
		}
	})
	return release
}

// requested is closed at the next GET of a path.
func (o *origin) requested(path string) <-chan struct{} {
	o.mu.Lock()
	defer o.mu.Unlock()
	c := make(chan struct{})
	o.asked["/"+path] = c
	return c
}

// count returns how many GETs a path has seen; of all paths for "".
func (o *origin) count(path string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for p, c := range o.gets {
		if path == "" || p == "/"+path {
			n += c
		}
	}
	return n
}

// paths lists what was asked for, sorted.
func (o *origin) paths() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	var list []string
	for p := range o.gets {
		list = append(list, p)
	}
	slices.Sort(list)
	return list
}
