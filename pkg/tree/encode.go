package tree

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"slices"
)

// The wire form, version 3. Integers are varints (encoding/binary); a string
// is its length and its bytes.
//
//	magic    "lazytree" and the version as one byte
//	inputs   count, then type, lock, found-by of each
//	files    count, then each file:
//	           path      shared (number of bytes it shares with the path before
//	                     it), then the rest as a string
//	           flags     one byte: has a digest (content always), has content, has a recipe, fits,
//	                     unverified
//	           size      signed
//	           input, rank
//	           group     a word (below)
//	           digest    the algorithm as a word, the raw value as a string
//	           content   a string
//	           recipe    kind as a word, count, then key word and value string;
//	                     then 0, or 1 and what it is made from: size signed, digest
//	                     as a string (empty for none), count, then each URL as a string
//	           urls      count, then each: shared with the URL before it, rest
//	dirs     count, then path string, input, recipe of each
//	end      one byte, 0xff
//
// A word is a string that occurs often: its number in the order of first
// appearance, from 1, or 0 and the string when it is new.
const (
	wireMagic   = "lazytree"
	wireVersion = 3
	wireEnd     = 0xff
)

const (
	flagDigest = 1 << iota
	flagContent
	flagRecipe
	flagFits
	flagUnverified
	flagsKnown = 1<<iota - 1
)

// Encode writes t, which must be valid, in its wire form. It streams: nothing
// of the tree's size is held in memory. It does not close w.
func Encode(w io.Writer, t *Tree) error {
	e := encoder{w: bufio.NewWriterSize(w, 64<<10), words: map[string]uint64{}}
	e.raw(wireMagic)
	e.buf = append(e.buf, wireVersion)
	e.uint(len(t.Inputs))
	for _, in := range t.Inputs {
		e.str(in.Type)
		e.str(in.Lock)
		e.str(in.FoundBy)
	}
	e.uint(len(t.Files))
	for i := range t.Files {
		e.file(&t.Files[i])
		if err := e.flush(); err != nil {
			return err
		}
	}
	e.uint(len(t.Dirs))
	for i := range t.Dirs {
		e.str(t.Dirs[i].Path)
		e.uint(t.Dirs[i].Input)
		e.recipe(&t.Dirs[i].Make)
	}
	e.buf = append(e.buf, wireEnd)
	if err := e.flush(); err != nil {
		return err
	}
	if err := e.w.Flush(); err != nil {
		return fmt.Errorf("writing the tree: %w", err)
	}
	return nil
}

type encoder struct {
	w         *bufio.Writer
	buf       []byte // one record, reused
	words     map[string]uint64
	path, url string // the last ones
}

func (e *encoder) flush() error {
	if _, err := e.w.Write(e.buf); err != nil {
		return fmt.Errorf("writing the tree: %w", err)
	}
	e.buf = e.buf[:0]
	return nil
}

func (e *encoder) file(f *File) {
	e.path = e.shared(e.path, f.Path)
	e.buf = append(e.buf, f.flags())
	e.buf = binary.AppendVarint(e.buf, f.Size)
	e.uint(f.Input)
	e.uint(f.Rank)
	e.word(f.Group)
	if f.flags()&flagDigest != 0 {
		e.word(f.Digest.Algorithm())
		value := f.Digest.Hex()
		e.uint(len(value) / 2)
		// Valid digests only: the value is hexadecimal.
		e.buf, _ = hex.AppendDecode(e.buf, []byte(value))
	}
	if f.Content != nil {
		e.uint(len(f.Content))
		e.buf = append(e.buf, f.Content...)
	}
	if f.Make != nil {
		e.recipe(f.Make)
	}
	e.uint(len(f.URLs))
	for _, u := range f.URLs {
		e.url = e.shared(e.url, u)
	}
}

func (f *File) flags() byte {
	var flags byte
	if f.Digest != "" {
		flags |= flagDigest
	}
	if f.Content != nil {
		flags |= flagContent
	}
	if f.Make != nil {
		flags |= flagRecipe
	}
	if f.Fits {
		flags |= flagFits
	}
	if f.Unverified {
		flags |= flagUnverified
	}
	return flags
}

func (e *encoder) recipe(r *Recipe) {
	e.word(r.Kind)
	e.uint(len(r.Args))
	for _, k := range slices.Sorted(maps.Keys(r.Args)) {
		e.word(k)
		e.str(r.Args[k])
	}
	if r.From == nil {
		e.uint(0)
		return
	}
	e.uint(1)
	e.buf = binary.AppendVarint(e.buf, r.From.Size)
	e.str(string(r.From.Digest))
	e.uint(len(r.From.URLs))
	for _, u := range r.From.URLs {
		e.str(u)
	}
}

// shared writes s as what differs from prev, and returns s.
func (e *encoder) shared(prev, s string) string {
	n := 0
	for n < len(prev) && n < len(s) && prev[n] == s[n] {
		n++
	}
	e.uint(n)
	e.str(s[n:])
	return s
}

func (e *encoder) word(s string) {
	if n, ok := e.words[s]; ok {
		e.buf = binary.AppendUvarint(e.buf, n)
		return
	}
	e.words[s] = uint64(len(e.words) + 1)
	e.uint(0)
	e.str(s)
}

func (e *encoder) uint(n int)   { e.buf = binary.AppendUvarint(e.buf, uint64(n)) }
func (e *encoder) raw(s string) { e.buf = append(e.buf, s...) }

func (e *encoder) str(s string) {
	e.uint(len(s))
	e.raw(s)
}
