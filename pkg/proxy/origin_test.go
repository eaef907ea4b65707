//go:build linux

package proxy

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// origin is a server that can do everything wrong.
type origin struct {
	*httptest.Server
	t testing.TB

	mu      sync.Mutex
	files   map[string]*behaviour
	now     int           // requests under way
	most    int           // the most that there ever were
	changed chan struct{} // closed and replaced when a request comes or goes
}

// behaviour is one URL's behaviour.
type behaviour struct {
	body    string
	status  int           // 0 is 200
	gate    chan struct{} // the body comes when it is closed; nil: at once
	headers bool          // headers come before the gate
	gets    int
}

func newOrigin(t testing.TB) *origin {
	o := &origin{t: t, files: map[string]*behaviour{}, changed: make(chan struct{})}
	o.Server = httptest.NewServer(o)
	t.Cleanup(func() {
		o.mu.Lock()
		for _, f := range o.files {
			f.open()
		}
		o.mu.Unlock()
		o.Close()
	})
	return o
}

func (f *behaviour) open() {
	if f.gate != nil {
		close(f.gate)
		f.gate = nil
	}
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	f := o.files[r.URL.Path]
	if f == nil {
		o.mu.Unlock()
		http.NotFound(w, r)
		return
	}
	f.gets++
	gate, headers, body, status := f.gate, f.headers, f.body, f.status
	o.count(1)
	o.mu.Unlock()
	defer func() {
		o.mu.Lock()
		o.count(-1)
		o.mu.Unlock()
	}()
	if status != 0 {
		w.WriteHeader(status)
		return
	}
	w.Header().Set("Content-Length", itoa(len(body)))
	if gate != nil {
		if headers {
			w.(http.Flusher).Flush()
		}
		select {
		case <-gate:
		case <-r.Context().Done():
			return
		}
	}
	_, _ = w.Write([]byte(body))
}

// count needs o.mu.
func (o *origin) count(n int) {
	o.now += n
	o.most = max(o.most, o.now)
	close(o.changed)
	o.changed = make(chan struct{})
}

// until waits until the condition, called with the origin locked, holds.
func (o *origin) until(what string, ok func() bool) {
	o.t.Helper()
	for {
		o.mu.Lock()
		holds, changed := ok(), o.changed
		o.mu.Unlock()
		if holds {
			return
		}
		within(o.t, what, changed)
	}
}

// serve sets what the origin has at a path, and returns its URL.
func (o *origin) serve(path string, f behaviour) string {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.files[path] = &f
	return o.URL + path
}

// release lets a gated body come.
func (o *origin) release(path string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.files[path].open()
}

func (o *origin) gets(path string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.files[path].gets
}

// forget sets the number of GETs to 0.
func (o *origin) forget() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range o.files {
		f.gets = 0
	}
}

// all is the number of GETs of all files.
func (o *origin) all() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	n := 0
	for _, f := range o.files {
		n += f.gets
	}
	return n
}

// file is a file of the tree that the origin has.
func (o *origin) file(path, body string) tree.File {
	return tree.File{
		Path: path, Size: int64(len(body)), Digest: digest.FromBytes([]byte(body)),
		URLs: []string{o.serve("/"+path, behaviour{body: body})},
	}
}

// gated is a file whose body comes when the origin releases "/"+path.
func (o *origin) gated(path, body string) tree.File {
	f := o.file(path, body)
	o.serve("/"+path, behaviour{body: body, gate: make(chan struct{})})
	return f
}
