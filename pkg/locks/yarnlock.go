package locks

import (
	"encoding/json"
	"strings"
)

// yarnEntry is one block of a yarn.lock, version 1.
type yarnEntry struct {
	line     int
	patterns []string // "name@range", at least one
	fields   []yarnField
}

// yarnField is one "key value" line of a block.
type yarnField struct {
	key, value string
	line       int
}

func (e *yarnEntry) field(key string) (value string, line int) {
	for _, f := range e.fields {
		if f.key == key {
			return f.value, f.line
		}
	}
	return "", e.line
}

const (
	yarnHeader   = "# yarn lockfile v"
	yarnMaxDepth = 2 // levels of indentation: fields, and the names in "dependencies:"
)

// readYarnLock reads the format of yarn 1, which looks like YAML and is none:
// blocks of lines, indented by two spaces per level, with values behind a space
// and strings as in JSON. No specification exists; yarn writes nothing else.
func readYarnLock(data []byte) ([]yarnEntry, error) {
	r := yarnReader{}
	text := strings.TrimPrefix(string(data), "\uFEFF")
	for line := range strings.SplitSeq(text, "\n") {
		r.line++
		if err := r.read(strings.TrimRight(line, " \r")); err != nil {
			return nil, err
		}
	}
	if !r.header {
		return nil, errAt(1, "the file lacks the line %q, so it is no lock of yarn 1", yarnHeader+"1").
			hint("yarn install makes one")
	}
	return r.entries, nil
}

type yarnReader struct {
	entries []yarnEntry
	line    int
	header  bool
	// depth is how deep the next line may be indented.
	depth int
}

func (r *yarnReader) read(line string) error {
	text := strings.TrimLeft(line, " ")
	switch {
	case text == "":
		return nil
	case text[0] == '#':
		return r.comment(text)
	case strings.HasPrefix(text, "<<<<<<<"), strings.HasPrefix(text, ">>>>>>>"), strings.HasPrefix(text, "======="):
		return errAt(r.line, "the file holds a merge conflict").hint("run yarn install, which resolves it")
	}
	indent := len(line) - len(text)
	if indent%2 != 0 || indent/2 > r.depth {
		return errAt(r.line, "the line is indented by %d spaces, which doesn't fit the line above", indent)
	}
	if indent == 0 {
		return r.block(text)
	}
	return r.field(text, indent/2)
}

func (r *yarnReader) comment(text string) error {
	version, ok := strings.CutPrefix(text, yarnHeader)
	if !ok {
		return nil
	}
	if version != "1" {
		return errAt(r.line, "version %q of yarn's lock file is not supported", clip(version)).hint("1 is")
	}
	r.header = true
	return nil
}

// block reads "pattern, pattern:".
func (r *yarnReader) block(text string) error {
	e := yarnEntry{line: r.line}
	for {
		pattern, rest, err := r.word(text, ",:")
		if err != nil {
			return err
		}
		e.patterns = append(e.patterns, pattern)
		if rest == ":" {
			break
		}
		more, ok := strings.CutPrefix(rest, ",")
		if !ok {
			return errAt(r.line, "the line has to end with a colon")
		}
		text = strings.TrimLeft(more, " ")
	}
	r.entries = append(r.entries, e)
	r.depth = 1
	return nil
}

// field reads "key value" or "key:". Only the former counts in the block's first
// level; what is deeper is the names of dependencies, which have entries of their own.
func (r *yarnReader) field(text string, depth int) error {
	key, rest, err := r.word(text, ": ")
	if err != nil {
		return err
	}
	if rest == ":" {
		r.depth = min(depth+1, yarnMaxDepth)
		return nil
	}
	value, rest, err := r.word(strings.TrimLeft(strings.TrimPrefix(rest, ":"), " "), "")
	if err != nil {
		return err
	}
	if rest != "" {
		return errAt(r.line, "there is more behind the value of %q", clip(key))
	}
	r.depth = depth
	if depth > 1 {
		return nil
	}
	e := &r.entries[len(r.entries)-1]
	if _, line := e.field(key); line != e.line {
		return errAt(r.line, "the key %q is there twice", clip(key))
	}
	e.fields = append(e.fields, yarnField{key, value, r.line})
	return nil
}

// word cuts a JSON string, or bare text up to one of the characters in ends.
func (r *yarnReader) word(text, ends string) (word, rest string, err error) {
	if strings.HasPrefix(text, `"`) {
		return r.quoted(text)
	}
	end := len(text)
	if ends != "" {
		if i := strings.IndexAny(text, ends); i >= 0 {
			end = i
		}
	}
	if end == 0 {
		return "", "", errAt(r.line, "a name or a value is expected here")
	}
	return text[:end], text[end:], nil
}

func (r *yarnReader) quoted(text string) (word, rest string, err error) {
	end, escaped := 1, false
	for end < len(text) && text[end] != '"' {
		if text[end] == '\\' {
			escaped = true
			end++
		}
		end++
	}
	if end >= len(text) {
		return "", "", errAt(r.line, "a string doesn't end")
	}
	word, rest = text[1:end], text[end+1:]
	if escaped {
		if err := json.Unmarshal([]byte(text[:end+1]), &word); err != nil {
			return "", "", errAt(r.line, "a string is not valid: %w", err)
		}
	}
	return word, rest, nil
}
