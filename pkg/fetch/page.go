package fetch

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// Page is a document that was read into memory.
type Page struct {
	// Data is the whole document, decompressed. The caller owns it.
	Data []byte
	// ContentType as the server states it; may be empty.
	ContentType string
	// URL is where the document was in the end, after redirects: what its
	// relative links start from. It has no user and password, but it may have a
	// query: redact before printing.
	URL string
}

// Page reads a document of at most maxBytes bytes, compressed or not, with the
// priority of Demand. accept is the header of that name. Other than for files,
// which have a digest over their bytes, compression is allowed: an index's page
// is ten times smaller with it. Tries, waits and errors are as for Get.
func (c *Client) Page(ctx context.Context, url, accept string, maxBytes int64) (Page, error) {
	tg, bad := c.parseTarget(url)
	if bad != nil {
		return Page{}, bad
	}
	if tg.url.Scheme == "file" {
		return Page{}, asError(tg, permanent(fmt.Errorf("%w: a page comes from http:// or https://", ErrURL)))
	}
	var page Page
	err := c.persist(ctx, tg, NewTicket(Demand), func(ctx context.Context) (_ bool, err error) {
		page, err = c.page(ctx, tg, accept, maxBytes)
		return false, err
	})
	return page, err
}

func (c *Client) page(parent context.Context, tg *target, accept string, maxBytes int64) (Page, error) {
	ctx, dog := newWatchdog(parent, c.opt.NoProgress)
	defer dog.stop()
	h := http.Header{"Accept": {accept}, "Accept-Encoding": {"gzip"}}
	resp, err := c.do(ctx, http.MethodGet, tg, h, false)
	dog.disarm()
	if err != nil {
		return Page{}, dog.cause(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return Page{}, c.statusError(resp)
	}
	body, err := c.readPage(ctx, dog, resp, maxBytes)
	if err != nil {
		return Page{}, err
	}
	final := *resp.Request.URL
	final.User = nil
	return Page{Data: body, ContentType: resp.Header.Get("Content-Type"), URL: final.String()}, nil
}

// readPage reads the body, and unpacks it.
func (c *Client) readPage(ctx context.Context, dog *watchdog, resp *http.Response, maxBytes int64) ([]byte, error) {
	if resp.ContentLength > maxBytes {
		return nil, permanent(fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLong, resp.ContentLength, maxBytes))
	}
	var raw bytes.Buffer
	buf := c.buffers.Get().(*[]byte)
	defer c.buffers.Put(buf)
	for {
		n, err := dog.fill(ctx, resp.Body, *buf)
		raw.Write((*buf)[:n])
		if int64(raw.Len()) > maxBytes {
			return nil, permanent(fmt.Errorf("%w: the limit is %d", ErrTooLong, maxBytes))
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	switch resp.Header.Get("Content-Encoding") {
	case "", "identity":
		return raw.Bytes(), nil
	case "gzip", "x-gzip":
		return gunzip(raw.Bytes(), maxBytes)
	}
	return nil, permanent(ErrEncoded)
}

func gunzip(data []byte, maxBytes int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("unpacking the page: %w", err)
	}
	out, err := io.ReadAll(io.LimitReader(z, maxBytes+1))
	if err != nil {
		return nil, fmt.Errorf("unpacking the page: %w", err)
	}
	if int64(len(out)) > maxBytes {
		return nil, permanent(fmt.Errorf("%w: the limit is %d", ErrTooLong, maxBytes))
	}
	return out, nil
}
