package fetch

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
)

// Shows S49.
func TestCredentialsAreForTheirHostAndPathAlone(t *testing.T) {
	keys, err := newKeyring([]Credential{
		{Host: "example.org", PathPrefix: "/private/", Bearer: "b"},
		{Host: "example.org", User: "u", Password: "p"},
		{Host: "example.org", User: "later", Password: "p"},
		{Host: "ports.example.org:8443", Header: http.Header{"Private-Token": {"t"}}},
		{Host: "plain.example.org", Bearer: "plain", PlainHTTP: true},
		{Host: "localhost", Bearer: "local"},
	})
	if err != nil {
		t.Fatal(err)
	}
	basic := func(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }
	for raw, want := range map[string]string{
		"https://example.org/a":                     basic("u:p"),
		"https://EXAMPLE.org:444/a":                 basic("u:p"),
		"https://example.org/private/a":             "Bearer b",
		"https://example.org/private":               "Bearer b",
		"https://example.org/privateer":             basic("u:p"),
		"https://example.org/private/../a":          basic("u:p"),
		"http://example.org/a":                      "",
		"https://sub.example.org/a":                 "",
		"https://example.org.evil.example/a":        "",
		"http://plain.example.org/a":                "Bearer plain",
		"http://localhost:81/a":                     "Bearer local",
		"https://ports.example.org/a":               "",
		"https://me:secret@example.org/a":           basic("me:secret"),
		"https://me:secret@elsewhere.example.net/a": basic("me:secret"),
	} {
		tg, bad := (&Client{}).parseTarget(raw)
		if bad != nil {
			t.Fatal(bad)
		}
		h := http.Header{}
		keys.authorize(h, tg.url, tg)
		if got := h.Get("Authorization"); got != want {
			t.Errorf("Authorization for %s = %q, want %q", raw, got, want)
		}
	}
	u, _ := url.Parse("https://ports.example.org:8443/a")
	h := http.Header{}
	keys.authorize(h, u, &target{url: u})
	if h.Get("Private-Token") != "t" {
		t.Errorf("headers = %v", h)
	}
}

// Shows S49.
func TestAURLsPasswordDoesNotFollowARedirect(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world, c *Client, o, _ *origin) {
		w.serve("cdn.example.net:443", "203.0.113.9", noCredentials(t, newOrigin(t)))
		o.script = []step{redirectTo("/again"), redirectTo("https://other:password@cdn.example.net/x")}
		mustGet(t, c, Request{URLs: []string{"https://user:password@example.org/file"}, Size: -1}, &memSink{})
		for _, r := range o.requests {
			if user, password, _ := r.BasicAuth(); user != "user" || password != "password" {
				t.Errorf("%s had no credentials", r.URL)
			}
		}
	})
}

func TestALocalOriginMayRedirectToALocalAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		c := w.client(Options{})
		w.serve("registry.example:80", "127.0.0.1", newOrigin(t, redirectTo("http://127.0.0.1:5000/x")))
		w.serve("127.0.0.1:5000", "127.0.0.1", newOrigin(t))
		mustGet(t, c, Request{URLs: []string{"http://registry.example/file"}, Size: -1}, &memSink{})
	})
}

// Shows S50.
func TestARefusedRedirectSendsNothing(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, w *world, c *Client, o, _ *origin) {
		private := newOrigin(t)
		w.serve("evil.example.net:443", "127.0.0.1", private)
		o.script = []step{redirectTo("https://evil.example.net/x")}
		_, err := c.Get(t.Context(), Request{URLs: []string{fileURL}, Size: -1}, &memSink{})
		if !errors.Is(err, errLocalAddress) || private.count() != 0 {
			t.Errorf("Get = %v; the private server saw %d requests", err, private.count())
		}
	})
}

func TestProxyDown(t *testing.T) {
	inWorld(t, Options{Proxy: Proxy{HTTPS: "http://user:password@proxy.example:3128"}}, func(t *testing.T, w *world, c *Client, _, _ *origin) {
		w.serve("proxy.example:3128", "127.0.0.1", newOrigin(t))
		w.cut("proxy.example:3128", syscall.ECONNREFUSED)
		_, err := c.Get(t.Context(), Request{URLs: []string{fileURL}, Size: -1}, &memSink{})
		if err == nil || IsPermanent(err) || !strings.Contains(err.Error(), "HTTPS_PROXY") {
			t.Errorf("Get = %v", err)
		}
		checkMessage(t, err)
	})
}

