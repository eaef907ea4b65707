package locks

import (
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// value reads the value at pos.
func (r *tomlReader) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errAt(r.line, "the file is nested deeper than %d levels", maxDepth)
	}
	n, err := r.arena.new(kindString, r.line)
	if err != nil {
		return nil, errAt(r.line, "%w", err)
	}
	switch rest := r.s[r.pos:]; {
	case strings.HasPrefix(rest, `"""`), strings.HasPrefix(rest, `'''`):
		n.text, err = r.multiLine(rest[:3])
	case strings.HasPrefix(rest, `"`):
		n.text, err = r.basic()
	case strings.HasPrefix(rest, `'`):
		n.text, err = r.literal()
	case strings.HasPrefix(rest, "["):
		n.kind = kindList
		err = r.array(n, depth)
	case strings.HasPrefix(rest, "{"):
		n.kind = kindMap
		err = r.inline(n, depth)
	default:
		n.kind = kindBare
		n.text, err = r.bare()
	}
	return n, err
}

func (r *tomlReader) array(n *node, depth int) error {
	r.pos++
	for {
		r.blank()
		if r.peek() == ']' {
			r.pos++
			return nil
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.items = append(n.items, v)
		r.blank()
		if r.peek() == ',' {
			r.pos++
		} else if r.peek() != ']' {
			return r.fail("a comma or ] is missing in a list")
		}
	}
}

func (r *tomlReader) inline(n *node, depth int) error {
	r.pos++
	for {
		r.blank()
		if r.peek() == '}' {
			r.pos++
			seal(n)
			return nil
		}
		if err := r.keyValue(n, depth); err != nil {
			return err
		}
		r.blank()
		if r.peek() == ',' {
			r.pos++
		} else if r.peek() != '}' {
			return r.fail("a comma or } is missing in an inline table")
		}
	}
}

// seal closes the tables that dotted keys have made within an inline table.
func seal(n *node) {
	for _, v := range n.items {
		if v.toml == tomlDotted {
			v.toml = tomlClosed
			seal(v)
		}
	}
}

// literal reads a 'literal string'.
func (r *tomlReader) literal() (string, error) {
	r.pos++
	start := r.pos
	for r.pos < len(r.s) && !r.control() {
		if r.s[r.pos] == '\'' {
			r.pos++
			return r.s[start : r.pos-1], nil
		}
		r.pos++
	}
	return "", r.fail("a string doesn't end")
}

// basic reads a "basic string".
func (r *tomlReader) basic() (string, error) {
	r.pos++
	start := r.pos
	var b []byte // only made when there are escapes
	for r.pos < len(r.s) && !r.control() {
		switch r.s[r.pos] {
		case '"':
			s := r.s[start:r.pos]
			r.pos++
			if b == nil {
				return s, nil
			}
			return string(append(b, s...)), nil
		case '\\':
			b = append(b, r.s[start:r.pos]...)
			c, err := r.escape()
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, c)
			start = r.pos
		default:
			r.pos++
		}
	}
	return "", r.fail("a string doesn't end")
}

// escape reads the escape sequence at pos.
func (r *tomlReader) escape() (rune, error) {
	r.pos++
	c := r.peek()
	r.pos++
	digits := 0
	switch c {
	case 'b':
		return '\b', nil
	case 't':
		return '\t', nil
	case 'n':
		return '\n', nil
	case 'f':
		return '\f', nil
	case 'r':
		return '\r', nil
	case 'e':
		return 0x1b, nil
	case '"', '\\':
		return rune(c), nil
	case 'x':
		digits = 2
	case 'u':
		digits = 4
	case 'U':
		digits = 8
	default:
		return 0, r.fail("a string has an unknown escape sequence")
	}
	if len(r.s)-r.pos < digits {
		return 0, r.fail("a string doesn't end")
	}
	v, err := strconv.ParseUint(r.s[r.pos:r.pos+digits], 16, 32)
	if err != nil || v > utf8.MaxRune || !utf8.ValidRune(rune(v)) {
		return 0, r.fail("a string has an escape sequence that is no character")
	}
	r.pos += digits
	return rune(v), nil
}

