package locks

import (
	"strings"
	"unicode/utf8"
)

// tomlState is how a TOML table or array came to be, which decides what may
// still be added to it (TOML 1.0, "Table", "Array of Tables").
type tomlState uint8

const (
	tomlClosed  tomlState = iota // an inline table or array: complete as it stands
	tomlImplied                  // a table that only stands in front of others: [implied.x]
	tomlDefined                  // a table with a header of its own
	tomlDotted                   // a table made by a dotted key
	tomlTables                   // an array of tables: [[x]]
)

// readTOML reads a TOML 1.0 document, and the newlines in inline tables that
// TOML 1.1 allows. github.com/BurntSushi/toml, against which the tests hold it,
// keeps no lines for values and takes ten times as long.
func readTOML(data []byte) (*node, error) {
	r := &tomlReader{s: strings.TrimPrefix(string(data), "\uFEFF"), line: 1}
	if !utf8.ValidString(r.s) {
		return nil, errAt(r.badUTF8(), "the file is not UTF-8")
	}
	root, err := r.arena.new(kindMap, 1)
	if err != nil {
		return nil, err
	}
	root.toml = tomlDefined
	table := root
	for {
		r.blank()
		if r.pos == len(r.s) {
			return root, nil
		}
		if r.s[r.pos] == '[' {
			table, err = r.header(root)
		} else {
			err = r.keyValue(table, 0)
		}
		if err == nil {
			err = r.endOfLine()
		}
		if err != nil {
			return nil, err
		}
	}
}

type tomlReader struct {
	s     string
	pos   int
	line  int
	arena arena
}

func (r *tomlReader) fail(format string, args ...any) error {
	return errAt(r.line, "the file is not valid TOML: "+format, args...)
}

func (r *tomlReader) badUTF8() int {
	line := 1
	for i, c := range r.s {
		if c == '\n' {
			line++
		}
		if c == utf8.RuneError {
			if _, n := utf8.DecodeRuneInString(r.s[i:]); n == 1 {
				break
			}
		}
	}
	return line
}

// peek is the byte at pos, 0 at the end. (A NUL in the document is no valid
// TOML anywhere, so the two are treated alike.)
func (r *tomlReader) peek() byte {
	if r.pos < len(r.s) {
		return r.s[r.pos]
	}
	return 0
}

func (r *tomlReader) space() {
	for r.peek() == ' ' || r.peek() == '\t' {
		r.pos++
	}
}

// newline passes over one line end, if there is one.
func (r *tomlReader) newline() bool {
	if strings.HasPrefix(r.s[r.pos:], "\r\n") {
		r.pos++
	}
	if r.peek() != '\n' {
		return false
	}
	r.pos++
	r.line++
	return true
}

func (r *tomlReader) comment() {
	if r.peek() == '#' {
		for r.pos < len(r.s) && r.s[r.pos] != '\n' && !r.control() {
			r.pos++
		}
	}
}

// control says whether a control character stands at pos that TOML allows nowhere.
func (r *tomlReader) control() bool {
	c := r.s[r.pos]
	return c < 0x20 && c != '\t' || c == 0x7f
}

// blank passes over white space, comments and line ends.
func (r *tomlReader) blank() {
	for {
		r.space()
		r.comment()
		if !r.newline() {
			return
		}
	}
}

func (r *tomlReader) endOfLine() error {
	r.space()
	r.comment()
	if r.pos < len(r.s) && !r.newline() {
		return r.fail("%q follows where the line should end", r.s[r.pos:r.pos+1])
	}
	return nil
}

// header reads [a.b] or [[a.b]], and returns the table that it opens.
func (r *tomlReader) header(root *node) (*node, error) {
	line := r.line
	r.pos++
	double := r.peek() == '['
	if double {
		r.pos++
	}
	path, err := r.key()
	if err != nil {
		return nil, err
	}
	closing := "]"
	if double {
		closing = "]]"
	}
	if !strings.HasPrefix(r.s[r.pos:], closing) {
		return nil, r.fail("a table's header doesn't end with %s", closing)
	}
	r.pos += len(closing)
	t := root
	for _, k := range path[:len(path)-1] {
		if t, err = r.through(t, k, line); err != nil {
			return nil, err
		}
	}
	last := path[len(path)-1]
	if double {
		return r.openElement(t, last, line)
	}
	return r.openTable(t, last, line)
}

