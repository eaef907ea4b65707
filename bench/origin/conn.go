package origin

import (
	"net"
	"time"
)

// chunk is how much is sent at once: small enough that connections share a slow
// link evenly, large enough that a fast one is no work.
const chunk = 32 << 10

// listener makes connections slow.
type listener struct {
	net.Listener
	s *Server
}

// Accept implements net.Listener.
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	l.s.conns.Add(1)
	return &conn{Conn: c, s: l.s, born: time.Now()}, nil
}

// conn is a connection that sends as fast as the link lets it.
type conn struct {
	net.Conn
	s    *Server
	own  pace
	born time.Time
}

// Write implements net.Conn.
func (c *conn) Write(b []byte) (sent int, err error) {
	for len(b) > 0 && err == nil {
		part := b[:min(len(b), chunk)]
		b = b[len(part):]
		link, now := c.s.link.Load(), time.Now()
		all := c.s.line.reserve(len(part), link.Rate, now)
		own := c.own.reserve(len(part), link.PerConn, now)
		if own.After(all) {
			all = own
		}
		time.Sleep(time.Until(all))
		var n int
		n, err = c.Conn.Write(part)
		sent += n
		c.s.bytes.Add(int64(n))
	}
	return sent, err
}

// delay is how long the answer to a request on the connection takes to begin.
// Requests that come at once over a new connection all wait for its handshakes.
func (c *conn) delay(now time.Time) time.Duration {
	rtt := c.s.link.Load().RTT
	return rtt + max(0, c.born.Add(Handshakes*rtt).Sub(now))
}
