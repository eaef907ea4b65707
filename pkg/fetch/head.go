package fetch

import (
	"context"
	"errors"
	"net/http"
)

// Head asks the URLs in turn how long the file is, in bytes; -1 if none that
// answers will say. It has the priority of Demand: whoever wants a size waits for it.
// The error is the first URL's when no URL has the file.
func (c *Client) Head(ctx context.Context, urls []string) (int64, error) {
	first := error(&Error{URL: "(no URL)", Permanent: true, Err: ErrURL})
	answered := false
	for i, raw := range urls {
		size, err := c.headOne(ctx, raw)
		switch {
		case err == nil && size >= 0:
			return size, nil
		case ctx.Err() != nil:
			return -1, err
		case err == nil:
			answered = true
		case i == 0:
			first = err
		}
	}
	if answered {
		return -1, nil
	}
	return -1, first
}

// headOne asks by HEAD, and where a server doesn't do that (or signs its URLs
// for GET alone), for the first byte.
func (c *Client) headOne(ctx context.Context, raw string) (int64, error) {
	tg, bad := c.parseTarget(raw)
	if bad != nil {
		return -1, bad
	}
	size := int64(-1)
	if tg.url.Scheme != "file" {
		err := c.persist(ctx, tg, NewTicket(Demand), func(ctx context.Context) (_ bool, err error) {
			size, err = c.head(ctx, tg)
			return false, err
		})
		if err == nil && size >= 0 || err != nil && !refusesHead(err) {
			return size, err
		}
	}
	r, err := c.Range(ctx, raw, 0, 1)
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusRequestedRangeNotSatisfiable {
		return 0, nil // an empty file has no first byte
	}
	if err != nil {
		return -1, err
	}
	return r.Total, nil
}

func refusesHead(err error) bool {
	e, ok := errors.AsType[*Error](err)
	if !ok {
		return false
	}
	switch e.Status {
	case http.StatusMethodNotAllowed, http.StatusNotImplemented, http.StatusForbidden, http.StatusBadRequest:
		return true
	}
	return false
}

func (c *Client) head(parent context.Context, tg *target) (int64, error) {
	ctx, dog := newWatchdog(parent, c.opt.NoProgress)
	defer dog.stop()
	resp, err := c.do(ctx, http.MethodHead, tg, http.Header{"Accept": {"*/*"}}, false)
	if err != nil {
		return -1, dog.cause(ctx, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return -1, c.statusError(resp)
	}
	if encoded(resp.Header) {
		return -1, nil
	}
	return resp.ContentLength, nil
}
