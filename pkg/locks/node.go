package locks

import (
	"errors"
	"fmt"
	"math"
	"strconv"
)

const (
	maxDepth = 100       // nesting of one document; real locks have 6
	maxNodes = 8_000_000 // values of one document
)

type kind uint8

const (
	kindMap kind = iota
	kindList
	kindString // a string for certain
	kindBare   // JSON's and TOML's numbers, booleans, dates and null
	kindPlain  // YAML's unquoted scalar, of which only the reader knows the type
)

// node is one value of a JSON, TOML or YAML document, with its place. The three
// readers (readJSON, readTOML, readYAML) make the same thing, so that every
// parser reports lines in the same way and has the same bounds, and decoding
// into structs, which loses the lines, isn't needed.
type node struct {
	kind kind
	toml tomlState
	line int32
	// pos and end are the value's byte range; readYAML sets only pos, to
	// -1 where it can't tell, and readTOML none of them.
	pos, end int32
	text     string // of a scalar, decoded
	items    []*node
	keys     []nodeKey      // of a map, in step with items
	index    map[string]int // of a map with many keys
}

type nodeKey struct {
	name     string
	line     int32
	pos, end int32 // with the quotes; only readJSON sets them
}

// arena hands out nodes, and the room for a map's first members, from slabs:
// one allocation for many. Half of a parser's time went into small ones.
type arena struct {
	slab  []node
	keys  []nodeKey
	items []*node
	count int
}

// firstMembers is the room that a map gets with its first member.
const firstMembers = 6

var errTooManyValues = errors.New("the file holds too many values")

func (a *arena) new(k kind, line int) (*node, error) {
	if len(a.slab) == 0 {
		if a.count >= maxNodes {
			return nil, errTooManyValues
		}
		size := min(max(64, a.count), 4096)
		a.count += size
		a.slab = make([]node, size)
	}
	n := &a.slab[0]
	a.slab = a.slab[1:]
	n.kind, n.line = k, int32(line)
	return n, nil
}

// indexFrom is the number of keys from which a map is searched by an index.
const indexFrom = 16

