package rpm

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// XML is appended by hand: encoding/xml needs ten times as long, and escapes
// otherwise than libxml2, of which createrepo_c's output has to be reproduced:
// non-ASCII stays as it is in text, and becomes a character reference in
// attributes.

// escape classes of bytes
const (
	inText = 1 << iota // needs care in text
	inAttr             // needs care in an attribute
)

var escapeClass = func() (class [256]uint8) {
	for _, c := range "<>&\r" {
		class[c] = inText | inAttr
	}
	for _, c := range "\"\n\t" {
		class[c] |= inAttr
	}
	for c := utf8.RuneSelf; c < 256; c++ {
		class[c] = inText | inAttr
	}
	for c := range ' ' { // Write leaves out packages with control characters; this is the second line
		if c != '\t' && c != '\n' && c != '\r' {
			class[c] = inText | inAttr
		}
	}
	return class
}()

// plain says that s holds no byte of the class.
func plain(s string, class uint8) bool {
	for i := 0; i < len(s); i++ {
		if escapeClass[s[i]]&class != 0 {
			return false
		}
	}
	return true
}

func appendText(b []byte, s string) []byte {
	if plain(s, inText) {
		return append(b, s...)
	}
	return appendEscaped(b, toUTF8(s), inText)
}

// appendAttr appends ` name="value"`; open is everything before the value.
func appendAttr(b []byte, open, s string) []byte {
	b = append(b, open...)
	if plain(s, inAttr) {
		b = append(b, s...)
	} else {
		b = appendEscaped(b, toUTF8(s), inAttr)
	}
	return append(b, '"')
}

func appendIntAttr(b []byte, open string, n int64) []byte {
	return append(strconv.AppendInt(append(b, open...), n, 10), '"')
}

// appendEscaped appends s, which toUTF8 has made valid.
func appendEscaped(b []byte, s string, class uint8) []byte {
	for _, r := range s {
		switch {
		case escapeClass[byte(r)]&class == 0 && r < utf8.RuneSelf:
			b = append(b, byte(r))
		case r < ' ' && r != '\t' && r != '\n' && r != '\r':
			b = utf8.AppendRune(b, utf8.RuneError)
		case r >= utf8.RuneSelf && class == inText:
			b = utf8.AppendRune(b, r)
		case r >= utf8.RuneSelf:
			b = appendReference(b, r)
		default:
			b = appendEntity(b, byte(r))
		}
	}
	return b
}

func appendReference(b []byte, r rune) []byte {
	b = append(b, "&#x"...)
	b = append(b, strings.ToUpper(strconv.FormatInt(int64(r), 16))...)
	return append(b, ';')
}

func appendEntity(b []byte, c byte) []byte {
	switch c {
	case '<':
		return append(b, "&lt;"...)
	case '>':
		return append(b, "&gt;"...)
	case '&':
		return append(b, "&amp;"...)
	case '"':
		return append(b, "&quot;"...)
	}
	b = append(b, "&#"...)
	return append(strconv.AppendInt(b, int64(c), 10), ';')
}

// toUTF8 makes valid XML text. Strings that are not of UTF-8's form are taken
// for Latin-1 without its control codes, as createrepo_c does; a string of its
// form may still hold what XML forbids, which becomes U+FFFD.
func toUTF8(s string) string {
	if utf8.ValidString(s) && !strings.ContainsAny(s, "\uFFFE\uFFFF") {
		return s
	}
	if utf8Form(s) {
		return strings.Map(func(r rune) rune {
			if r == 0xFFFE || r == 0xFFFF {
				return utf8.RuneError
			}
			return r
		}, strings.ToValidUTF8(s, string(utf8.RuneError)))
	}
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if c := s[i]; c < 0x80 || c >= 0xC0 {
			b.WriteRune(rune(c))
		}
	}
	return b.String()
}

// utf8Form is libxml2's idea of UTF-8: lead bytes and continuation bytes fit,
// whatever they encode.
func utf8Form(s string) bool {
	for i := 0; i < len(s); {
		n := 0
		switch c := s[i]; {
		case c < 0x80:
			n = 1
		case c&0xe0 == 0xc0:
			n = 2
		case c&0xf0 == 0xe0:
			n = 3
		case c&0xf8 == 0xf0:
			n = 4
		default:
			return false
		}
		if i+n > len(s) {
			return false
		}
		for _, c := range []byte(s[i+1 : i+n]) {
			if c&0xc0 != 0x80 {
				return false
			}
		}
		i += n
	}
	return true
}
