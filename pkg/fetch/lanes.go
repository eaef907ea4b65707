package fetch

import (
	"io"
	"net/http"
	"net/url"
	"sync"
)

// maxLanes is how many HTTP/2 connections a host sees at most. Servers, and the
// way to them, bound what one connection carries; HTTP/1.1 gets around that by
// having one for each request, and net/http puts all of HTTP/2 on a single one.
const maxLanes = 4

// lanes share the requests to a host out over several connections. A request
// takes the lane with the fewest others, so one that is alone always finds the
// same connection, and no more are opened than there are requests under way.
// How many those are is the queue's business.
type lanes struct {
	mu   sync.Mutex
	load map[lanesOf]*[maxLanes]int
}

// lanesOf names the lanes that share a host. The route's own lane is 0.
type lanesOf struct {
	route route
	host  string
}

func newLanes() *lanes { return &lanes{load: map[lanesOf]*[maxLanes]int{}} }

// enter returns r with the lane for a request to u, and what to call when the
// request is over; it may be called more than once.
func (l *lanes) enter(r route, u *url.URL) (_ route, leave func()) {
	if r.http1 || u.Scheme != "https" { // one connection for each request as it is
		return r, func() {}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	of := lanesOf{r, hostPort(u)}
	load, ok := l.load[of]
	if !ok {
		load = new([maxLanes]int)
		l.load[of] = load
	}
	for i := range load {
		if load[i] < load[r.lane] {
			r.lane = i
		}
	}
	load[r.lane]++
	return r, sync.OnceFunc(func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		load[r.lane]--
	})
}

// laneBody is an answer's body that leaves the lane when it is closed.
type laneBody struct {
	io.ReadCloser
	leave func()
}

// Close implements io.Closer.
func (b laneBody) Close() error {
	defer b.leave()
	return b.ReadCloser.Close()
}

// roundTrip makes a request over one of the route's lanes.
func (c *Client) roundTrip(r route, req *http.Request) (*http.Response, error) {
	r, leave := c.lanes.enter(r, req.URL)
	resp, err := c.transports[r].RoundTrip(req)
	if err != nil {
		leave()
		return nil, err
	}
	resp.Body = laneBody{resp.Body, leave}
	return resp, nil
}
