package plan

import (
	"slices"
	"strings"
)

// truth is the value of a marker of which only a part is known: the platform
// is, the Python in the image is not. The order makes "and" the smaller and
// "or" the greater of two values.
type truth int

const (
	no truth = iota
	unknown
	yes
)

func truthOf(b bool) truth {
	if b {
		return yes
	}
	return no
}

// maxMarkerDepth bounds the recursion over parentheses: locks are untrusted.
const maxMarkerDepth = 50

// marker evaluates a PEP 508 environment marker for the variables in env; all
// others are unknown, and so is a marker that is malformed or nested too deep.
// Libraries evaluate markers for a complete environment only, and what is
// needed here is "can this be true on the target?".
func marker(s string, env map[string]string) truth {
	p := markerParser{rest: s, env: env}
	t := p.or()
	if p.bad || p.next() != "" {
		return unknown
	}
	return t
}

type markerParser struct {
	rest  string
	env   map[string]string
	depth int
	bad   bool
}

func (p *markerParser) or() truth {
	t := p.and()
	for p.accept("or") {
		t = max(t, p.and())
	}
	return t
}

func (p *markerParser) and() truth {
	t := p.term()
	for p.accept("and") {
		t = min(t, p.term())
	}
	return t
}

func (p *markerParser) term() truth {
	if !p.accept("(") {
		return p.comparison()
	}
	if p.depth++; p.depth > maxMarkerDepth {
		p.bad, p.rest = true, ""
		return unknown
	}
	t := p.or()
	p.bad = p.bad || !p.accept(")")
	p.depth--
	return t
}

func (p *markerParser) comparison() truth {
	left, leftKnown := p.operand()
	op := p.take()
	if op == "not" && p.accept("in") {
		op = "not in"
	}
	right, rightKnown := p.operand()
	if p.bad || !leftKnown || !rightKnown {
		return unknown
	}
	switch op {
	case "==", "===":
		return truthOf(left == right)
	case "!=":
		return truthOf(left != right)
	case "in":
		return truthOf(strings.Contains(right, left))
	case "not in":
		return truthOf(!strings.Contains(right, left))
	}
	// Ordering compares versions, and none of the known variables is one.
	return unknown
}

// operand is a quoted string, or a variable and whether its value is known.
func (p *markerParser) operand() (value string, known bool) {
	word := p.take()
	if word == "" || slices.Contains(markerWords, word) || strings.ContainsRune("()=<>!~", rune(word[0])) {
		p.bad = true
		return "", false
	}
	if word[0] == '\'' || word[0] == '"' {
		return word[1 : len(word)-1], true
	}
	// "os.name" and "sys.platform" are the old spellings (PEP 345).
	value, known = p.env[strings.ReplaceAll(word, ".", "_")]
	return value, known
}

var markerWords = []string{"and", "or", "in", "not"}

func (p *markerParser) accept(word string) bool {
	if p.next() != word {
		return false
	}
	p.take()
	return true
}

func (p *markerParser) take() string {
	word := p.next()
	p.rest = strings.TrimLeft(p.rest, " \t")[len(word):]
	return word
}

// next is the token in front: a word, a quoted string with its quotes, an
// operator, a parenthesis; empty at the end and where nothing can be read.
func (p *markerParser) next() string {
	s := strings.TrimLeft(p.rest, " \t")
	if s == "" {
		return ""
	}
	n := 0
	switch c := s[0]; {
	case c == '(' || c == ')':
		return s[:1]
	case c == '\'' || c == '"':
		if end := strings.IndexByte(s[1:], c); end >= 0 {
			return s[:end+2]
		}
	case strings.IndexByte("=<>!~", c) >= 0:
		for n < len(s) && strings.IndexByte("=<>!~", s[n]) >= 0 {
			n++
		}
		return s[:n]
	default:
		for n < len(s) && strings.IndexByte(" \t()'\"=<>!~", s[n]) < 0 {
			n++
		}
		return s[:n]
	}
	p.bad = true // an unterminated string
	return ""
}
