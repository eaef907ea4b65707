package fetch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net"
	"net/url"
	"slices"
	"strings"
)

// Identity stands for one credential at one host: two are equal when the
// credentials are. It is a hash, so it can be compared without the secret, but
// it is not salted: whoever keeps it must hash it again with a key.
type Identity string

// Identities are those of everything in c: what authenticates requests, and the
// client certificate.
func (c Credential) Identities() (ids []Identity) {
	if c.authenticates() {
		ids = append(ids, c.requestIdentity())
	}
	if len(c.CertPEM) > 0 {
		ids = append(ids, c.identity("certificate", string(c.CertPEM)))
	}
	return ids
}

// URLIdentity is that of the user and password that stand in a URL, "" if there
// are none.
func URLIdentity(raw string) Identity {
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return ""
	}
	password, _ := u.User.Password()
	return Credential{Host: u.Hostname(), User: u.User.Username(), Password: password}.requestIdentity()
}

func (c Credential) requestIdentity() Identity {
	parts := []string{"request", c.User, c.Password, c.Bearer}
	for _, name := range slices.Sorted(maps.Keys(c.Header)) {
		parts = append(parts, name)
		parts = append(parts, c.Header[name]...)
	}
	return c.identity(parts...)
}

// identity hashes the parts so that none can be taken for two.
func (c Credential) identity(parts ...string) Identity {
	host := c.Host
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	h := sha256.New()
	for _, p := range append([]string{strings.ToLower(host)}, parts...) {
		h.Write(binaryLength(p))
		h.Write([]byte(p))
	}
	return Identity(hex.EncodeToString(h.Sum(nil)))
}

func binaryLength(s string) []byte {
	n := uint64(len(s))
	return []byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
}

type noteKey struct{}

// WithNote returns a context under which note is called before each request
// that carries a credential, redirects included, with the credential's identity.
// It may be called by several goroutines, and more than once for one credential.
func WithNote(ctx context.Context, note func(Identity)) context.Context {
	return context.WithValue(ctx, noteKey{}, note)
}

func noteCredentials(ctx context.Context, ids []Identity) {
	note, ok := ctx.Value(noteKey{}).(func(Identity))
	if !ok {
		return
	}
	for _, id := range ids {
		note(id)
	}
}
