package tree

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// Decode reads what Encode has written and checks it as strictly as Build
// does. Its errors say that the data are damaged or of another version; a short
// input is io.ErrUnexpectedEOF. It reads exactly to the end of the tree when r
// is an io.ByteReader too (*bufio.Reader, *bytes.Reader); otherwise it may read ahead.
func Decode(r io.Reader) (*Tree, error) {
	return decode(&decoder{r: newByteReader(r)})
}

// DecodeKept is Decode for all that Encode has written, when a checksum of data
// says that it is that: the digests of generated files are not computed again,
// and their contents stay where they are, so that data must not change any more.
func DecodeKept(data []byte) (*Tree, error) {
	b := bytes.NewBuffer(data)
	return decode(&decoder{r: b, kept: b})
}

func decode(d *decoder) (*Tree, error) {
	t, err := d.tree()
	if err != nil {
		if errors.Is(err, io.EOF) {
			err = io.ErrUnexpectedEOF
		}
		return nil, fmt.Errorf("reading the tree: %w", err)
	}
	return t, nil
}

type byteReader interface {
	io.Reader
	io.ByteReader
}

func newByteReader(r io.Reader) byteReader {
	if br, ok := r.(byteReader); ok {
		return br
	}
	return bufio.NewReaderSize(r, 64<<10)
}

type decoder struct {
	r         byteReader
	kept      *bytes.Buffer // r, where that may be trusted; else nil
	words     []string
	path, url []byte // the last ones
	rec       record
	hash      [64]byte // the largest hash value
	urls      []string // where the files' URL slices are cut from
	texts     strings.Builder
}

func (d *decoder) tree() (*Tree, error) {
	if err := d.header(); err != nil {
		return nil, err
	}
	t := &Tree{}
	if err := d.inputs(t); err != nil {
		return nil, err
	}
	if err := d.files(t); err != nil {
		return nil, err
	}
	if err := d.dirs(t); err != nil {
		return nil, err
	}
	end, err := d.r.ReadByte()
	if err != nil {
		return nil, err
	}
	if end != wireEnd {
		return nil, errors.New("the end mark is missing")
	}
	b := builder{t: t}
	b.checkNesting()
	return t, errors.Join(b.errs...)
}

func (d *decoder) header() error {
	var head [len(wireMagic) + 1]byte
	if _, err := io.ReadFull(d.r, head[:]); err != nil {
		return err
	}
	if string(head[:len(wireMagic)]) != wireMagic {
		return errors.New("this is no tree")
	}
	if v := head[len(wireMagic)]; v != wireVersion {
		return fmt.Errorf("the tree has format version %d, this lazybuild reads version %d", v, wireVersion)
	}
	return nil
}

func (d *decoder) inputs(t *Tree) error {
	n, err := d.count(maxInputs)
	if err != nil {
		return err
	}
	for range n {
		var in Input
		for _, s := range []*string{&in.Type, &in.Lock, &in.FoundBy} {
			if *s, err = d.str(); err != nil {
				return err
			}
		}
		t.Inputs = append(t.Inputs, in)
	}
	return nil
}

func (d *decoder) files(t *Tree) error {
	n, err := d.count(maxFiles)
	if err != nil {
		return err
	}
	if d.kept != nil && n <= d.kept.Len()/leastFile {
		t.Files = slices.Grow(t.Files, n) // they have arrived
	}
	for range n {
		var f File
		if err := d.file(&f); err != nil {
			return err
		}
		if f.Input >= len(t.Inputs) {
			return fmt.Errorf("file %q belongs to no input", f.Path)
		}
		if k := len(t.Files); k > 0 && t.Files[k-1].Path >= f.Path {
			return fmt.Errorf("path %q is out of order", f.Path)
		}
		if k := len(t.Files); k == cap(t.Files) {
			// Double with what has arrived; append would copy more often.
			t.Files = slices.Grow(t.Files, min(max(k, 1<<10), n-k))
		}
		t.Files = append(t.Files, f)
	}
	return nil
}

// leastFile is a number of bytes that every file has in the wire form.
const leastFile = 8

func (d *decoder) dirs(t *Tree) error {
	n, err := d.count(maxFiles)
	if err != nil {
		return err
	}
	for range n {
		var dir Dir
		if dir.Path, err = d.str(); err != nil {
			return err
		}
		if err := CheckPath(dir.Path); err != nil {
			return err
		}
		if dir.Input, err = d.count(len(t.Inputs) - 1); err != nil {
			return err
		}
		if err := d.recipe(&dir.Make); err != nil {
			return err
		}
		if k := len(t.Dirs); k > 0 && t.Dirs[k-1].Path >= dir.Path {
			return fmt.Errorf("path %q is out of order", dir.Path)
		}
		t.Dirs = append(t.Dirs, dir)
	}
	return nil
}