// TestProxy goes through a proxy at a local address, also after a redirect, and
// around it for the hosts in No.
func TestProxy(t *testing.T) {
	o := Options{Proxy: Proxy{HTTPS: "http://user:password@proxy.example:3128", No: "example.net"}}
	inWorld(t, o, func(t *testing.T, w *world, c *Client, o, m *origin) {
		var seen []string
		w.serve("proxy.example:3128", "127.0.0.1", http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			seen = append(seen, r.Method+" "+r.Host)
			if r.Header.Get("Proxy-Authorization") == "" {
				rw.WriteHeader(http.StatusProxyAuthRequired)
				return
			}
			tunnel(t, w, rw, r)
		}))
		w.serve("cdn.example.com:443", "203.0.113.9", newOrigin(t))
		o.script = []step{redirectTo("https://cdn.example.com/x")}
		mustGet(t, c, Request{URLs: []string{fileURL}, Size: -1}, &memSink{})
		mustGet(t, c, Request{URLs: twoURLs[1:], Size: -1}, &memSink{})
		if !slices.Equal(seen, []string{"CONNECT example.org:443", "CONNECT cdn.example.com:443"}) || m.count() != 1 {
			t.Errorf("the proxy saw %v", seen)
		}
		o.script = []step{redirectTo("https://localhost/x")}
		if _, err := c.Get(t.Context(), Request{URLs: []string{fileURL}, Size: -1}, &memSink{}); !errors.Is(err, errLocalAddress) {
			t.Errorf("redirect to this machine through a proxy: %v", err)
		}
	})
}

func TestAProxyThatRefuses(t *testing.T) {
	inWorld(t, Options{Proxy: Proxy{HTTPS: "proxy.example:3128"}}, func(t *testing.T, w *world, c *Client, _, _ *origin) {
		w.serve("proxy.example:3128", "203.0.113.5", http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) {
			conn, _, _ := http.NewResponseController(rw).Hijack()
			io.WriteString(conn, "HTTP/1.1 407 \x1b[2JPay me\r\nContent-Length: 0\r\n\r\n")
			conn.Close()
		}))
		_, err := c.Get(t.Context(), Request{URLs: []string{fileURL}, Size: -1}, &memSink{})
		if !IsPermanent(err) || !strings.Contains(err.Error(), "407") {
			t.Errorf("Get = %v", err)
		}
		checkMessage(t, err)
	})
}

// tunnel does CONNECT.
func tunnel(t *testing.T, w *world, rw http.ResponseWriter, r *http.Request) {
	up, err := w.dial(r.Context(), "tcp", r.Host)
	if err != nil {
		t.Error(err)
		return
	}
	conn, buf, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		t.Error(err)
		return
	}
	io.WriteString(conn, "HTTP/1.1 200 OK\r\n\r\n")
	go pipe(up, buf.Reader, conn)
	go pipe(conn, bufio.NewReader(up), up)
}

func pipe(to net.Conn, from io.Reader, close io.Closer) {
	io.Copy(to, from)
	to.Close()
	close.Close()
}

func TestExtraCAsAreTrustedBesidesTheSystems(t *testing.T) {
	inWorld(t, Options{ExtraCAs: [][]byte{evilCA().pem}}, func(t *testing.T, w *world, c *Client, _, _ *origin) {
		w.hosts["example.net:443"].cert.Store(evilCA().issue("example.net"))
		mustGet(t, c, Request{URLs: twoURLs[:1], Size: -1}, &memSink{})
		mustGet(t, c, Request{URLs: twoURLs[1:], Size: -1}, &memSink{})
	})
}

// Shows S49.
func TestAClientCertificateIsShownToItsHostAlone(t *testing.T) {
	cert := goodCA().issue("a client")
	key, _ := x509.MarshalPKCS8PrivateKey(cert.PrivateKey.(*ecdsa.PrivateKey))
	cred := Credential{
		Host:    "example.org",
		CertPEM: pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}),
		KeyPEM:  pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}),
	}
	inWorld(t, Options{Credentials: []Credential{cred}}, func(t *testing.T, _ *world, c *Client, o, m *origin) {
		o.script = []step{redirectTo("https://example.net/file")}
		mustGet(t, c, Request{URLs: []string{fileURL}, Size: -1}, &memSink{})
		shown := func(s *tls.ConnectionState) bool { return len(s.PeerCertificates) == 1 }
		if !shown(o.requests[0].TLS) || shown(m.requests[0].TLS) {
			t.Errorf("certificate shown to its host: %v, to the other: %v", shown(o.requests[0].TLS), shown(m.requests[0].TLS))
		}
	})
}

func TestNewRefusesUnusableOptions(t *testing.T) {
	for name, o := range map[string]Options{
		"system CAs":  {SystemCAs: []byte("secret")},
		"extra CAs":   {ExtraCAs: [][]byte{nil}},
		"proxy":       {Proxy: Proxy{HTTPS: "https://user:password@:1:2"}},
		"proxy kind":  {Proxy: Proxy{HTTP: "ftp://user:password@example.org"}},
		"no host":     {Credentials: []Credential{{User: "secret"}}},
		"certificate": {Credentials: []Credential{{Host: "example.org", CertPEM: []byte("secret")}}},
	} {
		if _, err := New(o); err == nil {
			t.Errorf("%s: no error", name)
		} else {
			checkMessage(t, err)
		}
	}
}

