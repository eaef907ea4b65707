package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// download is one Get under way.
type download struct {
	c      *Client
	req    Request
	sink   Sink
	ticket *Ticket
	result Result
	total  int64 // what SetSize was told since the last Reset; 0: nothing yet

	// Of the present URL:
	tg      *target
	etag    string // strong, of the bytes in the sink; empty if not known
	length  int64  // the whole file's, as this URL stated it; -1 if it has not
	highest int64  // offset that was reached; beyond it is progress
	tries   int
	noRange bool // the server can't be trusted with ranges
	again   bool // this is the second download, after a failed check
	// wider says that a plain request should give way to several connections as
	// soon as there is room for them; room, that this download holds that room.
	wider, room bool
}

// start prepares for a URL.
func (d *download) start(tg *target) {
	if d.tg != tg {
		d.again = false
	}
	d.tg, d.etag, d.length, d.tries, d.noRange = tg, "", -1, 0, false
	d.highest = d.sink.Offset()
}

// try makes one request for what is missing and writes what comes.
func (d *download) try(parent context.Context) (progress bool, err error) {
	ctx, dog := newWatchdog(parent, d.c.opt.NoProgress)
	defer dog.stop()
	if d.result.Tries++; d.tries > 0 {
		d.result.Retries++
	}
	d.tries++
	d.wider = d.wider && d.tries == 1
	offset, err := d.offset()
	if err != nil {
		return false, err
	}
	resp, err := d.c.do(ctx, http.MethodGet, d.tg, d.header(offset), false)
	dog.disarm()
	if err != nil {
		return false, dog.cause(ctx, err)
	}
	defer resp.Body.Close()
	return d.consume(ctx, dog, resp, offset)
}

// consume writes the body of an answer, after the headers have been judged.
func (d *download) consume(ctx context.Context, dog *watchdog, resp *http.Response, offset int64) (progress bool, err error) {
	whole, err := d.accept(resp, offset)
	if whole || err != nil {
		return false, err
	}
	// A server that can't go on in the middle would begin anew.
	d.wider = d.wider && (resp.StatusCode == http.StatusPartialContent || resp.Header.Get("Accept-Ranges") == "bytes")
	n, err := d.copyBody(ctx, dog, resp)
	d.result.Bytes += n
	if at := d.sink.Offset(); at > d.highest {
		d.highest, progress = at, true
	}
	if err != nil {
		return progress, err
	}
	if want := d.known(); want >= 0 && d.sink.Offset() < want && !d.room {
		return progress, fmt.Errorf("%w (%d of %d bytes)", errShort, d.sink.Offset(), want)
	}
	d.result.URL = d.tg.redacted
	return progress, nil
}

// offset is where to go on. What can't be continued is thrown away.
func (d *download) offset() (int64, error) {
	offset := d.sink.Offset()
	tooLong := d.bound() >= 0 && offset > d.bound()
	if offset > 0 && (d.noRange || tooLong) {
		return 0, d.reset()
	}
	return offset, nil
}

func (d *download) header(offset int64) http.Header {
	h := http.Header{"Accept": {"*/*"}}
	if offset > 0 {
		h.Set("Range", fmt.Sprintf("bytes=%d-", offset))
		if d.etag != "" {
			h.Set("If-Range", d.etag) // a changed file comes whole (RFC 9110, 13.1.5)
		}
	}
	return h
}

// known is the whole length as far as anybody has said it, else -1.
func (d *download) known() int64 {
	if d.req.Size >= 0 {
		return d.req.Size
	}
	return d.length
}

// bound is how many bytes the sink may get, or -1.
func (d *download) bound() int64 {
	if d.req.Size >= 0 {
		return d.req.Size
	}
	if d.req.MaxBytes > 0 {
		return d.req.MaxBytes
	}
	return -1
}

// reset starts the sink again at 0.
func (d *download) reset() error {
	d.etag = ""
	if d.sink.Offset() == 0 {
		return nil
	}
	d.c.opt.Observe(Event{Kind: Restarting, URL: d.tg.redacted})
	if err := d.sink.Reset(); err != nil {
		return local("starting the file again", err)
	}
	d.total = 0
	return nil
}

// copyBody writes the body to the sink, never beyond the bound. n is what came
// over the network.
func (d *download) copyBody(ctx context.Context, dog *watchdog, resp *http.Response) (n int64, err error) {
	buf := d.c.buffers.Get().(*[]byte)
	defer d.c.buffers.Put(buf)
	for {
		k, rerr := dog.fill(ctx, resp.Body, *buf)
		n += int64(k)
		chunk := (*buf)[:k]
		if max := d.end(); max >= 0 {
			if room := max - d.sink.Offset(); int64(k) > room {
				chunk, rerr = chunk[:room], ErrTooLong
			}
		}
		if len(chunk) > 0 {
			if _, err := d.sink.Write(chunk); err != nil {
				return n, local("storing the file", err)
			}
		}
		switch {
		case rerr == nil:
			if d.wider && d.worthSegments() && d.takeRoom() {
				return n, nil
			}
		case errors.Is(rerr, io.EOF):
			return n, nil
		case errors.Is(rerr, ErrTooLong):
			return n, permanent(ErrTooLong)
		default:
			return n, rerr
		}
	}
}

// end is the offset that must not be exceeded, or -1. A chunked body has no
// length of its own that net/http would hold it to.
func (d *download) end() int64 {
	if d.known() >= 0 {
		return d.known()
	}
	return d.bound()
}
