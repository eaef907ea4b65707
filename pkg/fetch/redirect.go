package fetch

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
)

// maxRedirects is how many hops a request may take; browsers allow 20, curl 50,
// mirrors need 3.
const maxRedirects = 10

// do sends a request and follows redirects. net/http's own following is not
// used: it carries headers to subdomains and sends the former URL as Referer.
// The caller closes the body. ctx must outlive the reading of it.
func (c *Client) do(ctx context.Context, method string, tg *target, h http.Header, http1 bool) (*http.Response, error) {
	return c.chase(ctx, method, &hops{tg: tg, url: tg.url}, h, http1)
}

// chase is do from where hop is; hop ends up where the answer came from.
func (c *Client) chase(ctx context.Context, method string, hop *hops, h http.Header, http1 bool) (*http.Response, error) {
	for {
		resp, err := c.send(ctx, method, hop, h, http1)
		if err != nil {
			return nil, err
		}
		if !isRedirect(resp.StatusCode) {
			return resp, nil
		}
		err = hop.follow(resp)
		// Read to the end, or the connection can't be used for the next hop.
		_, _ = io.CopyN(io.Discard, resp.Body, 4<<10)
		resp.Body.Close()
		if err != nil {
			return nil, permanent(err)
		}
	}
}

// send makes one hop.
func (c *Client) send(ctx context.Context, method string, hop *hops, h http.Header, http1 bool) (*http.Response, error) {
	h = maps.Clone(h)
	if h.Get("Accept-Encoding") == "" {
		h.Set("Accept-Encoding", "identity")
	}
	h.Set("User-Agent", c.opt.UserAgent)
	r := route{tls: c.keys.find(hop.url, Credential.connects), guarded: hop.n > 0 && !hop.local, http1: http1}
	noteCredentials(ctx, c.keys.authorize(h, hop.url, hop.tg))
	if hop.n == 0 {
		ctx = c.watchOrigin(ctx, hop)
	}
	req := &http.Request{Method: method, URL: hop.url, Host: hop.url.Host, Header: h}
	if hop.body != nil {
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(hop.body)), int64(len(hop.body))
	}
	return c.roundTrip(r, req.WithContext(ctx))
}

// watchOrigin finds out whether the request's own URL is a local one: then, and
// only then, may it redirect to local addresses.
func (c *Client) watchOrigin(ctx context.Context, hop *hops) context.Context {
	hop.local = isLocalName(hop.url.Hostname())
	if p, err := c.proxy(hop.url); p != nil || err != nil {
		return ctx // the connection's other end is the proxy
	}
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: func(info httptrace.GotConnInfo) {
		hop.local = hop.local || isLocalNetAddr(info.Conn.RemoteAddr())
	}})
}

// hops is the way of one request through redirects.
type hops struct {
	tg    *target
	url   *url.URL // where it is now
	n     int      // redirects followed
	local bool     // the origin is this machine or its link
	body  []byte   // of a POST; nil for the other methods
}

func isRedirect(code int) bool {
	switch code {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther,
		http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// follow goes to where the answer points, if that is allowed.
func (p *hops) follow(resp *http.Response) error {
	if p.n++; p.n > maxRedirects {
		return fmt.Errorf("%w: more than %d in a row", ErrRedirect, maxRedirects)
	}
	if code := resp.StatusCode; p.body != nil && code != http.StatusTemporaryRedirect && code != http.StatusPermanentRedirect {
		return fmt.Errorf("%w: it would turn a POST into a GET", ErrRedirect)
	}
	next, err := p.url.Parse(resp.Header.Get("Location"))
	if err != nil || resp.Header.Get("Location") == "" {
		return fmt.Errorf("%w: it doesn't say where to", ErrRedirect)
	}
	// A server has no business choosing the credentials that we send.
	next.User, next.Fragment, next.RawFragment = nil, "", ""
	switch {
	case next.Scheme != "https" && next.Scheme != "http" || next.Hostname() == "":
		return fmt.Errorf("%w: %s is no https:// URL", ErrRedirect, redact(next))
	case p.url.Scheme == "https" && next.Scheme != "https":
		return fmt.Errorf("%w: from https to unencrypted %s", ErrRedirect, redact(next))
	case !p.local && isLocalName(next.Hostname()):
		return fmt.Errorf("%w: %w: %s", ErrRedirect, errLocalAddress, redact(next))
	}
	p.url = next
	return nil
}
