package locks

import (
	"net/url"
	"slices"
	"sort"
	"strings"
)

// purl writes a package URL (github.com/package-url/purl-spec). Qualifiers with
// an empty value are left out, the others are sorted, as the specification asks.
func purl(typ, namespace, name, version string, qualifiers map[string]string) string {
	var b strings.Builder
	b.Grow(64 + len(namespace) + len(name) + len(version))
	b.WriteString("pkg:")
	b.WriteString(typ)
	for seg := range strings.SplitSeq(namespace, "/") {
		if seg != "" {
			b.WriteByte('/')
			purlEscape(&b, seg)
		}
	}
	b.WriteByte('/')
	purlEscape(&b, name)
	if version != "" {
		b.WriteByte('@')
		purlEscape(&b, version)
	}
	keys := make([]string, 0, len(qualifiers))
	for k, v := range qualifiers {
		if v != "" {
			keys = append(keys, k)
		}
	}
	sort.Strings(keys)
	sep := byte('?')
	for _, k := range keys {
		b.WriteByte(sep)
		b.WriteString(k)
		b.WriteByte('=')
		purlEscape(&b, qualifiers[k], '/')
		sep = '&'
	}
	return b.String()
}

// purlEscape escapes what the specification asks for, but for one more character
// that the caller allows: in qualifiers programs leave the slash as it is.
func purlEscape(b *strings.Builder, s string, allowed ...byte) {
	const hex = "0123456789ABCDEF"
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			c == '.', c == '-', c == '_', c == '~', c == ':', slices.Contains(allowed, c):
			b.WriteByte(c)
		default:
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&15])
		}
	}
}

// withoutUser is the URL without user information: a purl goes into the SBOM.
func withoutUser(u *url.URL) string {
	c := *u
	c.User = nil
	return c.String()
}
