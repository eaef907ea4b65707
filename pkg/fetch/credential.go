package fetch

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
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

// tlsConfig is how to connect under credential i; -1 is none.
func (k *keyring) tlsConfig(i int, pool *x509.CertPool) (*tls.Config, error) {
	config := &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}
	if i < 0 {
		return config, nil
	}
	if cert := k.certs[i]; cert != nil {
		config.Certificates = []tls.Certificate{*cert}
	}
	if pem := k.creds[i].CAPEM; len(pem) > 0 {
		config.RootCAs = pool.Clone()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("the CA bundle for %s: %w", printable(k.creds[i].Host), errNoCertificate)
		}
	}
	return config, nil
}

var errNoCertificate = errors.New("it holds no certificate (expected PEM)")

// find returns the index of the first credential of a kind for u, or -1.
func (k *keyring) find(u *url.URL, kind func(Credential) bool) int {
	for i, c := range k.creds {
		if kind(c) && c.Covers(u) && c.secretAt(u) {
			return i
		}
	}
	return -1
}

// connects says that c is about connections.
func (c Credential) connects() bool { return len(c.CertPEM) > 0 || len(c.CAPEM) > 0 }

// authenticates says that c is about requests.
func (c Credential) authenticates() bool {
	return c.User != "" || c.Password != "" || c.Bearer != "" || len(c.Header) > 0
}

// secretAt says that nobody on the way to u can read what is sent, or that this
// has been permitted.
func (c Credential) secretAt(u *url.URL) bool {
	return u.Scheme == "https" || c.PlainHTTP || isLocalName(u.Hostname())
}

// Covers says that c is meant for u, whatever u's scheme.
func (c Credential) Covers(u *url.URL) bool {
	if !strings.EqualFold(c.Host, u.Hostname()) && !strings.EqualFold(c.Host, hostPort(u)) {
		return false
	}
	// Cleaned, or "/public/../private" would get the credential of /public.
	prefix, p := strings.TrimSuffix(c.PathPrefix, "/"), path.Clean("/"+u.Path)
	return prefix == "" || p == prefix || strings.HasPrefix(p, prefix+"/")
}

// authorize adds what u's host wants to see to the headers, and returns the
// identities of what was added and of the certificate to show. It is called anew
// for each hop of a redirect, so nothing is ever carried over from one host to
// another.
func (k *keyring) authorize(h http.Header, u *url.URL, tg *target) (ids []Identity) {
	if i := k.find(u, Credential.connects); i >= 0 && k.certs[i] != nil {
		ids = append(ids, k.creds[i].identity("certificate", string(k.creds[i].CertPEM)))
	}
	// The URL itself says it most precisely.
	if tg.user != nil && u.Scheme == tg.url.Scheme && hostPort(u) == tg.host {
		c := Credential{Host: tg.host, User: tg.user.Username()}
		c.Password, _ = tg.user.Password()
		return append(ids, c.add(h))
	}
	if i := k.find(u, Credential.authenticates); i >= 0 {
		ids = append(ids, k.creds[i].add(h))
	}
	return ids
}

// add puts the credential into the headers of a request.
func (c Credential) add(h http.Header) Identity {
	maps.Copy(h, c.Header)
	switch {
	case c.Bearer != "":
		h.Set("Authorization", "Bearer "+c.Bearer)
	case c.User != "" || c.Password != "":
		r := http.Request{Header: h}
		r.SetBasicAuth(c.User, c.Password)
	}
	return c.requestIdentity()
}

// keptBack returns the index of the credential that is not sent to u
// because u is not https, or -1.
func (k *keyring) keptBack(u *url.URL) int {
	for i, c := range k.creds {
		if c.authenticates() && c.Covers(u) && !c.secretAt(u) {
			return i
		}
	}
	return -1
}
