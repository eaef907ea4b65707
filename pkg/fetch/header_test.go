package fetch

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"
)

func TestParseContentRange(t *testing.T) {
	for in, want := range map[string]contentRange{
		"bytes 0-9/10":                   {0, 9, 10},
		"bytes 5-9/*":                    {5, 9, -1},
		"BYTES 5-5/6":                    {5, 5, 6},
		"bytes */123":                    {-1, -1, 123},
		"":                               {},
		"bytes":                          {},
		"bytes 0-9":                      {},
		"bytes */*":                      {},
		"bytes 9-0/10":                   {},
		"bytes 0-10/10":                  {},
		"bytes +0-9/10":                  {},
		"bytes -5-9/10":                  {},
		"bytes 0-9/10, x":                {},
		"lines 0-9/10":                   {},
		"bytes 0-99999999999999999999/*": {},
	} {
		got, ok := parseContentRange(in)
		if ok != (want != contentRange{}) || ok && got != want {
			t.Errorf("parseContentRange(%q) = %v, %v, want %v", in, got, ok, want)
		}
	}
}

func FuzzContentRange(f *testing.F) {
	f.Add("bytes 0-9/10")
	f.Add("bytes */5")
	f.Fuzz(func(t *testing.T, s string) {
		r, ok := parseContentRange(s)
		if !ok {
			return
		}
		if r.first >= 0 && (r.last < r.first || r.total >= 0 && r.last >= r.total) || r.first < 0 && r.total < 0 {
			t.Errorf("parseContentRange(%q) = %v", s, r)
		}
	})
}

func TestParseRetryAfter(t *testing.T) {
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	for in, want := range map[string]time.Duration{
		"":                              0,
		"0":                             0,
		"7":                             7 * time.Second,
		"-7":                            0,
		"3600":                          time.Minute,
		"9223372036854775807":           time.Minute,
		"99999999999999999999":          0,
		"Tue, 01 Jan 2030 00:00:30 GMT": 30 * time.Second,
		"Mon, 31 Dec 2029 00:00:30 GMT": 0,
		"Tue, 01 Jan 2199 00:00:30 GMT": time.Minute,
		"tomorrow":                      0,
	} {
		if got := parseRetryAfter(in, now, time.Minute); got != want {
			t.Errorf("parseRetryAfter(%q) = %v, want %v", in, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	f.Add("120")
	f.Add("Tue, 01 Jan 2030 00:00:30 GMT")
	f.Fuzz(func(t *testing.T, s string) {
		if d := parseRetryAfter(s, time.Unix(0, 0), time.Minute); d < 0 || d > time.Minute {
			t.Errorf("parseRetryAfter(%q) = %v", s, d)
		}
	})
}

// Shows S49.
func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"https://example.org/a.whl":                       "https://example.org/a.whl",
		"https://user:secret@example.org/a":               "https://example.org/a",
		"https://secret@example.org/a#sha256=1":           "https://example.org/a",
		"https://example.org/a?X-Sig=secret&e=1&secret":   "https://example.org/a?X-Sig=…&e=…&…",
		"https://example.org/a?k=1;secret=x":              "https://example.org/a?k=…",
		"https://user:secret@example.org:bad/a":           "(an invalid URL)",
		"https://example.org/\x1b[2J":                     "(an invalid URL)",
		"https://example.org/%1b[2J":                      "https://example.org/%1b[2J",
		"https://ex\u202eample.org/a":                     "https://ex%E2%80%AEample.org/a",
		"user:secret@example.org":                         "user:…",
		"https://example.org/a?%1b\u202e=2":               "https://example.org/a?%1b\\u202e=…",
		"https://example.org/" + strings.Repeat("x", 999): "https://example.org/" + strings.Repeat("x", maxPrinted-20) + "…",
	} {
		if got := Redact(in); got != want {
			t.Errorf("Redact(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzRedact(f *testing.F) {
	f.Add("https://user:s3cr3t@example.org/a?b=s3cr3t#s3cr3t")
	f.Add("//u@[::1]:80/?\xff")
	f.Fuzz(func(t *testing.T, s string) {
		got := Redact(s)
		for _, r := range got {
			if !unicode.IsPrint(r) {
				t.Errorf("Redact(%q) = %q", s, got)
			}
		}
		if u, err := url.Parse(s); err == nil && u.User != nil && u.Opaque == "" {
			again, err := url.Parse(got)
			if err == nil && again.User != nil {
				t.Errorf("Redact(%q) = %q keeps the user", s, got)
			}
		}
	})
}

// Shows S50.
func TestIsLocalName(t *testing.T) {
	for name, want := range map[string]bool{
		"localhost": true, "LOCALHOST.": true, "a.localhost": true, "127.0.0.1": true, "127.9.9.9": true, "::1": true,
		"::ffff:127.0.0.1": true, "169.254.169.254": true, "fe80::1": true, "fe80::1%eth0": true, "0.0.0.0": true, "::": true,
		"127.1": true, "2130706433": true, "0x7f000001": true, "0177.0.0.1": true,
		"example.org": false, "203.0.113.1": false, "10.0.0.1": false, "2001:db8::1": false, "localhost.example.org": false, "3.example": false,
	} {
		if got := isLocalName(name); got != want {
			t.Errorf("isLocalName(%q) = %v, want %v", name, got, want)
		}
	}
}

func TestExponentialBackoffDoublesUpToItsLimit(t *testing.T) {
	plain := ExponentialBackoff(time.Second, 10*time.Second, func() float64 { return 0 })
	jitter := ExponentialBackoff(time.Second, 10*time.Second, func() float64 { return 0.999 })
	for n, want := range map[int]time.Duration{1: 1, 2: 2, 3: 4, 4: 8, 5: 10, 1000: 10} {
		if got := plain(n); got != want*time.Second {
			t.Errorf("wait after %d = %v, want %v", n, got, want*time.Second)
		}
		if got := jitter(n); got < want*time.Second/2 || got > want*time.Second*51/100 {
			t.Errorf("least wait after %d = %v, want about half of %v", n, got, want*time.Second)
		}
	}
}

func TestErrorsSayWhatToDo(t *testing.T) {
	for status, want := range map[int]string{401: "credentials", 403: "credentials", 404: "too old", 407: "proxy", 429: "later"} {
		c := &Client{}
		e := asError(&target{redacted: "https://example.org/a", host: "example.org:443"}, c.statusError(&http.Response{StatusCode: status, Header: http.Header{}}))
		e.Others = []*Error{{Host: "example.net:443", Status: 500}}
		msg := e.Error()
		for _, part := range []string{want, fmt.Sprint(status), "https://example.org/a", "example.net"} {
			if !strings.Contains(msg, part) {
				t.Errorf("message for %d lacks %q: %s", status, part, msg)
			}
		}
	}
}
