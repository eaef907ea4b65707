package fetch

import (
	"bytes"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"testing"
	"time"
)

// realClient trusts the server's certificate and retries at once.
func realClient(t testing.TB, srv *httptest.Server) *Client {
	o := Options{Backoff: func(int) time.Duration { return 0 }}
	if cert := srv.Certificate(); cert != nil {
		o.SystemCAs = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Raw})
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

// nowhere is a Sink that only counts.
type nowhere struct{ n int64 }

func (s *nowhere) Write(b []byte) (int, error) { s.n += int64(len(b)); return len(b), nil }
func (s *nowhere) Offset() int64               { return s.n }
func (s *nowhere) Reset() error                { s.n = 0; return nil }
func (s *nowhere) SetSize(int64) error         { return nil }

func BenchmarkGet(b *testing.B) {
	for _, size := range []int64{10 << 10, 1 << 20, 64 << 20} {
		for _, proto := range []string{"http1", "tls1", "http2"} {
			b.Run(proto+"/"+strconv.FormatInt(size>>10, 10)+"KiB", func(b *testing.B) { benchmarkGet(b, proto, size) })
		}
	}
}

func benchmarkGet(b *testing.B, proto string, size int64) {
	chunk := make([]byte, 1<<20)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
		for left := size; left > 0; left -= min(left, int64(len(chunk))) {
			w.Write(chunk[:min(left, int64(len(chunk)))])
		}
	}))
	srv.EnableHTTP2 = proto == "http2"
	if proto == "http1" {
		srv.Start()
	} else {
		srv.StartTLS()
	}
	defer srv.Close()
	c := realClient(b, srv)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.Get(b.Context(), Request{URLs: []string{srv.URL}, Size: size}, &nowhere{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkPlainGet is net/http and io.Copy alone, to compare with.
func BenchmarkPlainGet(b *testing.B) {
	chunk := make([]byte, 64<<20)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.Write(chunk) }))
	defer srv.Close()
	b.SetBytes(int64(len(chunk)))
	b.ReportAllocs()
	for b.Loop() {
		resp, err := http.Get(srv.URL)
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(struct{ io.Writer }{&nowhere{}}, resp.Body)
		resp.Body.Close()
	}
}

// BenchmarkSegments gets a large file from a server that does ranges, by one
// connection and by four. On one machine it shows the cost of the pieces; the
// gain is for links and servers that hold one connection back.
func BenchmarkSegments(b *testing.B) {
	data := make([]byte, 256<<20)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "file", time.Time{}, bytes.NewReader(data))
	}))
	defer srv.Close()
	for _, n := range []int{1, 4} {
		b.Run(strconv.Itoa(n), func(b *testing.B) {
			c, err := New(Options{Segments: n})
			if err != nil {
				b.Fatal(err)
			}
			defer c.Close()
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Get(b.Context(), Request{URLs: []string{srv.URL}, Size: int64(len(data))}, &nowhere{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