// multiLine reads a string between three quotes.
func (r *tomlReader) multiLine(quotes string) (string, error) {
	r.pos += len(quotes)
	r.newline() // one directly behind the quotes doesn't count
	var b []byte
	for r.pos < len(r.s) {
		if strings.HasPrefix(r.s[r.pos:], quotes) {
			r.pos += len(quotes)
			// Up to two quotes may stand in front of the closing three.
			for range 2 {
				if r.peek() == quotes[0] {
					b = append(b, quotes[0])
					r.pos++
				}
			}
			return string(b), nil
		}
		at := r.pos
		switch {
		case r.newline():
			b = append(b, '\n')
		case r.control():
			return "", r.fail("a string holds a control character")
		case r.s[at] == '\\' && quotes[0] == '"':
			if r.lineContinues() {
				continue
			}
			c, err := r.escape()
			if err != nil {
				return "", err
			}
			b = utf8.AppendRune(b, c)
		default:
			b = append(b, r.s[at])
			r.pos++
		}
	}
	return "", r.fail("a string doesn't end")
}

// lineContinues passes over a backslash at the end of a line and the white
// space up to the next text.
func (r *tomlReader) lineContinues() bool {
	start := r.pos
	r.pos++
	r.space()
	if !r.newline() {
		r.pos = start
		return false
	}
	for r.space(); r.newline(); r.space() {
	}
	return true
}

// bare reads a boolean, number, date or time. Integers come back in plain
// decimal notation, everything else as it is written.
func (r *tomlReader) bare() (string, error) {
	start := r.pos
	r.token()
	s := r.s[start:r.pos]
	// "1979-05-27 07:32:00": the one token that may hold a space.
	if len(s) == len(time.DateOnly) && r.peek() == ' ' && r.pos+1 < len(r.s) && isDigit(r.s[r.pos+1]) {
		r.pos++
		r.token()
		s = r.s[start:r.pos]
	}
	switch s {
	case "":
		return "", r.fail("a value is expected here")
	case "true", "false", "inf", "+inf", "-inf", "nan", "+nan", "-nan":
		return s, nil
	}
	if v, ok := tomlInt(s); ok {
		return v, nil
	}
	if isTOMLTime(s) || isTOMLFloat(s) {
		return s, nil
	}
	return "", r.fail("%q is no value", clip(s))
}

func (r *tomlReader) token() {
	for r.pos < len(r.s) && (isBareKey(r.s[r.pos]) || strings.IndexByte("+.:", r.s[r.pos]) >= 0) {
		r.pos++
	}
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// tomlInt reads an integer, and writes it in decimal.
func tomlInt(s string) (string, bool) {
	if len(s) > 2 && s[0] == '0' && (s[1] == 'x' || s[1] == 'o' || s[1] == 'b') {
		v, err := strconv.ParseInt(s, 0, 64) // Go's underscores are TOML's
		ok := err == nil && s[2] != '_'      // but for the one behind the prefix
		return strconv.FormatInt(v, 10), ok
	}
	digits := strings.TrimLeft(s, "+-")
	if len(s)-len(digits) > 1 || !isDecimal(digits) {
		return "", false
	}
	v, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 10, 64)
	return strconv.FormatInt(v, 10), err == nil
}

// isDecimal says whether s is digits with underscores between them, and no leading zero.
func isDecimal(s string) bool {
	return isDigits(s) && (len(s) == 1 || s[0] != '0')
}

func isDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		inner := i > 0 && i < len(s)-1 && s[i-1] != '_'
		if !isDigit(s[i]) && (s[i] != '_' || !inner) {
			return false
		}
	}
	return s != ""
}

func isTOMLFloat(s string) bool {
	if s[0] == '+' || s[0] == '-' {
		s = s[1:]
	}
	mantissa, exp, hasExp := strings.Cut(strings.ReplaceAll(s, "E", "e"), "e")
	whole, frac, hasFrac := strings.Cut(mantissa, ".")
	if !isDecimal(whole) || hasFrac && !isDigits(frac) || !hasExp && !hasFrac {
		return false
	}
	digits := strings.TrimLeft(exp, "+-")
	return !hasExp || len(exp)-len(digits) <= 1 && isDigits(digits)
}

func isTOMLTime(s string) bool {
	if len(s) < 5 || !isDigit(s[0]) || !isDigit(s[1]) || s[2] != ':' && s[4] != '-' {
		return false
	}
	if len(s) > 10 && (s[10] == ' ' || s[10] == 't') {
		s = s[:10] + "T" + s[11:]
	}
	s = strings.Replace(s, "z", "Z", 1)
	for _, layout := range []string{
		time.RFC3339, "2006-01-02T15:04:05", time.DateOnly, time.TimeOnly,
		"2006-01-02T15:04Z07:00", "2006-01-02T15:04", "15:04",
	} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}
