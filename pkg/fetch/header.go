package fetch

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// contentRange is the value of a Content-Range header (RFC 9110, 14.4).
type contentRange struct {
	first, last int64 // inclusive; both -1 in an answer 416 ("bytes */123")
	total       int64 // -1 if the server doesn't say ("*")
}

// parseContentRange is strict: a server that is vague about which bytes these
// are must not be believed.
func parseContentRange(s string) (contentRange, bool) {
	unit, rest, ok := strings.Cut(s, " ")
	if !ok || !strings.EqualFold(unit, "bytes") {
		return contentRange{}, false
	}
	span, total, ok := strings.Cut(rest, "/")
	if !ok {
		return contentRange{}, false
	}
	r := contentRange{first: -1, last: -1, total: -1}
	if total != "*" {
		if r.total, ok = parseLength(total); !ok {
			return contentRange{}, false
		}
	}
	if span == "*" {
		return r, r.total >= 0
	}
	first, last, ok := strings.Cut(span, "-")
	if !ok {
		return contentRange{}, false
	}
	var ok1, ok2 bool
	r.first, ok1 = parseLength(first)
	r.last, ok2 = parseLength(last)
	if !ok1 || !ok2 || r.first > r.last || (r.total >= 0 && r.last >= r.total) {
		return contentRange{}, false
	}
	return r, true
}

// parseLength reads decimal digits alone: strconv also takes signs.
func parseLength(s string) (int64, bool) {
	if s == "" || strings.Trim(s, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// parseRetryAfter reads a Retry-After header (RFC 9110, 10.2.3): seconds or a
// date. What is absent, in the past or unreadable is 0.
func parseRetryAfter(s string, now time.Time, limit time.Duration) time.Duration {
	s = strings.TrimSpace(s)
	if n, ok := parseLength(s); ok {
		if n > int64(limit/time.Second) {
			return limit
		}
		return min(time.Duration(n)*time.Second, limit)
	}
	t, err := http.ParseTime(s)
	if err != nil {
		return 0
	}
	return max(0, min(t.Sub(now), limit))
}

// strongETag returns the entity tag if it may stand in If-Range: weak tags
// don't promise the same bytes (RFC 9110, 13.1.5).
func strongETag(h http.Header) string {
	tag := h.Get("ETag")
	if len(tag) < 2 || tag[0] != '"' || tag[len(tag)-1] != '"' {
		return ""
	}
	return tag
}

// encoded says that the body is not the file itself but a coding of it.
func encoded(h http.Header) bool {
	for _, v := range h.Values("Content-Encoding") {
		if v = strings.TrimSpace(v); v != "" && !strings.EqualFold(v, "identity") {
			return true
		}
	}
	return false
}
