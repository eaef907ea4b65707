package fetch

import (
	"fmt"
	"net/http"
)

// accept judges the status and headers of an answer, and prepares the sink for
// the body. whole says that the sink has everything already.
func (d *download) accept(resp *http.Response, offset int64) (whole bool, err error) {
	switch resp.StatusCode {
	case http.StatusOK:
		return false, d.acceptWhole(resp)
	case http.StatusPartialContent:
		return false, d.acceptPart(resp, offset)
	case http.StatusRequestedRangeNotSatisfiable:
		if offset > 0 {
			return d.rangeRefused(resp, offset)
		}
	}
	return false, d.c.statusError(resp)
}

// acceptWhole is for 200: the body is the file from its beginning, whether a
// range was asked for or not.
func (d *download) acceptWhole(resp *http.Response) error {
	if encoded(resp.Header) && (d.req.Size < 0 || resp.ContentLength != d.req.Size) {
		// Some servers call a .tar.gz "gzip-encoded" though it is the file
		// itself; a length that fits tells. Nothing is decoded in any case.
		return permanent(ErrEncoded)
	}
	if err := d.checkLength(resp.ContentLength); err != nil {
		return err
	}
	if err := d.reset(); err != nil {
		return err
	}
	d.etag = strongETag(resp.Header)
	return d.state(resp.ContentLength)
}

// acceptPart is for 206. Bytes that don't continue exactly what the sink has
// must not be appended; then the file is asked for whole.
func (d *download) acceptPart(resp *http.Response, offset int64) error {
	r, ok := parseContentRange(resp.Header.Get("Content-Range"))
	etag := strongETag(resp.Header)
	switch {
	case offset == 0: // nobody asked for a part
		return permanent(errMismatch)
	case !ok || r.first != offset, encoded(resp.Header),
		resp.ContentLength >= 0 && resp.ContentLength != r.last-r.first+1,
		d.etag != "" && etag != "" && etag != d.etag,
		d.length >= 0 && r.total >= 0 && r.total != d.length:
		return d.startOver(errMismatch)
	}
	if err := d.checkLength(r.total); err != nil {
		return err
	}
	if d.etag == "" {
		d.etag = etag
	}
	return d.state(r.total)
}

// rangeRefused is for 416: nothing begins at the offset. Either that is the end
// of the file, or the sink has something else than the beginning of this file.
func (d *download) rangeRefused(resp *http.Response, offset int64) (whole bool, err error) {
	r, ok := parseContentRange(resp.Header.Get("Content-Range"))
	if ok && r.first < 0 && r.total == offset && (d.req.Size < 0 || d.req.Size == offset) {
		return true, d.state(r.total)
	}
	return false, d.startOver(errMismatch)
}

// startOver throws away the bytes and asks for no range again at this URL.
func (d *download) startOver(why error) error {
	d.noRange, d.length = true, -1
	if err := d.reset(); err != nil {
		return err
	}
	return &Error{Err: why, restart: true}
}

// checkLength compares what the server says about the whole length with what
// is allowed. -1 is unknown.
func (d *download) checkLength(total int64) error {
	switch {
	case total < 0:
		return nil
	case d.req.Size >= 0 && total != d.req.Size:
		return permanent(fmt.Errorf("%w: %d bytes instead of %d", ErrWrongLength, total, d.req.Size))
	case d.req.Size < 0 && d.req.MaxBytes > 0 && total > d.req.MaxBytes:
		return permanent(fmt.Errorf("%w: %d bytes, the limit is %d", ErrTooLong, total, d.req.MaxBytes))
	}
	return nil
}

// state tells the sink the whole length, once.
func (d *download) state(total int64) error {
	d.length = total
	if known := d.known(); known > 0 && known != d.total {
		d.total = known
		if err := d.sink.SetSize(known); err != nil {
			return local("making room for the file", err)
		}
	}
	return nil
}
