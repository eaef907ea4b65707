//go:build linux

package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"path"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lazybuild/lazybuild/bench/synth"
	"github.com/lazybuild/lazybuild/pkg/rpm"
)

// origins are the lock's hosts.
type origins struct {
	servers  map[string]*httptest.Server
	files    map[string]*synth.Package // by host and path
	metadata map[string][]byte         // the repositories' own, the same way; set while nothing is served
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

// publish gives the repositories metadata of their own, or takes it away.
func (o *origins) publish(packages []*synth.Package, on bool) error {
	o.metadata = map[string][]byte{}
	if !on {
		return nil
	}
	entries := map[string][]rpm.Entry{}
	for _, p := range packages {
		facts, err := rpm.ParseHeader(p.Head)
		if err != nil {
			return err
		}
		dir := p.Host + path.Dir(o.path(p))
		entries[dir] = append(entries[dir], rpm.Entry{Package: facts, Href: p.File, Digest: p.Digest, Size: p.Length})
	}
	for dir, list := range entries {
		made, err := rpm.Write(list, nil, rpm.Options{})
		if err != nil {
			return err
		}
		for _, f := range made.Files {
			o.metadata[dir+"/repodata/"+f.Name] = f.Data
		}
	}
	return nil
}

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
	time.Sleep(o.latency)
	name := host + r.URL.Path
	if p := o.files[name]; p != nil {
		http.ServeContent(&slow{w, o}, r, "", time.Unix(1, 0), p.Content())
	} else if data := o.metadata[name]; data != nil {
		http.ServeContent(&slow{w, o}, r, "", time.Unix(1, 0), bytes.NewReader(data))
	} else {
		http.NotFound(w, r)
	}
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
