package fetch

import (
	"fmt"
	"net/url"
	"strings"
	"unicode"
)

// invalidURL stands for a URL that can't be parsed, and so can't be redacted.
const invalidURL = "(an invalid URL)"

// Redact makes a URL fit for messages: no user and password, no values in the
// query (signatures and tokens are there), no fragment, no control characters.
func Redact(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return invalidURL
	}
	return redact(u)
}

func redact(u *url.URL) string {
	clean := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path, RawPath: u.RawPath, Opaque: u.Opaque}
	if u.Opaque != "" { // "mailto:someone", "user:password@host": no telling what is secret
		clean.Opaque = "…"
	}
	s := clean.String()
	if u.RawQuery != "" {
		s += "?" + redactQuery(u.RawQuery)
	}
	return printable(s)
}

func redactQuery(q string) string {
	parts := strings.Split(q, "&")
	for i, p := range parts {
		// A part with no "=" may be a token by itself.
		if key, _, ok := strings.Cut(p, "="); ok {
			parts[i] = key + "=…"
		} else {
			parts[i] = "…"
		}
	}
	return strings.Join(parts, "&")
}

// maxPrinted bounds what a server can put into one message.
const maxPrinted = 300

// printable escapes what could move a terminal's cursor, hide text or reverse
// it: everything that Unicode doesn't call printable.
func printable(s string) string {
	var b strings.Builder
	for i, r := range s {
		if i >= maxPrinted {
			b.WriteString("…")
			break
		}
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "\\u%04x", r)
		}
	}
	return b.String()
}