func TestRangeHoldsTheServerToItsWord(t *testing.T) {
	body := content()
	part := func(header string, n int) step {
		return func(_ *origin, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Range", header)
			w.WriteHeader(http.StatusPartialContent)
			w.Write(body[100 : 100+n])
		}
	}
	for name, tt := range map[string]struct {
		script []step
		err    error
		total  int64
	}{
		"exact":              {script: []step{part("bytes 100-199/5000", 100)}, total: 5000},
		"no total":           {script: []step{part("bytes 100-199/*", 100)}, total: -1},
		"after 500":          {script: []step{status(500), part("bytes 100-199/5000", 100)}, total: 5000},
		"broken body":        {script: []step{part("bytes 100-199/5000", 60), part("bytes 100-199/5000", 100)}, total: 5000},
		"other start":        {script: []step{part("bytes 99-198/5000", 100)}, err: errMismatch},
		"short, not the end": {script: []step{part("bytes 100-150/5000", 51)}, err: errMismatch},
		"too far":            {script: []step{part("bytes 100-200/5000", 101)}, err: errMismatch},
		"longer body":        {script: []step{part("bytes 100-199/5000", 101)}, err: ErrTooLong},
		"no header":          {script: []step{part("", 100)}, err: errMismatch},
		"404":                {script: []step{status(404)}, err: errAny},
		"416":                {script: []step{status(416)}, err: errAny},
		"redirect home":      {script: []step{redirectTo("https://[::1]/")}, err: errLocalAddress},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, _ *origin) {
				o.script = tt.script
				r, err := c.Range(t.Context(), fileURL, 100, 200)
				switch {
				case errors.Is(tt.err, errAny) && err != nil:
				case !errors.Is(err, tt.err):
					t.Errorf("Range = %v, want %v", err, tt.err)
				case err == nil && (!bytes.Equal(r.Data, body[100:200]) || r.Total != tt.total || r.Whole):
					t.Errorf("Range = %d bytes of %d, whole %v", len(r.Data), r.Total, r.Whole)
				}
				if o.requests[0].Header.Get("Range") != "bytes=100-199" {
					t.Errorf("Range header = %q", o.requests[0].Header.Get("Range"))
				}
			})
		})
	}
}

func TestRangeOfAServerThatIgnoresRanges(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, _ *origin) {
		o.script = []step{ignoreRange, ignoreRange}
		r, err := c.Range(t.Context(), fileURL, 0, 50)
		if err != nil || !r.Whole || !bytes.Equal(r.Data, o.content[:50]) || r.Total != int64(len(o.content)) {
			t.Errorf("Range from 0 = %+v, %v", r, err)
		}
		r, err = c.Range(t.Context(), fileURL, 10, 50)
		if err != nil || !r.Whole || !bytes.Equal(r.Data, o.content[:50]) {
			t.Errorf("Range from 10 = %+v, %v", r, err)
		}
		if _, err := c.Range(t.Context(), fileURL, 5, 5); err == nil {
			t.Error("an empty range was accepted")
		}
		if _, err := c.Range(t.Context(), fileURL, 0, MaxRange+1); err == nil {
			t.Error("a huge range was accepted")
		}
	})
}

func TestRangeAtTheEndOfTheFileIsShort(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, _ *origin) {
		n := int64(len(o.content))
		r, err := c.Range(t.Context(), fileURL, n-10, n+10)
		if err != nil || len(r.Data) != 10 || r.Total != n {
			t.Errorf("Range = %+v, %v", r, err)
		}
	})
}

func TestHeadFallsBackToARange(t *testing.T) {
	first := func(_ *origin, w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Range", "bytes 0-0/777")
		w.WriteHeader(http.StatusPartialContent)
		w.Write([]byte{0})
	}
	for name, tt := range map[string]struct {
		script []step
		want   int64
	}{
		"answers":     {[]step{good}, int64(len(content()))},
		"not allowed": {[]step{status(405), first}, 777},
		"signed":      {[]step{status(403), first}, 777},
		"no length":   {[]step{func(_ *origin, w http.ResponseWriter, _ *http.Request) {}, first}, 777},
		"compressed":  {[]step{status(200, "Content-Encoding", "gzip"), first}, 777},
		"empty":       {[]step{status(405), status(416)}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, m *origin) {
				o.script, m.script = tt.script, []step{status(404)}
				n, err := c.Head(t.Context(), []string{twoURLs[1], fileURL})
				if err != nil || n != tt.want {
					t.Errorf("Head = %d, %v, want %d", n, err, tt.want)
				}
			})
		})
	}
	inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, m *origin) {
		o.script, m.script = []step{status(404)}, []step{status(410)}
		var e *Error
		if _, err := c.Head(t.Context(), twoURLs); !errors.As(err, &e) || e.Status != 404 {
			t.Errorf("Head = %v", err)
		}
	})
}