// through walks into a table that stands in front of the last part of a header.
func (r *tomlReader) through(t *node, key string, line int) (*node, error) {
	i := t.find(key)
	if i < 0 {
		return r.addTo(t, key, kindMap, tomlImplied, line)
	}
	v := t.items[i]
	if v.toml == tomlTables {
		return v.items[len(v.items)-1], nil
	}
	if v.kind != kindMap || v.toml == tomlClosed {
		return nil, r.fail("%q can't be extended", clip(key))
	}
	return v, nil
}

func (r *tomlReader) openTable(t *node, key string, line int) (*node, error) {
	i := t.find(key)
	if i < 0 {
		return r.addTo(t, key, kindMap, tomlDefined, line)
	}
	v := t.items[i]
	if v.kind != kindMap || v.toml != tomlImplied {
		return nil, r.fail("%q is there twice", clip(key))
	}
	v.toml = tomlDefined
	return v, nil
}

func (r *tomlReader) openElement(t *node, key string, line int) (*node, error) {
	var list *node
	var err error
	if i := t.find(key); i >= 0 {
		list = t.items[i]
	} else if list, err = r.addTo(t, key, kindList, tomlTables, line); err != nil {
		return nil, err
	}
	if list.toml != tomlTables {
		return nil, r.fail("%q is there already, and is no array of tables", clip(key))
	}
	v, err := r.arena.new(kindMap, line)
	if err != nil {
		return nil, errAt(line, "%w", err)
	}
	v.toml = tomlDefined
	list.items = append(list.items, v)
	return v, nil
}

func (r *tomlReader) addTo(t *node, key string, k kind, state tomlState, line int) (*node, error) {
	v, err := r.arena.new(k, line)
	if err != nil {
		return nil, errAt(line, "%w", err)
	}
	v.toml = state
	r.arena.put(t, nodeKey{name: key, line: int32(line)}, v)
	return v, nil
}

// keyValue reads "a.b = value" into the table t.
func (r *tomlReader) keyValue(t *node, depth int) error {
	line := r.line
	path, err := r.key()
	if err != nil {
		return err
	}
	if r.peek() != '=' {
		return r.fail("a key isn't followed by =")
	}
	r.pos++
	r.space()
	for _, k := range path[:len(path)-1] {
		i := t.find(k)
		if i < 0 {
			if t, err = r.addTo(t, k, kindMap, tomlDotted, line); err != nil {
				return err
			}
			continue
		}
		if t = t.items[i]; t.kind != kindMap || t.toml != tomlDotted {
			return r.fail("%q can't be extended", clip(k))
		}
	}
	last := path[len(path)-1]
	if t.find(last) >= 0 {
		return r.fail("the key %q is there twice", clip(last))
	}
	v, err := r.value(depth + len(path))
	if err != nil {
		return err
	}
	r.arena.put(t, nodeKey{name: last, line: int32(line)}, v)
	return nil
}

// key reads a dotted key and the white space behind it.
func (r *tomlReader) key() ([]string, error) {
	var path []string
	for {
		r.space()
		part, err := r.keyPart()
		if err != nil {
			return nil, err
		}
		path = append(path, part)
		if len(path) > maxDepth {
			return nil, errAt(r.line, "a key has more than %d parts", maxDepth)
		}
		r.space()
		if r.peek() != '.' {
			return path, nil
		}
		r.pos++
	}
}

func (r *tomlReader) keyPart() (string, error) {
	switch r.peek() {
	case '"':
		return r.basic()
	case '\'':
		return r.literal()
	}
	start := r.pos
	for r.pos < len(r.s) && isBareKey(r.s[r.pos]) {
		r.pos++
	}
	if start == r.pos {
		return "", r.fail("a key is expected here")
	}
	return r.s[start:r.pos], nil
}

func isBareKey(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || c == '_' || c == '-'
}
