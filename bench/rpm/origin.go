//go:build linux

package main

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lazybuild/lazybuild/bench/synth"
)

// origins are the lock's hosts.
type origins struct {
	servers  map[string]*httptest.Server
	files    map[string]*synth.Package // by host and path
	latency  time.Duration
	line     *line
	requests atomic.Int64
	bytes    atomic.Int64
}

func newOrigins(packages []*synth.Package, latency time.Duration, rate int64) *origins {
	o := &origins{servers: map[string]*httptest.Server{}, files: map[string]*synth.Package{}, latency: latency, line: &line{rate: rate}}
	for _, p := range packages {
		if o.servers[p.Host] == nil {
			host := p.Host
			o.servers[host] = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { o.serve(host, w, r) }))
		}
		o.files[p.Host+o.path(p)] = p
	}
	return o
}

func (o *origins) path(p *synth.Package) string { return "/" + p.Repoid + "/" + p.File }

// url is where a package is.
func (o *origins) url(p *synth.Package) string { return o.servers[p.Host].URL + o.path(p) }

func (o *origins) close() {
	for _, s := range o.servers {
		s.CloseClientConnections()
		s.Close()
	}
}

func (o *origins) serve(host string, w http.ResponseWriter, r *http.Request) {
	o.requests.Add(1)
	p := o.files[host+r.URL.Path]
	if p == nil {
		http.NotFound(w, r)
		return
	}
	time.Sleep(o.latency)
	http.ServeContent(&slow{w, o}, r, "", time.Unix(1, 0), p.Content())
}

// taken is what was asked for since the last call.
func (o *origins) taken() (requests, bytes int64) { return o.requests.Swap(0), o.bytes.Swap(0) }

// slow writes as fast as the line lets it.
type slow struct {
	http.ResponseWriter
	o *origins
}

func (s *slow) Write(b []byte) (int, error) {
	s.o.line.pass(len(b))
	n, err := s.ResponseWriter.Write(b)
	s.o.bytes.Add(int64(n))
	return n, err
}

// line is a bandwidth that all connections share.
type line struct {
	rate int64
	mu   sync.Mutex
	free time.Time // when the line has sent all that was given to it
}

func (l *line) pass(n int) {
	if l.rate <= 0 {
		return
	}
	l.mu.Lock()
	now := time.Now()
	if l.free.Before(now) {
		l.free = now
	}
	l.free = l.free.Add(time.Duration(float64(n) / float64(l.rate) * float64(time.Second)))
	wait := l.free.Sub(now)
	l.mu.Unlock()
	time.Sleep(wait)
}
