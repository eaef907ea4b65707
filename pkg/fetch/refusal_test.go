package fetch

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
)

// Shows S49.
func TestARefusalNamesTheSourcesAndShowsNoSecret(t *testing.T) {
	creds := []Credential{
		{Host: "example.org", PathPrefix: "/bearer", Bearer: "secret", Source: "lazybuild.toml:3"},
		{Host: "example.org", PathPrefix: "/header", Header: http.Header{"Private-Token": {"secret"}}, Source: "artifacts.lock.yaml:7"},
		{Host: "plain.example.net", User: "u", Password: "secret", Source: "~/.netrc:2"},
	}
	for raw, want := range map[string]string{
		"https://example.org/bearer/a":           "example.org refuses the credentials of lazybuild.toml:3",
		"https://example.org/header/a":           "example.org refuses the credentials of artifacts.lock.yaml:7",
		"https://me:secret@example.org/a":        "example.org refuses the credentials that stand in the URL",
		"http://plain.example.net/a":             "the credentials of ~/.netrc:2 were not sent, because the URL is not https",
		"https://example.org/other?token=secret": "there are no credentials for example.org in lazybuild.toml, ~/.netrc",
	} {
		for _, code := range []int{401, 403} {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				deny := newOrigin(t, status(code))
				w.serve("example.org:443", "203.0.113.1", deny)
				w.serve("plain.example.net:80", "203.0.113.3", deny)
				c := w.client(Options{Credentials: creds, LookedAt: []string{"lazybuild.toml", "~/.netrc"}})
				_, err := c.Get(t.Context(), Request{URLs: []string{raw}, Size: -1}, &memSink{})
				if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), fmt.Sprint(code)) {
					t.Errorf("%s: the error is %v, want %q in it", raw, err, want)
				}
				checkMessage(t, err)
			})
		}
	}
}

func TestARefusalAfterARedirectIsAboutTheLastHost(t *testing.T) {
	o := Options{Credentials: []Credential{{Host: "example.org", Bearer: "secret", Source: "~/.netrc:1"}}}
	inWorld(t, o, func(t *testing.T, w *world, c *Client, o, m *origin) {
		o.script = []step{redirectTo("https://example.net/file")}
		m.script = []step{status(401)}
		_, err := c.Get(t.Context(), Request{URLs: []string{fileURL}, Size: -1}, &memSink{})
		if err == nil || !strings.Contains(err.Error(), "there are no credentials for example.net") {
			t.Errorf("Get = %v", err)
		}
	})
}

// Shows S49.
func TestAHostsOwnAuthorityIsTrustedForItAlone(t *testing.T) {
	o := Options{Credentials: []Credential{{Host: "example.net", CAPEM: evilCA().pem}}}
	inWorld(t, o, func(t *testing.T, w *world, c *Client, _, _ *origin) {
		w.hosts["example.net:443"].cert.Store(evilCA().issue("example.net"))
		mustGet(t, c, Request{URLs: twoURLs[1:], Size: -1}, &memSink{})
		w.hosts["example.org:443"].cert.Store(evilCA().issue("example.org"))
		if _, err := c.Get(t.Context(), Request{URLs: twoURLs[:1], Size: -1}, &memSink{}); err == nil {
			t.Error("another host may have a certificate of that authority too")
		}
	})
	if _, err := New(Options{Credentials: []Credential{{Host: "example.net", CAPEM: []byte("secret")}}}); err == nil {
		t.Error("a bundle without a certificate is accepted")
	} else {
		checkMessage(t, err)
	}
}

func TestEveryUseOfACredentialIsNotedBeforeTheRequest(t *testing.T) {
	used := Credential{Host: "example.net", User: "u", Password: "p"}
	o := Options{Credentials: []Credential{used, {Host: "elsewhere.example", Bearer: "b"}}}
	inWorld(t, o, func(t *testing.T, w *world, c *Client, o, m *origin) {
		var mu sync.Mutex
		var got []Identity
		ctx := WithNote(t.Context(), func(id Identity) {
			mu.Lock()
			defer mu.Unlock()
			if m.count() > 0 {
				t.Error("noted too late")
			}
			got = append(got, id)
		})
		o.script = []step{redirectTo("https://example.net/file")}
		if _, err := c.Get(ctx, Request{URLs: []string{fileURL}, Size: -1}, &memSink{}); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(got, used.Identities()) {
			t.Errorf("noted %v, want %v", got, used.Identities())
		}
	})
}

func TestIdentitiesAreEqualForEqualCredentials(t *testing.T) {
	id := func(c Credential) string { return fmt.Sprint(c.Identities()) }
	base := Credential{Host: "example.org", User: "u", Password: "p"}
	if a, b := id(base), id(Credential{Host: "EXAMPLE.org:443", PathPrefix: "/x", User: "u", Password: "p", Source: "there"}); a != b {
		t.Errorf("%s and %s differ in nothing but port, path and source", a, b)
	}
	if got := URLIdentity("https://u:p@example.org/a"); id(base) != fmt.Sprint([]Identity{got}) {
		t.Errorf("in a URL it is %v", got)
	}
	if got := URLIdentity("https://example.org/a"); got != "" {
		t.Errorf("a URL without any has %q", got)
	}
	for _, c := range []Credential{
		{Host: "example.net", User: "u", Password: "p"},
		{Host: "example.org", User: "up"},
		{Host: "example.org", Bearer: "p"},
		{Host: "example.org", User: "u", Password: "p", CertPEM: []byte("c")},
		{Host: "example.org", Header: http.Header{"U": {"p"}}},
	} {
		if id(c) == id(base) {
			t.Errorf("%+v is taken for %+v", c, base)
		}
	}
}
