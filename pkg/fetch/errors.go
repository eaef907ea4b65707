package fetch

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Error is a download that failed. Its text is for people: what, where, why,
// what to do. Nothing that a server has written is in it unescaped, and no
// credential.
type Error struct {
	// URL, redacted, of the first of the request's URLs, and its Host.
	URL, Host string
	// Status is the HTTP status that ended it, or 0.
	Status int
	// Tries is how many requests were made for that URL.
	Tries int
	// Permanent says that the same request would fail again.
	Permanent bool
	// Local says that the failure is on this side (the Sink refused): no other
	// URL would have helped.
	Local bool
	// Hint says what the user can do; may be empty.
	Hint string
	// Others are the errors of the request's further URLs.
	Others []*Error
	// Err is the cause. Its text may hold what a server has written.
	Err error

	retryAfter time.Duration
	restart    bool // the next try may follow at once: it will be another request
}

// Error implements error.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "downloading %s: %s", e.URL, e.reason())
	if e.Tries > 1 {
		fmt.Fprintf(&b, " (%d tries)", e.Tries)
	}
	if e.Hint != "" {
		b.WriteString("; " + e.Hint)
	}
	if n := len(e.Others); n == 1 {
		fmt.Fprintf(&b, "; the other URL failed too (%s: %s)", e.Others[0].Host, e.Others[0].reason())
	} else if n > 1 {
		fmt.Fprintf(&b, "; %d other URLs failed too (the last, %s: %s)", n, e.Others[n-1].Host, e.Others[n-1].reason())
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// IsPermanent says that err is a failed download that would fail again.
func IsPermanent(err error) bool {
	e, ok := errors.AsType[*Error](err)
	return ok && e.Permanent
}

func (e *Error) reason() string {
	if e.Status != 0 {
		return statusText(e.Status)
	}
	if e.Err == nil {
		return "unknown error"
	}
	return printable(describe(e.Err))
}

func statusText(code int) string {
	return strings.TrimSpace(fmt.Sprintf("the server answered %d %s", code, http.StatusText(code)))
}

// Causes that this package finds by itself.
var (
	// ErrNoProgress: the watchdog has ended a try.
	ErrNoProgress = errors.New("the server sent nothing for too long")
	// ErrTooLong: the origin has, or sends, more bytes than allowed.
	ErrTooLong = errors.New("the server has more bytes than expected")
	// ErrWrongLength: the origin's file is not as long as the request says.
	ErrWrongLength = errors.New("the server's file has another length than expected")
	// ErrEncoded: the body is compressed although identity was asked for.
	ErrEncoded = errors.New("the server sent a compressed body that nobody asked for")
	// ErrRedirect: a redirect that must not be followed.
	ErrRedirect = errors.New("refusing the server's redirect")
	// ErrURL: the URL can't be used at all.
	ErrURL = errors.New("unusable URL")

	errShort    = errors.New("the connection broke before the end of the file")
	errMismatch = errors.New("the server answered with another range than asked for")
)

// permanent makes an Error that ends the tries at a URL.
func permanent(err error) *Error { return &Error{Err: err, Permanent: true} }

// local makes an Error that ends the whole download.
func local(doing string, err error) *Error {
	return &Error{Err: fmt.Errorf("%s: %w", doing, err), Permanent: true, Local: true}
}

// statusError says what a final status means for the URL (RFC 9110, 15).
func (c *Client) statusError(resp *http.Response) *Error {
	e := &Error{Status: resp.StatusCode, Err: fmt.Errorf("HTTP status %d", resp.StatusCode)}
	switch code := resp.StatusCode; {
	case code == http.StatusTooManyRequests || code == http.StatusServiceUnavailable:
		e.retryAfter = parseRetryAfter(resp.Header.Get("Retry-After"), time.Now(), c.opt.MaxRetryAfter)
	case code == http.StatusRequestTimeout || code == http.StatusTooEarly:
	case code == http.StatusNotImplemented || code == http.StatusHTTPVersionNotSupported:
		e.Permanent = true
	case code >= 500 && code < 600:
	default:
		e.Permanent = true
	}
	e.Hint = statusHint(resp.StatusCode)
	if code := resp.StatusCode; code == http.StatusUnauthorized || code == http.StatusForbidden {
		e.Hint = c.refusalHint(resp.Request)
	}
	return e
}
