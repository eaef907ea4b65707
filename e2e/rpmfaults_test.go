//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestBadHeaderFailsWithTheCauseInOneLine: dnf says no more than that it cannot
// read the metadata, so lazybuild has to say why.
func TestBadHeaderFailsWithTheCauseInOneLine(t *testing.T) {
	const bad = "filler7-1.0-1.el9.noarch.rpm"
	faults := map[string]struct {
		answer func(content []byte) http.HandlerFunc
		cause  string
	}{
		"not found": {func([]byte) http.HandlerFunc { return http.NotFound }, "the lock is probably too old"},
		"no RPM":    {func(content []byte) http.HandlerFunc { return serve(bytes.Repeat([]byte{'x'}, len(content))) }, "not an RPM package"},
		"wrong Content-Range": {func(content []byte) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 1-%d/%d", len(content)-1, len(content)))
				w.WriteHeader(http.StatusPartialContent)
				w.Write(content[1:])
			}
		}, "another range"},
		"truncated range": {func(content []byte) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-32767/%d", len(content)))
				w.Header().Set("Content-Length", "32768")
				w.WriteHeader(http.StatusPartialContent)
				w.Write(content[:1000])
			}
		}, "unexpected EOF"},
	}
	for name, tt := range faults {
		t.Run(name, func(t *testing.T) {
			o := newRPMOrigin(t)
			p := newRPMProject(t, o)
			p.runs(installApp)
			o.fail("baseos/"+bad, tt.answer(p.world.read(t, bad)))
			r := p.build(p.hermetic()...)
			if r.code() == 0 {
				t.Fatalf("the build succeeded\n%s", r)
			}
			p.oneLine(r, bad, strings.TrimPrefix(o.URL, "http://"), tt.cause)

			// Nothing of it is kept: mended, the same build works.
			o.fail("baseos/"+bad, nil)
			o.forget()
			p.must(p.hermetic("-t", p.image())...)
			if n := o.count().headers["/baseos/"+bad]; n != 1 {
				t.Errorf("the header of %s was asked for %d times after the fault, want 1", bad, n)
			}
		})
	}
}

// TestHeaderThatDiffersFromTheFileFailsLoudly: a server that gives another
// header to a range request makes wrong repodata, which no checksum of the lock
// can find before the package itself is there.
//
// Shows S5.
func TestHeaderThatDiffersFromTheFileFailsLoudly(t *testing.T) {
	const name = "extra0-1.0-1.el9.noarch.rpm"
	o := newRPMOrigin(t)
	p := newRPMProject(t, o)
	p.lock(name)
	p.writeLock()
	p.runs("dnf -y install extra0")
	content := p.world.read(t, name)
	lie := make([]byte, len(content)) // the header before it was signed, and the right length
	copy(lie, p.world.read(t, "unsigned"))
	o.fail("appstream/"+name, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Range") != "" {
			serve(lie)(w, r)
			return
		}
		serve(content)(w, r)
	})
	r := p.build(p.hermetic()...)
	if r.code() == 0 {
		t.Fatalf("the build succeeded\n%s", r)
	}
	p.oneLine(r, name, "the header of extra0-1.0-1.el9.noarch", "build again")

	o.forget()
	image := p.image()
	r = p.must(p.hermetic("-t", image)...)
	if got := inImage(t, image, "rpm -q --qf '%{name}' extra0"); got != "extra0" {
		t.Errorf("the next build installed %q\n%s", got, r)
	}
	// The package is in the store now, and so are the others' headers.
	if c := o.count(); c.requests() != 0 || len(c.whole) != 0 {
		t.Errorf("the next build made %d header requests and the downloads %q", c.requests(), c.names())
	}
}

// oneLine fails unless lazybuild has said all the words in one line, once.
func (p *rpmProject) oneLine(r *run, words ...string) {
	p.t.Helper()
	n := 0
	for _, line := range r.lines() {
		all := true
		for _, word := range words {
			all = all && strings.Contains(line, word)
		}
		if all {
			n++
		}
	}
	if n != 1 {
		p.t.Errorf("%d lines say %q, want one\n%s", n, words, r)
	}
}

func serve(content []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		http.ServeContent(w, r, "", time.Unix(1, 0), bytes.NewReader(content))
	}
}
