package rpm

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// Index is what a repository's repomd.xml says of its metadata files.
type Index struct {
	Primary, Filelists, Other Metadata
}

// Metadata is one file of a repository's metadata, as repomd.xml states it.
type Metadata struct {
	// Href is where it is below the directory that holds repodata/: slash-separated,
	// and never out of it.
	Href   string
	Digest digest.Digest
	// Size of the file and OpenSize of what is compressed in it, in bytes.
	Size, OpenSize int64
}

// The limits on what one metadata file may have, in bytes. The largest
// distributions have 60 MB, and 900 MB uncompressed.
const (
	maxMetadata = 64 << 20
	maxOpen     = 1 << 30
)

// ParseIndex reads a repomd.xml. The error says what is wrong with it; data that
// is not needed may be of any kind.
func ParseIndex(repomd []byte) (*Index, error) {
	m := &markup{rest: string(repomd)}
	m.skipProlog()
	x := &Index{}
	if m.next() && m.name != "repomd" {
		m.failf("it is no repomd.xml but %.40q", m.name)
	}
	m.children(func(name string) {
		if name != "data" {
			m.skip()
			return
		}
		x.read(m)
	})
	if m.err != nil {
		return nil, fmt.Errorf("reading repomd.xml: %w", m.err)
	}
	for kind, f := range map[string]Metadata{"primary": x.Primary, "filelists": x.Filelists, "other": x.Other} {
		if err := f.check(); err != nil {
			return nil, fmt.Errorf("reading repomd.xml: %s: %w", kind, err)
		}
	}
	return x, nil
}

func (x *Index) read(m *markup) {
	var f Metadata
	var kind string
	for _, a := range m.attrs {
		if a.name == "type" {
			kind = a.value
		}
	}
	m.children(func(name string) {
		var typ, base string
		switch name {
		case "checksum":
			m.fill(field{name: "type", to: &typ})
			d, err := digest.New(typ, m.content())
			if err == nil {
				f.Digest = d
			}
		case "location":
			m.fill(field{name: "href", to: &f.Href}, field{name: "xml:base", to: &base})
			if base != "" {
				f.Href = "" // somewhere else, which the lock does not name
			}
			m.empty()
		case "size":
			f.Size = m.integer(m.content())
		case "open-size":
			f.OpenSize = m.integer(m.content())
		default:
			m.skip()
		}
	})
	switch kind {
	case "primary":
		x.Primary = f
	case "filelists":
		x.Filelists = f
	case "other":
		x.Other = f
	}
}

func (f *Metadata) check() error {
	switch {
	case f.Href == "":
		return errors.New("it names no such file of its own")
	case !fs.ValidPath(f.Href):
		return fmt.Errorf("the location %.80q", f.Href)
	case f.Digest == "":
		return errors.New("it states no checksum that is known here")
	case f.Size <= 0 || f.OpenSize <= 0:
		return errors.New("it states no sizes")
	case f.Size > maxMetadata || f.OpenSize > maxOpen:
		return fmt.Errorf("%d bytes, and %d uncompressed, are too many", f.Size, f.OpenSize)
	}
	return nil
}

// Bytes are those of all three files, and of what is compressed in them.
func (x *Index) Bytes() (packed, open int64) {
	for _, f := range []Metadata{x.Primary, x.Filelists, x.Other} {
		packed += f.Size
		open += f.OpenSize
	}
	return packed, open
}
