package locks

import "strings"

// readPlainYAML reads the part of YAML that the tools that write lock files
// use: block mappings and lists of values that end on their line, without
// anchors, tags or comments behind values. At anything else it says false, and the caller asks
// the full reader; so it never has to judge whether a document is valid, and
// it may be as narrow as it likes. What it accepts, the full reader reads in
// the same way: a fuzz test holds the two against each other.
func readPlainYAML(s string) (*node, bool) {
	r := plainReader{}
	if !r.split(s) || len(r.lines) == 0 {
		return nil, false
	}
	n, ok := r.block(r.lines[0].indent, 0)
	return n, ok && r.at == len(r.lines)
}

// plainLine is a line with content.
type plainLine struct {
	text   string // without the indentation and the line's end
	indent int
	num    int
	off    int // of text, in the document
}

type plainReader struct {
	lines []plainLine
	at    int
	arena arena
}

// split cuts the document into its lines with content.
func (r *plainReader) split(s string) bool {
	r.lines = make([]plainLine, 0, strings.Count(s, "\n")+1)
	num, next, started := 0, 0, false
	for line := range strings.SplitSeq(s, "\n") {
		at := next
		num, next = num+1, next+len(line)+1
		if !isPrintable(line) {
			return false
		}
		text := strings.TrimLeft(line, " ")
		switch {
		case text == "", text[0] == '#':
			continue
		case line == "---" && !started && len(r.lines) == 0:
			started = true
			continue
		case strings.HasPrefix(line, "---"), strings.HasPrefix(line, "..."), line[0] == '%':
			return false
		}
		indent := len(line) - len(text)
		r.lines = append(r.lines, plainLine{text, indent, num, at + indent})
	}
	return true
}

// isPrintable says whether the line is plain ASCII. (YAML takes U+0085 and
// U+2028 for line ends, and other characters aren't allowed at all.)
func isPrintable(line string) bool {
	for i := 0; i < len(line); i++ {
		if line[i] < 0x20 || line[i] > 0x7e {
			return false
		}
	}
	return true
}

// block reads the mapping or list whose lines have the given indentation.
func (r *plainReader) block(indent, depth int) (*node, bool) {
	first := &r.lines[r.at]
	if depth > maxDepth || first.indent != indent {
		return nil, false
	}
	n, err := r.arena.new(kindMap, first.num)
	if err != nil {
		return nil, false
	}
	n.pos = int32(first.off)
	if isItem(first.text) {
		n.kind = kindList
		return n, r.listItems(n, indent, depth)
	}
	return n, r.members(n, indent, depth)
}

func isItem(text string) bool { return strings.HasPrefix(text, "- ") }

// listItems reads "- …" lines. The text behind the dash becomes a line of its
// own with more indentation: that is how YAML defines it.
func (r *plainReader) listItems(n *node, indent, depth int) bool {
	for r.at < len(r.lines) {
		l := &r.lines[r.at]
		if l.indent < indent || l.indent == indent && !isItem(l.text) {
			return true
		}
		if l.indent > indent {
			return false
		}
		rest := strings.TrimLeft(l.text[2:], " ")
		if rest == "" || rest[0] == '#' || isItem(rest) {
			return false
		}
		l.indent += len(l.text) - len(rest)
		l.off += len(l.text) - len(rest)
		l.text = rest
		var v *node
		var ok bool
		if _, _, isMember := cutKey(rest); isMember {
			v, ok = r.block(l.indent, depth+1)
		} else {
			v, ok = r.value(l, rest, depth)
			r.at++
		}
		if !ok {
			return false
		}
		n.items = append(n.items, v)
	}
	return true
}

// members reads "key: value" lines.
func (r *plainReader) members(n *node, indent, depth int) bool {
	for r.at < len(r.lines) {
		l := &r.lines[r.at]
		if l.indent < indent {
			return true
		}
		key, value, ok := cutKey(l.text)
		if !ok || l.indent > indent || n.find(key) >= 0 {
			return false
		}
		r.at++
		var v *node
		if value == "" {
			v, ok = r.nested(l, depth)
		} else {
			v, ok = r.value(l, value, depth)
		}
		if !ok {
			return false
		}
		r.arena.put(n, nodeKey{name: key, line: int32(l.num)}, v)
	}
	return true
}

// nested reads what belongs to a key with nothing behind it.
func (r *plainReader) nested(key *plainLine, depth int) (*node, bool) {
	if r.at == len(r.lines) {
		return nil, false // null; the full reader knows its line
	}
	next := &r.lines[r.at]
	if next.indent > key.indent || next.indent == key.indent && isItem(next.text) {
		return r.block(next.indent, depth+1)
	}
	return nil, false
}

// cutKey cuts "key: value" or "key:".
func cutKey(text string) (key, value string, ok bool) {
	if text[0] == '\'' || text[0] == '"' {
		key, value, ok = cutQuoted(text)
		if !ok || value == "" || value[0] != ':' {
			return "", "", false
		}
		value = value[1:]
	} else {
		i := keyEnd(text)
		if i < 0 || !isPlainStart(text[0]) {
			return "", "", false
		}
		key, value = text[:i], text[i+1:]
	}
	// A key of more than 1024 bytes is none (YAML 1.2, section 7.4.2).
	if len(key) > 1000 || value != "" && value[0] != ' ' {
		return "", "", false
	}
	return key, strings.TrimLeft(value, " "), true
}

// keyEnd is the place of the colon that ends a bare key, or -1.
func keyEnd(text string) int {
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == ':' && (i+1 == len(text) || text[i+1] == ' '):
			return i
		case !isBareKey(c) && strings.IndexByte("./:@()+=~^", c) < 0:
			return -1
		}
	}
	return -1
}

// value reads what stands behind a key or a dash, up to the end of the line.
func (r *plainReader) value(l *plainLine, text string, depth int) (*node, bool) {
	f := flowReader{arena: &r.arena, line: l.num, text: text, off: l.off + len(l.text) - len(text)}
	switch c := text[0]; {
	case c == '{' || c == '[' || c == '\'' || c == '"':
		n, ok := f.value(depth + 1)
		return n, ok && f.at == len(text)
	case !isPlain(text):
		return nil, false
	}
	return f.scalar(kindPlain, text, 0)
}

// isPlain says whether text is an unquoted scalar beyond doubt.
func isPlain(text string) bool {
	return isPlainStart(text[0]) && text[len(text)-1] != ':' && text[len(text)-1] != ' ' &&
		!strings.Contains(text, ": ") && !strings.Contains(text, " #")
}

func isPlainStart(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c) || strings.IndexByte("/_.^~(+<$", c) >= 0
}
