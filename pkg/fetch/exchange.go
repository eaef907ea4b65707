package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Exchange is one request of a protocol that is spoken over HTTP (git's), where
// the answer is not a file: it is read while it comes and never continued.
type Exchange struct {
	// URL is the place that was named; user and password in it are used as
	// Request.URLs has it.
	URL string
	// At, if set, is asked instead of URL. It is for a place to which a redirect
	// of an earlier exchange with the same URL has led (Answer.At, perhaps with
	// another path), and the rules for redirects hold for it.
	At string
	// Header is sent besides the Client's own headers.
	Header http.Header
	// Body makes it a POST. Redirects of a POST are followed only where they keep
	// the method (307 and 308).
	Body []byte
	// Ticket holds the priority in the queue; nil for Demand.
	Ticket *Ticket
}

// Answer is a successful answer to an Exchange.
type Answer struct {
	// ContentType as the server says it.
	ContentType string
	// At is the URL that has answered, behind all redirects, without user and
	// password. It may hold a signature: redact before printing.
	At string
	// Body ends with an error when the connection breaks or brings nothing for
	// Options.NoProgress. It must not be used after the reading function has returned.
	Body io.Reader
}

// Exchange makes a request and has read consume the answer. Tries, waits, and
// errors are as for Get, so read may be called several times, each time with an
// answer from its beginning. It returns the error of Answer.Body unchanged (or
// wrapped) where the network failed; any other error of its own ends the
// exchange and is returned as it is.
func (c *Client) Exchange(ctx context.Context, x Exchange, read func(Answer) error) error {
	tg, bad := c.parseTarget(x.URL)
	if bad != nil {
		return bad
	}
	if tg.url.Scheme == "file" {
		return asError(tg, permanent(ErrURL))
	}
	e := exchange{c: c, tg: tg, x: x, read: read}
	if x.At != "" {
		at, err := url.Parse(x.At)
		if err != nil {
			return asError(tg, permanent(ErrURL))
		}
		e.at = at
	}
	if x.Ticket == nil {
		e.x.Ticket = NewTicket(Demand)
	}
	err := c.persist(ctx, tg, e.x.Ticket, func(ctx context.Context) (bool, error) { return false, e.try(ctx) })
	if e.refused != nil && ctx.Err() == nil {
		return e.refused
	}
	return err
}

// exchange is one Exchange under way.
type exchange struct {
	c       *Client
	tg      *target
	at      *url.URL // nil: tg's
	x       Exchange
	read    func(Answer) error
	refused error // read's own error
}

func (e *exchange) try(parent context.Context) error {
	ctx, dog := newWatchdog(parent, e.c.opt.NoProgress)
	defer dog.stop()
	hop := hops{tg: e.tg, url: e.tg.url, body: e.x.Body}
	if e.at != nil {
		// What a server chose is guarded as the redirect was that led there.
		hop.url, hop.n, hop.local = e.at, 1, isLocalName(e.tg.url.Hostname())
	}
	method := http.MethodGet
	if e.x.Body != nil {
		method = http.MethodPost
	}
	header := e.x.Header
	if header == nil {
		header = http.Header{}
	}
	resp, err := e.c.chase(ctx, method, &hop, header, false)
	dog.disarm()
	if err != nil {
		return dog.cause(ctx, err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode != http.StatusOK:
		return e.c.statusError(resp)
	case encoded(resp.Header):
		return permanent(ErrEncoded)
	}
	body := &watchedBody{ctx: ctx, dog: dog, r: resp.Body}
	err = e.read(Answer{ContentType: resp.Header.Get("Content-Type"), At: hop.url.String(), Body: body})
	switch {
	case err == nil:
		// Read to the end, or the connection can't be used again.
		_, _ = io.CopyN(io.Discard, body, 4<<10)
		return nil
	case body.err != nil && errors.Is(err, body.err):
		return fmt.Errorf("reading the answer: %w", err)
	}
	e.refused = err
	return permanent(err)
}

// watchedBody is a body under a watchdog. It remembers the error that ended it,
// so that the network's fault can be told from that of the answer's reader.
type watchedBody struct {
	ctx context.Context
	dog *watchdog
	r   io.Reader
	err error // nil while bytes come, and after a good end
}

func (b *watchedBody) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	b.dog.arm()
	n, err := b.r.Read(p)
	b.dog.disarm()
	if err != nil && err != io.EOF {
		b.err = b.dog.cause(b.ctx, err)
		return n, b.err
	}
	return n, err
}
