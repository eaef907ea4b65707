package fetch

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a network in memory, so that the tests' time is synctest's and
// nothing ever sleeps. Each host has an address, and a server that is a handler.
type world struct {
	t     *testing.T
	mu    sync.Mutex
	hosts map[string]*memHost // by "name:port"
	dials []string            // in order
	stop  []func()
}

type memHost struct {
	ip      string
	conns   chan net.Conn
	dialErr error
	garble  atomic.Int32 // how many TLS handshakes to break
	cert    atomic.Pointer[tls.Certificate]
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, hosts: map[string]*memHost{}}
	t.Cleanup(func() {
		for _, f := range w.stop {
			f()
		}
		time.Sleep(2 * time.Second) // synctest's; the pipes give up what nobody reads
	})
	return w
}

// serve starts a server at "name:port"; port 443 means TLS.
func (w *world) serve(addr, ip string, h http.Handler) *memHost {
	host := &memHost{ip: ip, conns: make(chan net.Conn)}
	done := make(chan struct{})
	l := &memListener{host: host, done: done}
	srv := &http.Server{Handler: h, TLSNextProto: map[string]func(*http.Server, *tls.Conn, http.Handler){}}
	srv.ErrorLog = discardLog
	name, port, _ := net.SplitHostPort(addr)
	var ln net.Listener = l
	if port == "443" {
		host.cert.Store(goodCA().issue(name))
		ln = tls.NewListener(l, &tls.Config{
			ClientAuth:     tls.RequestClientCert,
			GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return host.cert.Load(), nil },
		})
	}
	go srv.Serve(ln)
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts[addr] = host
	w.stop = append(w.stop, func() { srv.Close() })
	return host
}

func (w *world) dial(ctx context.Context, _, addr string) (net.Conn, error) {
	w.mu.Lock()
	w.dials = append(w.dials, addr)
	h := w.hosts[addr]
	var err error
	if h != nil {
		err = h.dialErr
	}
	w.mu.Unlock()
	if h == nil {
		name, _, _ := net.SplitHostPort(addr)
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}}
	}
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	a, b := net.Pipe()
	c, s := newMemConn(a, h.ip), newMemConn(b, "203.0.113.99")
	c.peer, s.peer = s, c
	if h.garble.Add(-1) >= 0 {
		s.Close()
		return c, nil
	}
	select {
	case h.conns <- s:
		return c, nil
	case <-ctx.Done():
		c.Close()
		s.Close()
		return nil, ctx.Err()
	}
}

func (w *world) cut(addr string, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.hosts[addr].dialErr = err
}

func (w *world) client(o Options) *Client {
	w.t.Helper()
	o.Dial = w.dial
	o.SystemCAs = goodCA().pem
	c, err := New(o)
	if err != nil {
		w.t.Fatal(err)
	}
	w.stop = append(w.stop, c.Close)
	return c
}

type memListener struct {
	host *memHost
	once sync.Once
	done chan struct{}
}

func (l *memListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.host.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *memListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *memListener) Addr() net.Addr { return &net.TCPAddr{} }

// memConn is an end of a pipe with an address and a send buffer (TLS would
// block for ever without one), whose other end can be reset.
type memConn struct {
	net.Conn
	ip    string
	peer  *memConn
	reset atomic.Bool
	out   chan []byte
	once  sync.Once
	done  chan struct{}
}

func newMemConn(pipe net.Conn, ip string) *memConn {
	c := &memConn{Conn: pipe, ip: ip, out: make(chan []byte, 64), done: make(chan struct{})}
	go c.pump()
	return c
}

// pump sends what was written, also after Close, as a kernel does.
func (c *memConn) pump() {
	defer c.Conn.Close()
	for {
		select {
		case b := <-c.out:
			if _, err := c.Conn.Write(b); err != nil {
				return
			}
			continue
		default:
		}
		select {
		case b := <-c.out:
			if _, err := c.Conn.Write(b); err != nil {
				return
			}
		case <-c.done:
			if len(c.out) == 0 {
				return
			}
		}
	}
}

func (c *memConn) Write(b []byte) (int, error) {
	select {
	case <-c.done:
		return 0, net.ErrClosed
	case <-c.peer.done:
		return 0, syscall.EPIPE
	case c.out <- bytes.Clone(b):
		return len(b), nil
	}
}

func (c *memConn) Close() error {
	c.once.Do(func() {
		close(c.done)
		c.SetReadDeadline(time.Unix(1, 0))
		c.SetWriteDeadline(time.Now().Add(time.Second)) // the other end may be gone too
	})
	return nil
}

func (c *memConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.ParseIP(c.ip), Port: 443} }

func (c *memConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if errors.Is(err, io.EOF) && c.peer.reset.Load() {
		err = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	}
	return n, err
}

// resetConn ends the connection of a handler as a crashed server would.
func resetConn(w http.ResponseWriter) {
	http.NewResponseController(w).Flush()
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(err)
	}
	raw := conn
	if tc, ok := conn.(*tls.Conn); ok {
		raw = tc.NetConn()
	}
	raw.(*memConn).reset.Store(true)
	raw.Close()
}

// memSink is a Sink in memory.
type memSink struct {
	bytes.Buffer
	sizes  []int64
	resets int
	fail   error // of Write
	full   error // of SetSize
}

func (s *memSink) Offset() int64 { return int64(s.Len()) }
func (s *memSink) Reset() error  { s.resets++; s.Buffer.Reset(); return nil }
func (s *memSink) SetSize(n int64) error {
	s.sizes = append(s.sizes, n)
	return s.full
}
func (s *memSink) Write(b []byte) (int, error) {
	if s.fail != nil {
		return 0, s.fail
	}
	return s.Buffer.Write(b)
}

var _ Sink = (*memSink)(nil)

// authority is a certificate authority for tests.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	pem  []byte
}

var (
	goodCA = sync.OnceValue(newAuthority)
	evilCA = sync.OnceValue(newAuthority)
)

// template is valid at synctest's time (2000) and at ours.
func template(name string) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Date(1990, 1, 1, 0, 0, 0, 0, time.UTC), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, BasicConstraintsValid: true,
	}
}

func newAuthority() *authority {
	key := newKey()
	ca := template("a test authority")
	ca.IsCA = true
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, &key.PublicKey, key)
	if err != nil {
		panic(err)
	}
	cert, _ := x509.ParseCertificate(der)
	return &authority{cert, key, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})}
}

func (a *authority) issue(name string) *tls.Certificate {
	key := newKey()
	der, err := x509.CreateCertificate(rand.Reader, template(name), a.cert, &key.PublicKey, a.key)
	if err != nil {
		panic(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func newKey() *ecdsa.PrivateKey {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	return key
}
