package locks

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
)

// readJSON reads a JSON document with the byte range of every value, which
// encoding/json doesn't tell and the rewriting needs. encoding/json judges the
// syntax first, so that what follows may take the document for valid.
func readJSON(data []byte) (*node, error) {
	text := string(data)
	if !json.Valid(data) {
		return nil, jsonError(data)
	}
	r := jsonReader{s: text, line: 1}
	r.space()
	return r.value(0)
}

// jsonError says where and why data is no JSON.
func jsonError(data []byte) error {
	var raw json.RawMessage
	err := json.Unmarshal(data, &raw)
	line := 0
	if se := (*json.SyntaxError)(nil); errors.As(err, &se) {
		line = 1 + bytes.Count(data[:min(int(se.Offset), len(data))], []byte("\n"))
	}
	return errAt(line, "the file is not valid JSON: %w", err)
}

type jsonReader struct {
	s     string
	pos   int
	line  int
	arena arena
}

func (r *jsonReader) space() {
	for r.pos < len(r.s) {
		switch r.s[r.pos] {
		case '\n':
			r.line++
		case ' ', '\t', '\r':
		default:
			return
		}
		r.pos++
	}
}

// value reads the value at pos, and leaves pos behind it.
func (r *jsonReader) value(depth int) (*node, error) {
	if depth > maxDepth {
		return nil, errAt(r.line, "the file is nested deeper than %d levels", maxDepth)
	}
	n, err := r.arena.new(kindBare, r.line)
	if err != nil {
		return nil, errAt(r.line, "%w", err)
	}
	n.pos = int32(r.pos)
	switch r.s[r.pos] {
	case '{':
		n.kind = kindMap
		err = r.object(n, depth)
	case '[':
		n.kind = kindList
		err = r.array(n, depth)
	case '"':
		n.kind = kindString
		n.text = r.str()
	default:
		n.text = r.literal()
	}
	n.end = int32(r.pos)
	return n, err
}

func (r *jsonReader) object(n *node, depth int) error {
	r.pos++
	for {
		r.space()
		if r.s[r.pos] == '}' {
			r.pos++
			return nil
		}
		if r.s[r.pos] == ',' {
			r.pos++
			continue
		}
		k := nodeKey{line: int32(r.line), pos: int32(r.pos)}
		k.name = r.str()
		k.end = int32(r.pos)
		if n.find(k.name) >= 0 {
			return errAt(r.line, "the key %q is there twice", clip(k.name))
		}
		r.space()
		r.pos++ // the colon
		r.space()
		v, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		r.arena.put(n, k, v)
	}
}

func (r *jsonReader) array(n *node, depth int) error {
	r.pos++
	for {
		r.space()
		if r.s[r.pos] == ']' {
			r.pos++
			return nil
		}
		if r.s[r.pos] == ',' {
			r.pos++
			continue
		}
		v, err := r.value(depth + 1)
		if err != nil {
			return err
		}
		n.items = append(n.items, v)
	}
}

func (r *jsonReader) str() string {
	start := r.pos
	r.pos++
	escaped := false
	for r.s[r.pos] != '"' {
		if r.s[r.pos] == '\\' {
			escaped = true
			r.pos++
		}
		r.pos++
	}
	r.pos++
	if !escaped {
		return r.s[start+1 : r.pos-1]
	}
	var out string
	_ = json.Unmarshal([]byte(r.s[start:r.pos]), &out) // judged valid with the document
	return out
}

func (r *jsonReader) literal() string {
	start := r.pos
	for r.pos < len(r.s) && !strings.ContainsRune(" \t\r\n,]}", rune(r.s[r.pos])) {
		r.pos++
	}
	return r.s[start:r.pos]
}

// jsonEdit replaces the bytes [pos, end) of a document.
type jsonEdit struct {
	pos, end int32
	text     string
}

// applyEdits returns data with the edits made; they are in ascending order and
// don't overlap. Every byte that no edit names stays as it is: npm and people
// compare these files by eye.
func applyEdits(data []byte, edits []jsonEdit) []byte {
	size := len(data)
	for _, e := range edits {
		size += len(e.text) - int(e.end-e.pos)
	}
	out := make([]byte, 0, size)
	var at int32
	for _, e := range edits {
		out = append(out, data[at:e.pos]...)
		out = append(out, e.text...)
		at = e.end
	}
	return append(out, data[at:]...)
}

// quoteJSON writes a JSON string as npm does: without escaping <, > and &.
func quoteJSON(s string) string {
	if isPrintable(s) && !strings.ContainsAny(s, `"\`) {
		return `"` + s + `"`
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string can always be encoded
	return strings.TrimSuffix(b.String(), "\n")
}
