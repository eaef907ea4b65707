package fetch

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"golang.org/x/sync/errgroup"
)

// connections is a server that notes how many requests each connection has
// carried. Its answers wait for one another, so that requests overlap for sure.
type connections struct {
	*httptest.Server
	mu      sync.Mutex
	carried map[string]int // by the client's address
	missing int            // requests to wait for before any is answered
	all     chan struct{}
}

func serveConnections(t *testing.T, http2 bool) *connections {
	s := &connections{}
	s.Server = httptest.NewUnstartedServer(s)
	s.EnableHTTP2 = http2
	s.StartTLS()
	t.Cleanup(s.Close)
	s.expect(0)
	return s
}

// expect forgets what was carried and holds the answers until n requests are there.
func (s *connections) expect(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.carried, s.missing, s.all = map[string]int{}, n, make(chan struct{})
	if n == 0 {
		close(s.all)
	}
}

func (s *connections) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.carried[r.RemoteAddr]++
	all := s.all
	if s.missing--; s.missing == 0 {
		close(all)
	}
	s.mu.Unlock()
	select {
	case <-all:
	case <-r.Context().Done():
	}
	_, _ = w.Write([]byte("file"))
}

// get makes n requests at once.
func (s *connections) get(t *testing.T, c *Client, n int) {
	t.Helper()
	s.expect(n)
	var g errgroup.Group
	for range n {
		g.Go(func() error {
			_, err := c.Get(t.Context(), Request{URLs: []string{s.URL}, Size: 4, Priority: Demand}, &memSink{})
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

func TestRequestsAtOnceShareSeveralHTTP2Connections(t *testing.T) {
	s := serveConnections(t, true)
	c := realClient(t, s.Server)
	s.get(t, c, 2*maxLanes)
	if len(s.carried) != maxLanes {
		t.Errorf("%d connections, not %d, have carried %v", len(s.carried), maxLanes, s.carried)
	}
	for addr, n := range s.carried {
		if n != 2 {
			t.Errorf("%s has carried %d of %d requests", addr, n, 2*maxLanes)
		}
	}
}

func TestRequestsOneByOneStayOnOneHTTP2Connection(t *testing.T) {
	s := serveConnections(t, true)
	c := realClient(t, s.Server)
	s.get(t, c, 2*maxLanes) // which leave their lanes
	used := map[string]bool{}
	for range 3 {
		s.get(t, c, 1)
		for addr := range s.carried {
			used[addr] = true
		}
	}
	if len(used) != 1 {
		t.Errorf("three requests have used %v", used)
	}
}

// HTTP/1.1 has a connection for each request, whatever lane it is in.
func TestHTTP1RequestsAtOnceHaveTheirOwnConnections(t *testing.T) {
	s := serveConnections(t, false)
	c := realClient(t, s.Server)
	s.get(t, c, 2*maxLanes)
	if len(s.carried) != 2*maxLanes {
		t.Errorf("the connections have carried %v", s.carried)
	}
}

// A lane is left also when the answer never comes, or is not read.
func TestAFailedRequestLeavesItsLane(t *testing.T) {
	s := serveConnections(t, true)
	s.Config.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })
	c := realClient(t, s.Server)
	_, err := c.Get(t.Context(), Request{URLs: []string{s.URL}, Size: 4, Priority: Demand}, &memSink{})
	if _, ok := errors.AsType[*Error](err); !ok {
		t.Fatalf("Get = %v", err)
	}
	for of, load := range c.lanes.load {
		if *load != [maxLanes]int{} {
			t.Errorf("the lanes of %v have the load %v", of, *load)
		}
	}
}
