package fetch

import (
	"crypto/tls"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path"
	"strings"
)

// keyring finds the credential for a URL.
type keyring struct {
	creds []Credential
	certs []*tls.Certificate // by index of creds; nil if it has none
}

func newKeyring(creds []Credential) (*keyring, error) {
	k := &keyring{creds: creds, certs: make([]*tls.Certificate, len(creds))}
	for i, c := range creds {
		if c.Host == "" {
			return nil, fmt.Errorf("credential %d has no host", i+1)
		}
		if len(c.CertPEM) == 0 && len(c.KeyPEM) == 0 {
			continue
		}
		cert, err := tls.X509KeyPair(c.CertPEM, c.KeyPEM)
		if err != nil {
			return nil, fmt.Errorf("reading the TLS client certificate for %s: %w", printable(c.Host), err)
		}
		k.certs[i] = &cert
	}
	return k, nil
}

// find returns the index of the credential for u, or -1.
func (k *keyring) find(u *url.URL) int {
	best, length := -1, -1
	for i, c := range k.creds {
		if c.covers(u) && len(c.PathPrefix) > length {
			best, length = i, len(c.PathPrefix)
		}
	}
	return best
}

func (c Credential) covers(u *url.URL) bool {
	if u.Scheme != "https" && !c.PlainHTTP && !isLocalName(u.Hostname()) {
		return false
	}
	if !strings.EqualFold(c.Host, u.Hostname()) && !strings.EqualFold(c.Host, hostPort(u)) {
		return false
	}
	// Cleaned, or "/public/../private" would get the credential of /public.
	prefix, p := strings.TrimSuffix(c.PathPrefix, "/"), path.Clean("/"+u.Path)
	return prefix == "" || p == prefix || strings.HasPrefix(p, prefix+"/")
}

// authorize adds what u's host wants to see to the headers, and returns the
// index of the credential (its TLS certificate is the transport's business), or
// -1. It is called anew for each hop of a redirect, so nothing is ever carried
// over from one host to another.
func (k *keyring) authorize(h http.Header, u *url.URL, tg *target) int {
	i := k.find(u)
	if i >= 0 {
		c := k.creds[i]
		maps.Copy(h, c.Header)
		switch {
		case c.Bearer != "":
			h.Set("Authorization", "Bearer "+c.Bearer)
		case c.User != "" || c.Password != "":
			setBasicAuth(h, c.User, c.Password)
		}
	}
	// The URL itself says it most precisely.
	if tg.user != nil && u.Scheme == tg.url.Scheme && hostPort(u) == tg.host {
		password, _ := tg.user.Password()
		setBasicAuth(h, tg.user.Username(), password)
	}
	return i
}

func setBasicAuth(h http.Header, user, password string) {
	r := http.Request{Header: h}
	r.SetBasicAuth(user, password)
}