func (d *decoder) file(f *File) error {
	var err error
	if err = d.shared(&d.path); err != nil {
		return err
	}
	d.rec.reset(d.path)
	flags, err := d.r.ReadByte()
	if err != nil {
		return err
	}
	if flags&^byte(flagsKnown) != 0 {
		return fmt.Errorf("unknown flags %#x", flags)
	}
	f.Fits, f.Unverified = flags&flagFits != 0, flags&flagUnverified != 0
	if f.Size, err = binary.ReadVarint(d.r); err != nil {
		return err
	}
	if f.Input, err = d.count(maxInputs); err != nil {
		return err
	}
	if f.Rank, err = d.count(maxFiles); err != nil {
		return err
	}
	if f.Group, err = d.word(); err != nil {
		return err
	}
	if err := d.content(f, flags); err != nil {
		return err
	}
	if err := d.fileURLs(); err != nil {
		return err
	}
	d.rec.cut(f, &d.texts, &d.urls)
	if err := d.seal(f); err != nil {
		return err
	}
	return checkFile(f)
}

// seal derives what follows from a generated file's content.
func (d *decoder) seal(f *File) error {
	if f.Content == nil {
		return nil
	}
	f.Size = int64(len(f.Content))
	if d.kept == nil && f.Digest != digest.FromBytes(f.Content) {
		return fmt.Errorf("the content of %q is not what its digest says", f.Path)
	}
	return nil
}

// content reads the optional fields: digest, content, recipe.
func (d *decoder) content(f *File, flags byte) (err error) {
	if flags&flagDigest != 0 {
		if err := d.digest(); err != nil {
			return err
		}
	}
	if flags&flagContent != 0 {
		if f.Content, err = d.whole(maxContent); err != nil {
			return err
		}
	}
	if flags&flagRecipe != 0 {
		f.Make = &Recipe{}
		return d.recipe(f.Make)
	}
	return nil
}

func (d *decoder) digest() error {
	algo, err := d.word()
	if err != nil {
		return err
	}
	raw, err := d.bytes(d.hash[:0], len(d.hash))
	if err != nil {
		return err
	}
	d.rec.text = append(append(d.rec.text, algo...), ':')
	d.rec.text = hex.AppendEncode(d.rec.text, raw)
	d.rec.digest = len(d.rec.text)
	return nil
}

func (d *decoder) fileURLs() error {
	n, err := d.count(maxURLs)
	if err != nil {
		return err
	}
	for range n {
		if err := d.shared(&d.url); err != nil {
			return err
		}
		d.rec.text = append(d.rec.text, d.url...)
		d.rec.urls = append(d.rec.urls, len(d.rec.text))
	}
	return nil
}

func (d *decoder) recipe(r *Recipe) error {
	var err error
	if r.Kind, err = d.word(); err != nil {
		return err
	}
	n, err := d.count(maxArgs)
	if err != nil {
		return err
	}
	for range n {
		key, err := d.word()
		if err != nil {
			return err
		}
		value, err := d.str()
		if err != nil {
			return err
		}
		if r.Args == nil {
			r.Args = map[string]string{}
		}
		r.Args[key] = value
	}
	return d.from(r)
}

// from reads what a recipe makes its content of.
func (d *decoder) from(r *Recipe) error {
	if n, err := d.count(1); n == 0 || err != nil {
		return err
	}
	f := &File{}
	var err error
	if f.Size, err = binary.ReadVarint(d.r); err != nil {
		return err
	}
	sum, err := d.str()
	if err != nil {
		return err
	}
	f.Digest = digest.Digest(sum)
	n, err := d.count(maxURLs)
	if err != nil {
		return err
	}
	for range n {
		u, err := d.str()
		if err != nil {
			return err
		}
		f.URLs = append(f.URLs, u)
	}
	r.From = f
	return r.checkFrom()
}

// record gathers the strings of one file, so that they become a part of one
// allocation instead of four: a tree of a million files is decoded in well under a
// second.
type record struct {
	text   []byte // path, digest, URLs, one after another
	path   int    // end of the path in text
	digest int    // end of the digest
	urls   []int  // end of each URL
}

func (r *record) reset(path []byte) {
	r.text = append(r.text[:0], path...)
	r.path, r.digest = len(path), len(path)
	r.urls = r.urls[:0]
}

// textsLength is how many bytes of strings share an allocation. It must not be much:
// one string that is needed keeps all of it.
const textsLength = 32 << 10

// cut gives f its strings. They are cut from texts, and URL slices from pool.
func (r *record) cut(f *File, texts *strings.Builder, pool *[]string) {
	if texts.Cap()-texts.Len() < len(r.text) {
		texts.Reset()
		texts.Grow(max(textsLength, len(r.text)))
	}
	start := texts.Len()
	texts.Write(r.text)
	all := texts.String()[start:]
	f.Path, f.Digest = all[:r.path], digest.Digest(all[r.path:r.digest])
	n := len(r.urls)
	if n == 0 {
		return
	}
	if len(*pool) < n {
		*pool = make([]string, max(n, 1024))
	}
	f.URLs, *pool = (*pool)[:n:n], (*pool)[n:]
	start = r.digest
	for i, end := range r.urls {
		f.URLs[i] = all[start:end]
		start = end
	}
}
