package rpm

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deep elements are nested. Repodata has four levels.
const maxDepth = 32

// errMarkup is wrapped by all that is wrong with a piece of XML.
var errMarkup = errors.New("unusable XML")

// markup reads a piece of XML as repodata has it: elements, attributes, text and
// the predefined entities. Everything else (comments, CDATA, processing
// instructions), and what XML forbids or an XML processor would change on the
// way (carriage returns, line ends in attributes), is an error. encoding/xml
// needs twenty times as long. Strings are parts of the text where nothing was
// escaped. After the first error, which stays in err, next returns false.
type markup struct {
	rest  string
	err   error
	depth int // of children within children

	// Of the tag that next has found:
	name          string
	attrs         []field
	opens, closes bool // both for an empty element
	text          string
}

// field is an attribute: read, or to be read into to.
type field struct {
	name, value string
	to          *string
}

func (m *markup) failf(format string, args ...any) {
	if m.err == nil {
		m.err = fmt.Errorf("%w: %s", errMarkup, fmt.Sprintf(format, args...))
	}
}

// next goes to the next tag; text is what stands before it.
func (m *markup) next() bool {
	if m.err != nil {
		return false
	}
	start := strings.IndexByte(m.rest, '<')
	if start < 0 {
		m.failf("it ends within an element")
		return false
	}
	m.text = m.unescape(m.rest[:start], inText)
	m.rest = m.rest[start+1:]
	if m.closes = strings.HasPrefix(m.rest, "/"); m.closes {
		m.rest = m.rest[1:]
	}
	m.opens = !m.closes
	m.name, m.attrs = m.word(), m.attrs[:0]
	for m.err == nil {
		switch m.skipSpace(); {
		case strings.HasPrefix(m.rest, ">"):
			m.rest = m.rest[1:]
			return true
		case strings.HasPrefix(m.rest, "/>") && m.opens:
			m.rest, m.closes = m.rest[2:], true
			return true
		case m.opens:
			m.attribute()
		default:
			m.failf("a closing tag %.40q has more than a name", m.name)
		}
	}
	return false
}

func (m *markup) attribute() {
	name := m.word()
	if m.err != nil || len(m.rest) < 2 || m.rest[0] != '=' || m.rest[1] != '"' && m.rest[1] != '\'' {
		m.failf("the attribute %.40q has no value", name)
		return
	}
	end := strings.IndexByte(m.rest[2:], m.rest[1])
	if end < 0 {
		m.failf("the attribute %.40q has no end", name)
		return
	}
	m.attrs = append(m.attrs, field{name: name, value: m.unescape(m.rest[2:2+end], inAttr)})
	m.rest = m.rest[2+end+1:]
}

// nameBytes are those that names of repodata are made of.
var nameBytes = func() (is [256]bool) {
	for c := range is {
		is[c] = isLetter(byte(c)) || isDigit(byte(c)) || strings.IndexByte(":-_.", byte(c)) >= 0
	}
	return is
}()

func (m *markup) word() string {
	n := 0
	for n < len(m.rest) && nameBytes[m.rest[n]] {
		n++
	}
	if n == 0 {
		m.failf("there is no name at %.20q", m.rest)
	}
	word := m.rest[:n]
	m.rest = m.rest[n:]
	return word
}

func (m *markup) skipSpace() {
	n := 0
	for n < len(m.rest) && (m.rest[n] == ' ' || m.rest[n] == '\n' || m.rest[n] == '\t' || m.rest[n] == '\r') {
		n++
	}
	m.rest = m.rest[n:]
}

// unescape is the text that s stands for; class says where s stands.
func (m *markup) unescape(s string, class uint8) string {
	if plain(s, class) {
		return s
	}
	var b strings.Builder
	for s != "" && m.err == nil {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == '&':
			r, size = m.reference(s)
		case r == utf8.RuneError && size == 1, r == '<', r < ' ' && r != '\n' && r != '\t', class == inAttr && r < ' ', !isXML(r):
			m.failf("the character %q", s[:size])
		}
		b.WriteRune(r)
		s = s[size:]
	}
	return b.String()
}

// reference is the character that a reference stands for, and the reference's length.
func (m *markup) reference(s string) (rune, int) {
	end := strings.IndexByte(s[:min(len(s), 12)], ';')
	if end < 0 {
		m.failf("the reference %.12q has no end", s)
		return 0, 1
	}
	switch name := s[1:end]; name {
	case "amp":
		return '&', end + 1
	case "lt":
		return '<', end + 1
	case "gt":
		return '>', end + 1
	case "quot":
		return '"', end + 1
	case "apos":
		return '\'', end + 1
	default:
		return m.number(name), end + 1
	}
}

// number is the character of "#10" and "#xA".
func (m *markup) number(name string) rune {
	digits, base := strings.TrimPrefix(name, "#"), 10
	if strings.HasPrefix(digits, "x") {
		digits, base = digits[1:], 16
	}
	n, err := strconv.ParseUint(digits, base, 32)
	if err != nil || digits == name || n > utf8.MaxRune || !utf8.ValidRune(rune(n)) || !isXML(rune(n)) {
		m.failf("the reference %.12q", name)
		return 0
	}
	return rune(n)
}

// isXML says that XML 1.0 permits the character.
func isXML(r rune) bool {
	return r >= ' ' && r != 0xFFFE && r != 0xFFFF || r == '\n' || r == '\t' || r == '\r'
}

// skipProlog leaves the XML declaration out, if there is one.
func (m *markup) skipProlog() {
	if m.skipSpace(); strings.HasPrefix(m.rest, "<?xml ") {
		if _, rest, ok := strings.Cut(m.rest, "?>"); ok {
			m.rest = rest
		}
	}
}

// fill reads the attributes; those that are absent become "", others than the
// wanted are an error: what they mean is not known.
func (m *markup) fill(wanted ...field) {
	for _, w := range wanted {
		*w.to = ""
	}
next:
	for _, a := range m.attrs {
		for _, w := range wanted {
			if w.name == a.name {
				*w.to = a.value
				continue next
			}
		}
		m.failf("%.40q has the unknown attribute %.40q", m.name, a.name)
	}
}

// content is the text of the element at whose start the reader stands; it goes
// to the element's end.
func (m *markup) content() string {
	if m.closes {
		return ""
	}
	name := m.name
	if !m.next() {
		return ""
	}
	if m.opens || m.name != name {
		m.failf("%.40q has the element %.40q in it", name, m.name)
	}
	return m.text
}

// children calls use at the start of each element within the one at whose start
// the reader stands, and goes to its end. use has to read the element to its end.
func (m *markup) children(use func(name string)) {
	if m.closes {
		return
	}
	outer := m.name
	if m.depth++; m.depth > maxDepth {
		m.failf("elements are nested too deep")
	}
	defer func() { m.depth-- }()
	for m.next() {
		switch {
		case m.opens:
			use(m.name)
		case m.name == outer:
			return
		default:
			m.failf("%.40q is closed by %.40q", outer, m.name)
		}
	}
}

// skip goes to the end of an element that is of no interest.
func (m *markup) skip() { m.children(func(string) { m.skip() }) }

// empty goes to the end of an element that has no content.
func (m *markup) empty() {
	if m.content() != "" {
		m.failf("%.40q has content", m.name)
	}
}

func (m *markup) integer(s string) int64 {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		m.failf("%.40q has the number %.40q", m.name, s)
	}
	return n
}
