package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
)

// Sink is where a download goes. Get uses it from one goroutine at a time.
type Sink interface {
	// Write appends.
	io.Writer
	// Offset is how many bytes are there already, from this download or from
	// an earlier one that was interrupted.
	Offset() int64
	// Reset throws away what is there; Offset is 0 afterwards.
	Reset() error
	// SetSize hears the file's whole length in bytes as soon as the origin has
	// stated it, before the first byte. An error (no space, say) ends the download.
	SetSize(size int64) error
}

// Request is one file to download.
type Request struct {
	// URLs from which the same bytes can be had, best first. http and https,
	// and file where Options.AllowFile is set. User and password in a URL are
	// used as Basic authentication for that host.
	URLs []string
	// Size in bytes if it is known, else -1. A server whose file has another
	// length is passed over. 0 means an empty file.
	Size int64
	// MaxBytes bounds files of unknown size; 0 means no bound.
	MaxBytes int64
	// Priority in the queue, unless there is a Ticket.
	Priority Priority
	// Ticket, if set, holds the priority, and lets it be raised later.
	Ticket *Ticket
	// Check, if set, is called when the file is whole. An error says that these
	// are not the right bytes: they are thrown away, fetched once more from the
	// beginning if they came in several pieces, and then from the next URL.
	Check func() error
}

// Result is about a download that has succeeded.
type Result struct {
	// URL, redacted, that the last byte came from; empty if nothing was missing.
	URL string
	// Bytes that came over the network, those thrown away included.
	Bytes int64
	// Size is the file's length.
	Size int64
	// Tries is the number of requests made, over all URLs; Retries those that
	// followed upon a failed one.
	Tries, Retries int
}

// Get downloads one file into sink, from where sink's Offset is. It blocks
// until the file is whole, and returns nil only then. Other errors than
// *Error are ctx's cause. After an error the sink holds what has come so far,
// and a later Get goes on from there.
func (c *Client) Get(ctx context.Context, req Request, sink Sink) (Result, error) {
	d := &download{c: c, req: req, sink: sink, ticket: req.Ticket}
	if d.ticket == nil {
		d.ticket = NewTicket(req.Priority)
	}
	err := d.fromAny(ctx)
	d.result.Retries = max(0, d.result.Retries)
	d.result.Size = sink.Offset()
	return d.result, err
}

// fromAny tries the URLs in turn.
func (d *download) fromAny(ctx context.Context) error {
	var first *Error
	if len(d.req.URLs) == 0 {
		return &Error{URL: "(no URL)", Permanent: true, Err: ErrURL}
	}
	for i, raw := range d.req.URLs {
		err := d.from(ctx, raw)
		if err == nil {
			return nil
		}
		e, ok := errors.AsType[*Error](err)
		if !ok || e.Local {
			return err // the caller's context or sink: no URL can help
		}
		if first == nil {
			first = e
		} else {
			first.Others = append(first.Others, e)
			first.Permanent = first.Permanent && e.Permanent
		}
		if i+1 < len(d.req.URLs) {
			d.c.opt.Observe(Event{Kind: NextURL, URL: e.URL, Err: e})
		}
	}
	return first
}

// from downloads from one URL and has the result checked.
func (d *download) from(ctx context.Context, raw string) error {
	tg, bad := d.c.parseTarget(raw)
	if bad != nil {
		return bad
	}
	for {
		d.start(tg)
		pieces := d.sink.Offset() > 0
		err := d.complete(ctx)
		if err != nil {
			return err
		}
		if d.req.Check == nil {
			return nil
		}
		wrong := d.req.Check()
		if wrong == nil {
			return nil
		}
		if err := d.reset(); err != nil {
			return asError(tg, err)
		}
		if !pieces && d.tries < 2 {
			return asError(tg, permanent(fmt.Errorf("checking the file: %w", wrong)))
		}
		if d.again {
			return asError(tg, permanent(fmt.Errorf("checking the file for the second time: %w", wrong)))
		}
		d.again = true
	}
}

// complete makes tries until the file is whole.
func (d *download) complete(ctx context.Context) error {
	if d.req.Size >= 0 && d.sink.Offset() == d.req.Size && d.req.Size > 0 {
		return nil
	}
	if d.tg.url.Scheme == "file" {
		if err := d.copyFile(ctx); err != nil {
			return asError(d.tg, err)
		}
		return nil
	}
	if d.wider = d.c.opt.Segments > 1 && d.worthSegments(); !d.wider || !d.takeRoom() {
		err := d.c.persist(ctx, d.tg, d.ticket, d.try)
		if err != nil || !d.room {
			return err
		}
	}
	done, err := d.inSegments(ctx)
	if done || err != nil {
		return err
	}
	return d.c.persist(ctx, d.tg, d.ticket, d.try)
}
