package origin

import (
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"net"
	"net/http"
	"os"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// Server serves files over a Link. Its zero value is of no use; see New.
type Server struct {
	// URL is the server's address, without a slash at the end.
	URL string
	// CA is the authority of the server's certificate, PEM; nil without HTTPS.
	CA []byte

	http     *http.Server
	link     atomic.Pointer[Link]
	faults   atomic.Pointer[Faults]
	line     pace
	mu       sync.RWMutex
	files    map[string]string // path of the URL to the local file
	pages    map[string][]byte
	requests atomic.Int64
	failed   atomic.Int64
	conns    atomic.Int64
	bytes    atomic.Int64
}

// Faults says how often the server answers wrong: every n-th request, 0 for never.
type Faults struct {
	// Busy answers 503 with Retry-After: 1. Cut ends the connection in the
	// middle of the body.
	Busy, Cut int64
}

// New starts a server on a free port of the loopback, with HTTPS and HTTP/2 if it
// is to be secure. Whoever makes it calls Close.
func New(secure bool) (*Server, error) {
	l, err := new(net.ListenConfig).Listen(context.Background(), "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	s := &Server{URL: "http://" + l.Addr().String(), files: map[string]string{}, pages: map[string][]byte{}}
	s.Use(Link{})
	s.Fail(Faults{})
	s.http = &http.Server{
		Handler: s,
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, connKey{}, plain(c))
		},
	}
	if !secure {
		go func() { _ = s.http.Serve(&listener{l, s}) }()
		return s, nil
	}
	cert, authority, err := certificate()
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	s.URL = "https://" + l.Addr().String()
	s.CA = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: authority})
	s.http.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12}
	go func() { _ = s.http.ServeTLS(&listener{l, s}, "", "") }()
	return s, nil
}

// plain is the connection below TLS.
func plain(c net.Conn) net.Conn {
	if t, ok := c.(*tls.Conn); ok {
		return t.NetConn()
	}
	return c
}

type connKey struct{}

// Close ends the server and its connections.
func (s *Server) Close() error { return s.http.Close() }

// Use puts another link in front of the server, for connections that are open too.
func (s *Server) Use(l Link) { s.link.Store(&l) }

// Fail makes the server answer wrong from now on.
func (s *Server) Fail(f Faults) { s.faults.Store(&f) }

// AddFile publishes a local file and returns its URL. path begins with a slash.
func (s *Server) AddFile(path, file string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[path] = file
	return s.URL + path
}

// AddPage publishes a text and returns its URL.
func (s *Server) AddPage(path string, text []byte) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.pages[path] = text
	return s.URL + path
}

// Traffic is what a server was asked for and sent.
type Traffic struct {
	Requests, Connections, Failed, Bytes int64
}

// Traffic returns what happened since the last call.
func (s *Server) Traffic() Traffic {
	return Traffic{s.requests.Swap(0), s.conns.Swap(0), s.failed.Swap(0), s.bytes.Swap(0)}
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := s.requests.Add(1)
	if c, ok := r.Context().Value(connKey{}).(*conn); ok {
		time.Sleep(c.delay(time.Now()))
	}
	f := s.faults.Load()
	if f.Busy > 0 && n%f.Busy == 0 {
		s.failed.Add(1)
		w.Header().Set("Retry-After", "1")
		http.Error(w, "busy", http.StatusServiceUnavailable)
		return
	}
	s.mu.RLock()
	file, isFile := s.files[r.URL.Path]
	page, isPage := s.pages[r.URL.Path]
	s.mu.RUnlock()
	switch {
	case isFile && f.Cut > 0 && n%f.Cut == 0:
		s.failed.Add(1)
		s.cut(w, file)
	case isFile:
		s.send(w, r, file)
	case isPage:
		w.Header().Set("Content-Type", "text/html")
		w.Header().Set("Cache-Control", "max-age=600")
		_, _ = w.Write(page)
	default:
		http.NotFound(w, r)
	}
}

func (s *Server) send(w http.ResponseWriter, r *http.Request, file string) {
	f, err := os.Open(file)
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	defer f.Close()
	// As package indexes say it; pip keeps nothing without.
	w.Header().Set("Cache-Control", "max-age=31536000, immutable")
	w.Header().Set("Content-Type", "application/octet-stream")
	http.ServeContent(w, r, "", time.Unix(1, 0), f)
}

// cut sends the first half of a file and hangs up.
func (s *Server) cut(w http.ResponseWriter, file string) {
	data, err := os.ReadFile(file)
	if err == nil {
		w.Header().Set("Content-Length", strconv.Itoa(len(data)))
		_, _ = w.Write(data[:len(data)/2])
	}
	panic(http.ErrAbortHandler)
}
