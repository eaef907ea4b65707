package tree

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/url"
	"slices"
	"strings"
)

// Fingerprint is a sha256 in hex over everything that changes what a build
// sees: paths, digests, generated content and recipes, and for a file without
// a digest its size and URLs, which are then all that names its content.
//
// It does not depend on the order of the files, on where a digested file can be
// had, on the inputs, or on what is read ahead: none of these change a byte that
// a build can read, so they must not cost anybody a layer-cache hit. Nor does
// it depend on user names and passwords in URLs, which change without the file.
func (t *Tree) Fingerprint() string {
	h := sha256.New()
	// One Write per file instead of one per field.
	var buf []byte
	for i := range t.Files {
		buf = appendFile(buf[:0], &t.Files[i])
		h.Write(buf)
	}
	for i := range t.Dirs {
		buf = append(buf[:0], 'd')
		buf = appendField(buf, t.Dirs[i].Path)
		buf = appendField(buf, t.Dirs[i].Make.canonical())
		h.Write(buf)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// appendFile encodes a file so that no two different files have one encoding:
// each field has its length in front, each kind of file its own letter.
func appendFile(buf []byte, f *File) []byte {
	switch {
	case f.Make != nil:
		buf = append(buf, 'm')
		buf = appendField(buf, f.Path)
		return appendField(buf, f.Make.canonical())
	case f.Digest != "":
		buf = append(buf, 'f')
		buf = appendField(buf, f.Path)
		return appendField(buf, string(f.Digest))
	}
	buf = append(buf, 'u')
	buf = appendField(buf, f.Path)
	return appendOrigin(buf, f)
}

// appendOrigin encodes what names the content of a file without a digest.
func appendOrigin(buf []byte, f *File) []byte {
	buf = binary.AppendVarint(buf, f.Size)
	buf = binary.AppendUvarint(buf, uint64(len(f.URLs)))
	for _, u := range f.URLs {
		buf = appendField(buf, withoutUser(u))
	}
	return buf
}

func appendField(buf []byte, s string) []byte {
	buf = binary.AppendUvarint(buf, uint64(len(s)))
	return append(buf, s...)
}

func withoutUser(raw string) string {
	if !strings.Contains(raw, "@") {
		return raw
	}
	u, err := url.Parse(raw)
	if err != nil || u.User == nil {
		return raw
	}
	u.User = nil
	return u.String()
}

// canonical is the recipe as one string, the same for equal recipes only.
func (r *Recipe) canonical() string {
	keys := make([]string, 0, len(r.Args))
	for k := range r.Args {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	buf := appendField(nil, r.Kind)
	for _, k := range keys {
		buf = appendField(appendField(buf, k), r.Args[k])
	}
	switch {
	case r.From == nil:
	case r.From.Digest != "":
		buf = appendField(append(buf, 'f'), string(r.From.Digest))
	default:
		buf = appendOrigin(append(buf, 'u'), r.From)
	}
	return string(buf)
}

// Key names what the recipe makes: equal recipes, and no others, have equal
// keys. It holds no user name or password of a URL.
func (r *Recipe) Key() string {
	sum := sha256.Sum256([]byte(r.canonical()))
	return r.Kind + ":" + hex.EncodeToString(sum[:])
}
