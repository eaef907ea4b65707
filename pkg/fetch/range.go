package fetch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// MaxRange bounds what one Range may ask for, in bytes: it is held in memory.
const MaxRange = 64 << 20

// RangeResult is a part of a file.
type RangeResult struct {
	// Data begins at the byte asked for, or at the file's beginning if Whole. It
	// ends where asked for, or where the file ends. The caller owns it.
	Data []byte
	// Total is the whole file's size in bytes, or -1.
	Total int64
	// Whole says that the server ignores ranges: it would send the whole file,
	// which was not read further than to. Data is nil if that is beyond MaxRange.
	Whole bool
}

// Range reads the bytes from (included) to to (excluded) of a file, with the
// priority of Demand. The server's Content-Range is held to the letter. Tries,
// waits and errors are as for Get.
func (c *Client) Range(ctx context.Context, url string, from, to int64) (RangeResult, error) {
	if from < 0 || to <= from || to-from > MaxRange {
		return RangeResult{}, fmt.Errorf("range of bytes %d to %d makes no sense or is longer than %d", from, to, MaxRange)
	}
	tg, bad := c.parseTarget(url)
	if bad != nil {
		return RangeResult{}, bad
	}
	if tg.url.Scheme == "file" {
		return fileRange(tg, from, to)
	}
	p := part{c: c, tg: tg, from: from, to: to}
	err := c.persist(ctx, tg, NewTicket(Demand), func(ctx context.Context) (bool, error) {
		return false, p.try(ctx)
	})
	if err != nil {
		return RangeResult{}, err
	}
	return p.result, nil
}

// part is one range of a file that is read into memory.
type part struct {
	c        *Client
	tg       *target
	from, to int64
	segment  bool   // on a connection of its own; of no use if the server ignores the range
	ifRange  string // ETag that the file must still have
	buf      []byte // to read into; nil: make one
	result   RangeResult
	etag     string // of the last answer; empty if weak or absent
}

func (p *part) try(parent context.Context) error {
	ctx, dog := newWatchdog(parent, p.c.opt.NoProgress)
	defer dog.stop()
	h := http.Header{"Accept": {"*/*"}, "Range": {fmt.Sprintf("bytes=%d-%d", p.from, p.to-1)}}
	if p.ifRange != "" {
		h.Set("If-Range", p.ifRange)
	}
	resp, err := p.c.do(ctx, http.MethodGet, p.tg, h, p.segment)
	dog.disarm()
	if err != nil {
		return dog.cause(ctx, err)
	}
	defer resp.Body.Close()
	want, err := p.accept(resp)
	if err != nil || want == 0 {
		return err
	}
	return p.read(ctx, dog, resp.Body, want)
}

// accept judges the headers. want is how many bytes of the body to read, at
// most; for a part it is exact.
func (p *part) accept(resp *http.Response) (want int64, err error) {
	p.result = RangeResult{Total: -1}
	if resp.StatusCode < 300 && encoded(resp.Header) {
		return 0, permanent(ErrEncoded)
	}
	p.etag = strongETag(resp.Header)
	switch resp.StatusCode {
	case http.StatusOK:
		p.result.Whole, p.result.Total = true, resp.ContentLength
		if p.segment || p.to > MaxRange {
			return 0, nil
		}
		return p.to, nil
	case http.StatusPartialContent:
		r, ok := parseContentRange(resp.Header.Get("Content-Range"))
		atEnd := r.total >= 0 && r.last == r.total-1
		if !ok || r.first != p.from || r.last >= p.to || r.last < p.to-1 && !atEnd {
			return 0, permanent(errMismatch)
		}
		p.result.Total = r.total
		return r.last - r.first + 1, nil
	}
	return 0, p.c.statusError(resp)
}

func (p *part) read(ctx context.Context, dog *watchdog, body io.Reader, want int64) error {
	if int64(cap(p.buf)) < want {
		p.buf = make([]byte, want)
	}
	n, err := dog.fill(ctx, io.LimitReader(body, want), p.buf[:want])
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if int64(n) < want && !p.result.Whole {
		return errShort
	}
	p.result.Data = p.buf[:n]
	if !p.result.Whole && err == nil {
		// Reading the end is what lets the connection be used again.
		if k, _ := dog.fill(ctx, body, make([]byte, 1)); k > 0 {
			return permanent(ErrTooLong)
		}
	}
	return nil
}

func fileRange(tg *target, from, to int64) (RangeResult, error) {
	f, size, err := openRegular(tg.url.Path)
	if err != nil {
		return RangeResult{}, asError(tg, permanent(err))
	}
	defer f.Close()
	data := make([]byte, max(0, min(to, size)-from))
	n, err := f.ReadAt(data, from)
	if err != nil && !errors.Is(err, io.EOF) {
		return RangeResult{}, asError(tg, permanent(fmt.Errorf("reading the file: %w", err)))
	}
	return RangeResult{Data: data[:n], Total: size}, nil
}
