package origin

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func start(t *testing.T) *Server {
	t.Helper()
	s, err := New(false)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

func get(t *testing.T, url string) (int, string, error) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return 0, "", err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	return resp.StatusCode, string(data), err
}

func TestServesFilesAndPagesAndCounts(t *testing.T) {
	s := start(t)
	file := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(file, []byte("content"), 0o644); err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]string{s.AddFile("/f", file): "content", s.AddPage("/p/", []byte("page")): "page"} {
		if code, got, err := get(t, url); err != nil || code != 200 || got != want {
			t.Errorf("%s: %d %q %v", url, code, got, err)
		}
	}
	if code, _, _ := get(t, s.URL+"/absent"); code != 404 {
		t.Errorf("an absent file: %d", code)
	}
	if got := s.Traffic(); got.Requests != 3 || got.Connections == 0 || got.Bytes < 11 {
		t.Errorf("counted %+v", got)
	}
	if got := s.Traffic(); got != (Traffic{}) {
		t.Errorf("counted twice: %+v", got)
	}
}

func TestFaults(t *testing.T) {
	s := start(t)
	file := filepath.Join(t.TempDir(), "x")
	if err := os.WriteFile(file, []byte(strings.Repeat("x", 1000)), 0o644); err != nil {
		t.Fatal(err)
	}
	url := s.AddFile("/f", file)
	s.Fail(Faults{Busy: 1})
	if code, _, _ := get(t, url); code != 503 {
		t.Errorf("a busy server answers %d", code)
	}
	s.Fail(Faults{Cut: 1})
	if _, got, err := get(t, url); err == nil || len(got) >= 1000 {
		t.Errorf("an answer that is cut: %d bytes, %v", len(got), err)
	}
}

func TestHTTPSHasHTTP2AndACertificateToTrust(t *testing.T) {
	s, err := New(true)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(s.CA) {
		t.Fatal("the authority is no PEM")
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	resp, err := client.Get(s.AddPage("/p/", []byte("page")))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if data, err := io.ReadAll(resp.Body); err != nil || string(data) != "page" || resp.ProtoMajor != 2 {
		t.Errorf("%s %q %v", resp.Proto, data, err)
	}
}

// The clock is not real: what is tested is when bytes may go.
func TestBytesShareTheLine(t *testing.T) {
	now := time.Unix(100, 0)
	var p pace
	for i := range 3 {
		want := now.Add(time.Duration(i+1) * time.Second)
		if got := p.reserve(1000, 1000, now); !got.Equal(want) {
			t.Errorf("chunk %d goes at %v, not %v", i, got, want)
		}
	}
	later := now.Add(time.Minute)
	if got := p.reserve(500, 1000, later); !got.Equal(later.Add(time.Second / 2)) {
		t.Errorf("an idle line has saved up time: %v", got)
	}
	if got := p.reserve(500, 0, later); !got.Equal(later) {
		t.Errorf("no limit, and yet: %v", got)
	}
}

func TestWhoWakesUpLateHasNotLostTheLine(t *testing.T) {
	now := time.Unix(100, 0)
	var p pace
	p.reserve(1000, 1000, now)
	want := now.Add(2 * time.Second)
	if got := p.reserve(1000, 1000, now.Add(time.Second+slack/2)); !got.Equal(want) {
		t.Errorf("the next chunk goes at %v, not %v", got, want)
	}
}

func TestNewConnectionCostsItsHandshakes(t *testing.T) {
	s := start(t)
	s.Use(Link{RTT: time.Second})
	now := time.Unix(100, 0)
	c := &conn{s: s, born: now}
	if got := c.delay(now); got != (1+Handshakes)*time.Second {
		t.Errorf("first request: %v", got)
	}
	if got := c.delay(now.Add(time.Second)); got != Handshakes*time.Second {
		t.Errorf("a request during the handshakes: %v", got)
	}
	if got := c.delay(now.Add(time.Minute)); got != time.Second {
		t.Errorf("a later request: %v", got)
	}
}

func TestLeastTime(t *testing.T) {
	if got := (Link{Rate: 1000}).Least(2000); got != 2*time.Second {
		t.Error(got)
	}
	if got := (Link{}).Least(2000); got != 0 {
		t.Error(got)
	}
}
