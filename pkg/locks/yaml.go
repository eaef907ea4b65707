package locks

import (
	"bytes"
	"errors"
	"io"
	"regexp"
	"strconv"
	"unicode/utf8"

	"gopkg.in/yaml.v3"
)

// readYAML reads a YAML file of one document. Files as tools write them
// take the short way of readPlainYAML; everything else goes through yaml.v3,
// which gives the same result and takes several times as long (measured on a
// 1.2 MB rpms.lock.yaml).
func readYAML(data []byte) (*node, error) {
	if n, ok := readPlainYAML(string(data)); ok {
		return n, nil
	}
	return readFullYAML(data)
}

func readFullYAML(data []byte) (*node, error) {
	var doc, more yaml.Node
	dec := yaml.NewDecoder(bytes.NewReader(data))
	err := dec.Decode(&doc)
	if errors.Is(err, io.EOF) || err == nil && len(doc.Content) == 0 {
		return nil, errAt(0, "the file is empty")
	}
	if err == nil {
		if err = dec.Decode(&more); err == nil {
			return nil, errAt(more.Line, "the file holds a second document")
		}
	}
	if !errors.Is(err, io.EOF) {
		return nil, errAt(yamlErrorLine(err), "the file is not valid YAML: %w", err)
	}
	c := yamlConverter{budget: maxExpanded, data: data, starts: lineStarts(data)}
	return c.convert(doc.Content[0], 0, false)
}

var yamlLine = regexp.MustCompile(`\bline (\d+):`)

// yamlErrorLine takes the line out of the text of yaml.v3's error, which has no
// field for it.
func yamlErrorLine(err error) int {
	m := yamlLine.FindStringSubmatch(err.Error())
	if m == nil {
		return 0
	}
	line, _ := strconv.Atoi(m[1])
	return line
}

// maxExpanded bounds the values that aliases add to a document. Nine levels of
// nine aliases each would otherwise be 387 million (the "billion laughs").
const maxExpanded = 100_000

type yamlConverter struct {
	arena  arena
	budget int
	data   []byte
	starts []int // as lineStarts makes it
}

// lineStarts returns the place of each line, by its number from 1. It is nil
// where yaml.v3 counts in another way than by "\n": it takes other characters
// for line ends too, and a byte order mark for none.
func lineStarts(data []byte) []int {
	if bytes.Count(data, []byte("\r")) != bytes.Count(data, []byte("\r\n")) ||
		bytes.ContainsAny(data, "\u0085\u2028\u2029\uFEFF") {
		return nil
	}
	starts := []int{0, 0}
	for i, b := range data {
		if b == '\n' {
			starts = append(starts, i+1)
		}
	}
	return starts
}

// place is the byte at which yaml.v3 says that a value begins, or -1; yaml.v3
// counts characters. With a tag or an anchor that is where those begin: who
// uses the place has to look at what stands there.
func (c *yamlConverter) place(y *yaml.Node) int32 {
	if y.Line < 1 || y.Line >= len(c.starts) {
		return -1
	}
	at := c.starts[y.Line]
	for i := 1; i < y.Column && at < len(c.data); i++ {
		_, size := utf8.DecodeRune(c.data[at:])
		at += size
	}
	return int32(at)
}

var errAliases = errors.New("the file's aliases (*name) expand to too many values")

func (c *yamlConverter) convert(y *yaml.Node, depth int, aliased bool) (*node, error) {
	if y.Kind == yaml.AliasNode {
		y, aliased = y.Alias, true
	}
	if aliased {
		if c.budget--; c.budget < 0 {
			return nil, errAt(y.Line, "%w", errAliases)
		}
	}
	if depth > maxDepth {
		return nil, errAt(y.Line, "the file is nested deeper than %d levels", maxDepth)
	}
	n, err := c.arena.new(kindPlain, y.Line)
	if err != nil {
		return nil, errAt(y.Line, "%w", err)
	}
	n.pos = c.place(y)
	switch y.Kind {
	case yaml.MappingNode:
		n.kind = kindMap
		err = c.mapping(n, y, depth, aliased)
	case yaml.SequenceNode:
		n.kind = kindList
		for _, it := range y.Content {
			v, err := c.convert(it, depth+1, aliased)
			if err != nil {
				return nil, err
			}
			n.items = append(n.items, v)
		}
	default:
		n.text = y.Value
		if y.Style&^yaml.TaggedStyle != 0 {
			n.kind = kindString
		}
	}
	return n, err
}

func (c *yamlConverter) mapping(n *node, y *yaml.Node, depth int, aliased bool) error {
	for i := 0; i+1 < len(y.Content); i += 2 {
		k := y.Content[i]
		if k.Kind != yaml.ScalarNode {
			return errAt(k.Line, "a key is no plain text")
		}
		if n.find(k.Value) >= 0 {
			return errAt(k.Line, "the key %q is there twice", clip(k.Value))
		}
		v, err := c.convert(y.Content[i+1], depth+1, aliased)
		if err != nil {
			return err
		}
		c.arena.put(n, nodeKey{name: k.Value, line: int32(k.Line)}, v)
	}
	return nil
}
