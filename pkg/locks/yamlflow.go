package locks

import "strings"

// flowReader reads a value that ends on its line: {key: value}, [value],
// 'text', "text" or what stands between those in plain. Like readPlainYAML it
// gives up where there is any doubt.
type flowReader struct {
	arena *arena
	line  int
	text  string
	off   int // of text, in the document
	at    int
}

func (f *flowReader) value(depth int) (*node, bool) {
	if depth > maxDepth || f.at == len(f.text) {
		return nil, false
	}
	start := f.at
	switch f.text[start] {
	case '{':
		return f.collection(kindMap, '}', depth)
	case '[':
		return f.collection(kindList, ']', depth)
	case '\'', '"':
		text, rest, ok := cutQuoted(f.text[start:])
		if !ok {
			return nil, false
		}
		f.at = len(f.text) - len(rest)
		return f.scalar(kindString, text, start)
	}
	text := f.text[start:]
	if i := strings.IndexAny(text, ",]}"); i >= 0 {
		text = text[:i]
	}
	f.at += len(text)
	text = strings.TrimRight(text, " ")
	if text == "" || !isPlain(text) || strings.ContainsAny(text, "[{?") {
		return nil, false
	}
	return f.scalar(kindPlain, text, start)
}

func (f *flowReader) scalar(k kind, text string, start int) (*node, bool) {
	n, err := f.arena.new(k, f.line)
	if err != nil {
		return nil, false
	}
	n.text, n.pos = text, int32(f.off+start)
	return n, true
}

// collection reads members up to the closing bracket.
func (f *flowReader) collection(k kind, closing byte, depth int) (*node, bool) {
	n, ok := f.scalar(k, "", f.at)
	f.at++
	for ok {
		f.space()
		if f.at < len(f.text) && f.text[f.at] == closing {
			f.at++
			return n, true
		}
		if ok = f.member(n, depth); !ok {
			return nil, false
		}
		f.space()
		if f.at < len(f.text) && f.text[f.at] == ',' {
			f.at++
		} else if f.at == len(f.text) || f.text[f.at] != closing {
			return nil, false
		}
	}
	return nil, false
}

// member reads one item of a list, or one "key: value" of a mapping.
func (f *flowReader) member(n *node, depth int) bool {
	if f.at == len(f.text) {
		return false
	}
	if n.kind == kindList {
		v, ok := f.value(depth + 1)
		n.items = append(n.items, v)
		return ok
	}
	key, rest, ok := cutKey(f.text[f.at:])
	if !ok || rest == "" || n.find(key) >= 0 {
		return false
	}
	f.at = len(f.text) - len(rest)
	v, ok := f.value(depth + 1)
	if ok {
		f.arena.put(n, nodeKey{name: key, line: int32(f.line)}, v)
	}
	return ok
}

func (f *flowReader) space() {
	for f.at < len(f.text) && f.text[f.at] == ' ' {
		f.at++
	}
}

// cutQuoted cuts a string in quotes from the front of text. One with a
// backslash in double quotes is refused.
func cutQuoted(text string) (value, rest string, ok bool) {
	quote := text[0]
	doubled := false
	for i := 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote == '"':
			return "", "", false
		case text[i] != quote:
		case quote == '\'' && i+1 < len(text) && text[i+1] == quote:
			doubled = true
			i++
		default:
			value = text[1:i]
			if doubled {
				value = strings.ReplaceAll(value, "''", "'")
			}
			return value, text[i+1:], true
		}
	}
	return "", "", false
}