// find returns the position of a key, or -1.
func (n *node) find(key string) int {
	if n.index != nil {
		if i, ok := n.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range n.keys {
		if n.keys[i].name == key {
			return i
		}
	}
	return -1
}

// put adds a key to n that find doesn't know.
func (a *arena) put(n *node, k nodeKey, v *node) {
	if n.keys == nil {
		if len(a.keys) < firstMembers {
			a.keys = make([]nodeKey, 128*firstMembers)
			a.items = make([]*node, 128*firstMembers)
		}
		// With the capacity cut, a seventh member moves the map to room of its own.
		n.keys, a.keys = a.keys[:0:firstMembers], a.keys[firstMembers:]
		n.items, a.items = a.items[:0:firstMembers], a.items[firstMembers:]
	}
	n.keys = append(n.keys, k)
	n.items = append(n.items, v)
	switch {
	case n.index != nil:
		n.index[k.name] = len(n.keys) - 1
	case len(n.keys) == indexFrom:
		n.index = make(map[string]int, 4*indexFrom)
		for i := range n.keys {
			n.index[n.keys[i].name] = i
		}
	}
}

// get returns the value of a key; nil when there is none, when it is null, or
// when n is nil or no map.
func (n *node) get(key string) *node {
	if n == nil || n.kind != kindMap {
		return nil
	}
	i := n.find(key)
	if i < 0 || n.items[i].isNull() {
		return nil
	}
	return n.items[i]
}

func (n *node) isNull() bool {
	switch n.kind {
	case kindBare:
		return n.text == "null"
	case kindPlain:
		return n.text == "" || n.text == "~" || n.text == "null" || n.text == "Null" || n.text == "NULL"
	}
	return false
}

// lineOf is n's line, or the line of the fallback.
func (n *node) lineOf(fallback *node) int {
	if n == nil {
		return int(fallback.line)
	}
	return int(n.line)
}

// str returns the string under a key, "" when there is none.
func (n *node) str(key string) (string, error) {
	v := n.get(key)
	if v == nil {
		return "", nil
	}
	if v.kind != kindString && v.kind != kindPlain {
		return "", errAt(int(v.line), "%s is %s, not a string", key, v.what())
	}
	return v.text, nil
}

// need is str for a key that must be there.
func (n *node) need(key, of string) (string, error) {
	s, err := n.str(key)
	if err == nil && s == "" {
		return "", errAt(n.get(key).lineOf(n), "%s has no %s", of, key)
	}
	return s, err
}

// size returns the number of bytes under a key, or SizeUnknown.
func (n *node) size(key string) (int64, error) {
	v := n.get(key)
	if v == nil {
		return SizeUnknown, nil
	}
	i, err := strconv.ParseInt(v.text, 10, 64)
	if v.kind == kindString || err != nil || i < 0 || i == math.MaxInt64 {
		return 0, errAt(int(v.line), "%s is %s, not a number of bytes", key, v.what())
	}
	return i, nil
}

// truth returns the boolean under a key, false when there is none.
func (n *node) truth(key string) (bool, error) {
	v := n.get(key)
	if v == nil {
		return false, nil
	}
	if (v.kind == kindBare || v.kind == kindPlain) && (v.text == "true" || v.text == "false") {
		return v.text == "true", nil
	}
	return false, errAt(int(v.line), "%s is %s, not true or false", key, v.what())
}

// table returns the map under a key, nil when there is none.
func (n *node) table(key string) (*node, error) { return n.sub(key, kindMap, "a table") }

// list returns the items of the list under a key.
func (n *node) list(key string) ([]*node, error) {
	v, err := n.sub(key, kindList, "a list")
	if v == nil || err != nil {
		return nil, err
	}
	return v.items, nil
}

func (n *node) sub(key string, k kind, what string) (*node, error) {
	v := n.get(key)
	if v != nil && v.kind != k {
		return nil, errAt(int(v.line), "%s is %s, not %s", key, v.what(), what)
	}
	return v, nil
}

// tables returns the list under a key, of which every item must be a map.
func (n *node) tables(key string) ([]*node, error) {
	items, err := n.list(key)
	if err != nil {
		return nil, err
	}
	for _, it := range items {
		if it.kind != kindMap {
			return nil, errAt(int(it.line), "%s holds %s where a table is expected", key, it.what())
		}
	}
	return items, nil
}

// strings returns the list of strings under a key; one string alone is a list of one.
func (n *node) strings(key string) ([]string, error) {
	v := n.get(key)
	if v == nil {
		return nil, nil
	}
	if v.kind == kindString || v.kind == kindPlain {
		return []string{v.text}, nil
	}
	items, err := n.list(key)
	if err != nil {
		return nil, err
	}
	out := make([]string, 0, len(items))
	for _, it := range items {
		if it.kind != kindString && it.kind != kindPlain {
			return nil, errAt(int(it.line), "%s holds %s where a string is expected", key, it.what())
		}
		out = append(out, it.text)
	}
	return out, nil
}

// onlyKeys refuses keys that are not listed.
func (n *node) onlyKeys(of string, known ...string) error {
next:
	for _, k := range n.keys {
		for _, name := range known {
			if k.name == name {
				continue next
			}
		}
		return errAt(int(k.line), "%s has an unknown key %q", of, clip(k.name)).
			hint("known keys: %v", known)
	}
	return nil
}

// what describes a value for an error message.
func (n *node) what() string {
	switch n.kind {
	case kindMap:
		return "a table"
	case kindList:
		return "a list"
	case kindString:
		return fmt.Sprintf("the string %q", clip(n.text))
	}
	return clip(n.text)
}

// clip shortens text from a lock for a message.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}
