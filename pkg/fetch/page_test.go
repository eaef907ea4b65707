package fetch

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

const pageAccept = "application/json, text/html;q=0.1"

func zipped(text string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	io.WriteString(z, text)
	z.Close()
	return b.String()
}

// document answers with body and the header pairs.
func document(body string, header ...string) step {
	return func(_ *origin, w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		io.WriteString(w, body)
	}
}

func half(_ *origin, w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Length", "5")
	io.WriteString(w, "he")
	panic(http.ErrAbortHandler)
}

func TestPageIsReadWhole(t *testing.T) {
	for name, script := range map[string][]step{
		"plain":             {document("hello", "Content-Type", "text/html")},
		"compressed":        {document(zipped("hello"), "Content-Type", "text/html", "Content-Encoding", "gzip")},
		"after a bad start": {status(503), half, document("hello", "Content-Type", "text/html")},
		"broken gzip":       {document("hello", "Content-Encoding", "gzip"), document("hello", "Content-Type", "text/html")},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, _ *origin) {
				o.script = script
				p, err := c.Page(t.Context(), "https://user:secret@example.org/simple/a/", pageAccept, 100)
				if err != nil || string(p.Data) != "hello" || p.ContentType != "text/html" || p.URL != "https://example.org/simple/a/" {
					t.Errorf("%q, %+v, %v", p.Data, p, err)
				}
				h := o.requests[0].Header
				if h.Get("Accept") != pageAccept || h.Get("Accept-Encoding") != "gzip" || !strings.HasPrefix(h.Get("Authorization"), "Basic ") {
					t.Errorf("headers %v", h)
				}
			})
		})
	}
}

func TestPageSaysWhereItWasFound(t *testing.T) {
	inWorld(t, Options{}, func(t *testing.T, _ *world, c *Client, o, m *origin) {
		o.script = []step{redirectTo("https://example.net/there/")}
		m.script = []step{document("x")}
		p, err := c.Page(t.Context(), "https://example.org/here/", pageAccept, 100)
		if err != nil || p.URL != "https://example.net/there/" {
			t.Errorf("%+v, %v", p, err)
		}
	})
}

func TestPageThatCannotBeReadIsAnError(t *testing.T) {
	long := strings.Repeat("x", 101)
	for name, c := range map[string]struct {
		step step
		is   error
	}{
		"too long, stated": {document(long, "Content-Length", "101"), ErrTooLong},
		"too long":         {document(long+long, "Content-Length", ""), ErrTooLong},
		"a bomb":           {document(zipped(long), "Content-Encoding", "gzip"), ErrTooLong},
		"another coding":   {document("x", "Content-Encoding", "br"), ErrEncoded},
		"not there":        {status(404), nil},
	} {
		t.Run(name, func(t *testing.T) {
			inWorld(t, Options{}, func(t *testing.T, _ *world, cl *Client, o, _ *origin) {
				o.script = []step{c.step}
				_, err := cl.Page(t.Context(), "https://example.org/a", pageAccept, 100)
				if err == nil || c.is != nil && !errors.Is(err, c.is) || !IsPermanent(err) || o.count() != 1 {
					t.Fatalf("%v after %d requests", err, o.count())
				}
				checkMessage(t, err)
			})
		})
	}
	inWorld(t, Options{AllowFile: true}, func(t *testing.T, _ *world, c *Client, _, _ *origin) {
		if _, err := c.Page(t.Context(), "file:///etc/passwd", pageAccept, 100); !errors.Is(err, ErrURL) {
			t.Error(err)
		}
	})
}
