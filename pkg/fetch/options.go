package fetch

import (
	"context"
	"net"
	"net/http"
	"time"
)

// Options configure a Client. The zero value works.
type Options struct {
	// SystemCAs is the PEM bundle of the certificate authorities that the
	// system trusts, for a process that has no system around it (a container
	// made from scratch). Empty: the pool of the machine that this runs on.
	SystemCAs []byte
	// ExtraCAs are PEM bundles that are trusted besides SystemCAs.
	ExtraCAs [][]byte
	// Proxy settings. The process's own environment is never read.
	Proxy Proxy
	// Credentials for hosts, most important first: the first that covers a URL is
	// used. What authenticates the request and what authenticates the connection
	// (CertPEM, CAPEM) may come from two of them.
	Credentials []Credential
	// LookedAt names the places where credentials were looked for, for the hint
	// when a host refuses.
	LookedAt []string

	// MaxPerHost and MaxTotal bound the requests under way: 8 and 32 by
	// default. A quarter of each is kept for Demand.
	MaxPerHost, MaxTotal int
	// Segments is how many connections fetch one large file of known size: 4 by
	// default, 1 for no more than one. Each takes one of the host's requests.
	Segments int
	// NoProgress ends a try that has brought no byte for so long (60 s by
	// default). It covers the connection, the headers and the body.
	NoProgress time.Duration
	// MaxTries is how many tries in a row may bring nothing before a URL is
	// given up: 5 by default.
	MaxTries int
	// Backoff says how long to wait after the n-th try in a row (from 1) that
	// brought nothing. Default: ExponentialBackoff.
	Backoff func(n int) time.Duration
	// MaxRetryAfter caps what a server's Retry-After may ask for: 60 s by default.
	MaxRetryAfter time.Duration

	// UserAgent is sent with each request; "lazybuild" by default.
	UserAgent string
	// AllowFile permits file:// URLs in requests (never in redirects).
	AllowFile bool
	// Observe, if set, hears of what is not visible in the result. It is called
	// from many goroutines and must not block.
	Observe func(Event)
	// Dial replaces the network, for tests. Default: a net.Dialer.
	Dial func(ctx context.Context, network, addr string) (net.Conn, error)
}

// Proxy is what the variables HTTP_PROXY, HTTPS_PROXY and NO_PROXY would say,
// with the meaning of golang.org/x/net/http/httpproxy. A proxy's URL may carry
// credentials.
type Proxy struct {
	HTTP, HTTPS, No string
}

// Credential is what a host wants to see before it gives out files.
type Credential struct {
	// Host is "name" (any port, as netrc has it) or "name:port".
	Host string
	// PathPrefix restricts the credential to paths below it; empty for all.
	// "/a" covers "/a" and "/a/b", not "/ab".
	PathPrefix string
	// PlainHTTP permits sending it unencrypted. Otherwise only https URLs and
	// this very machine get it, since a lock file could name http:// by mistake.
	PlainHTTP bool

	// User and Password are sent as Basic authentication (RFC 7617) when User
	// or Password is set.
	User, Password string
	// Bearer is sent as "Authorization: Bearer …" (RFC 6750).
	Bearer string
	// Header has further headers to send (PRIVATE-TOKEN and the like).
	Header http.Header
	// CertPEM and KeyPEM are the TLS client certificate, if there is one.
	CertPEM, KeyPEM []byte
	// CAPEM is a bundle of authorities that are trusted for this host besides the
	// Client's.
	CAPEM []byte
	// Source says where it comes from ("~/.netrc:3"), for hints. No secret.
	Source string
}

// EventKind says what an Event is about.
type EventKind int

const (
	// Retrying: a try failed, another one follows after Wait.
	Retrying EventKind = iota
	// Restarting: bytes that were already there have been thrown away, because
	// the server can't, or won't, continue them.
	Restarting
	// NextURL: a URL has been given up and there is another one.
	NextURL
)

// Event is something that happened to a download under way.
type Event struct {
	Kind EventKind
	// URL is redacted.
	URL string
	// Wait until the next try; 0 for other kinds.
	Wait time.Duration
	// Err is what went wrong; nil for Restarting. Its text is fit for printing.
	Err error
}

func (o Options) withDefaults() Options {
	setDefault(&o.MaxPerHost, 8)
	setDefault(&o.MaxTotal, 32)
	setDefault(&o.Segments, 4)
	setDefault(&o.NoProgress, 60*time.Second)
	setDefault(&o.MaxTries, 5)
	setDefault(&o.MaxRetryAfter, 60*time.Second)
	if o.Backoff == nil {
		o.Backoff = ExponentialBackoff(500*time.Millisecond, 15*time.Second, nil)
	}
	if o.UserAgent == "" {
		o.UserAgent = "lazybuild"
	}
	if o.Observe == nil {
		o.Observe = func(Event) {}
	}
	if o.Dial == nil {
		o.Dial = (&net.Dialer{Timeout: 30 * time.Second, KeepAlive: 30 * time.Second}).DialContext
	}
	return o
}

// setDefault replaces a value that makes no sense (zero or negative).
func setDefault[T int | time.Duration](v *T, d T) {
	if *v <= 0 {
		*v = d
	}
}
