package rpm

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

// factsMagic begins every encoding of a Package. Its last byte is the version:
// it changes whenever the encoding or what ParseHeader puts into a Package
// changes, so that facts of another lazybuild are read anew instead of misread.
const factsMagic = "LBRPMHD\x01"

// minimum sizes of the elements of lists, to refuse counts that cannot be
const (
	minStringSize = 1
	minDepSize    = 2
	minFileSize   = 2
	minLogSize    = 3
)

// MarshalBinary encodes the facts: a few bytes more than their strings. It never fails.
func (p *Package) MarshalBinary() ([]byte, error) {
	e := &encoder{buf: make([]byte, 0, 4096)}
	e.buf = append(e.buf, factsMagic...)
	p.fields(e.text, e.unsigned)
	for kind := range p.Deps {
		e.deps(p.Deps[kind])
	}
	e.count(len(p.Dirs))
	for _, dir := range p.Dirs {
		e.str(dir)
	}
	e.count(len(p.Files))
	for _, f := range p.Files {
		e.uint(uint64(f.Dir)<<2 | uint64(f.Kind))
		e.str(f.Base)
	}
	e.count(len(p.Changelogs))
	for _, c := range p.Changelogs {
		e.uint(uint64(c.Time))
		e.str(c.Author)
		e.str(c.Text)
	}
	return binary.BigEndian.AppendUint32(e.buf, checksum(e.buf)), nil
}

// UnmarshalBinary decodes what MarshalBinary made; data is copied. The error
// wraps ErrFacts.
func (p *Package) UnmarshalBinary(data []byte) error {
	end := len(data) - 4
	if end < len(factsMagic) || string(data[:len(factsMagic)]) != factsMagic {
		return fmt.Errorf("%w: no facts of this version", ErrFacts)
	}
	if binary.BigEndian.Uint32(data[end:]) != checksum(data[:end]) {
		return fmt.Errorf("%w: the checksum is wrong", ErrFacts)
	}
	d := &decoder{data: data[:end], text: string(data[:end]), at: len(factsMagic)}
	*p = Package{}
	p.fields(d.textInto, d.unsigned)
	for kind := range p.Deps {
		p.Deps[kind] = d.deps()
	}
	p.Dirs = list(d, minStringSize, func(s *string) { *s = d.str() })
	p.Files = list(d, minFileSize, func(f *File) {
		bits := d.uint()
		f.Dir, f.Kind, f.Base = uint32(bits>>2), FileKind(bits&3), d.str()
		d.check(bits>>2 < uint64(len(p.Dirs)))
	})
	p.Changelogs = list(d, minLogSize, func(c *Changelog) {
		c.Time, c.Author, c.Text = int64(d.uint()), d.str(), d.str()
	})
	d.check(d.at == len(d.data) && p.Header.Start >= 0 && p.Header.Start <= p.Header.End && p.Header.End <= maxHead)
	if d.bad {
		return fmt.Errorf("%w: damaged at byte %d", ErrFacts, d.at)
	}
	return nil
}

// fields visits the single values in the encoding's order, for both directions.
func (p *Package) fields(text func(*string), number func(*uint64)) {
	for _, s := range []*string{
		&p.Name, &p.Version, &p.Release, &p.Arch, &p.Summary, &p.Description, &p.Packager, &p.URL,
		&p.License, &p.Vendor, &p.Group, &p.BuildHost, &p.SourceRPM, &p.ControlField, (*string)(&p.HeaderDigest),
	} {
		text(s)
	}
	for _, n := range []*uint64{&p.Epoch, &p.InstalledSize, &p.ArchiveSize} {
		number(n)
	}
	bad := int64(p.ControlChangelog)
	for _, n := range []*int64{&p.BuildTime, &p.Header.Start, &p.Header.End, &bad} {
		u := uint64(*n)
		number(&u)
		*n = int64(u)
	}
	p.ControlChangelog = int(bad)
}

// compact gives p strings of its own, so that it does not hold the whole header
// (file digests, scriptlets, …) in memory.
func compact(p *Package) (*Package, error) {
	data, err := p.MarshalBinary()
	if err != nil {
		return nil, err
	}
	small := new(Package)
	return small, small.UnmarshalBinary(data)
}

func checksum(b []byte) uint32 { return crc32.Checksum(b, crc32.MakeTable(crc32.Castagnoli)) }

// The bits of a dependency's first byte: the comparison as index into
// compareNames, and whether it is a pre-requirement.
const depPre = 8

func compareIndex(flags string) byte {
	for i, name := range compareNames {
		if name == flags {
			return byte(i)
		}
	}
	return 0
}

var compareNames = [...]string{"", "LT", "GT", "EQ", "LE", "GE"}

type encoder struct{ buf []byte }

func (e *encoder) uint(n uint64)      { e.buf = binary.AppendUvarint(e.buf, n) }
func (e *encoder) count(n int)        { e.uint(uint64(n)) }
func (e *encoder) str(s string)       { e.buf = append(binary.AppendUvarint(e.buf, uint64(len(s))), s...) }
func (e *encoder) text(s *string)     { e.str(*s) }
func (e *encoder) unsigned(n *uint64) { e.uint(*n) }

func (e *encoder) deps(deps []Dependency) {
	e.count(len(deps))
	for _, d := range deps {
		bits := compareIndex(d.Flags)
		if d.Pre {
			bits |= depPre
		}
		e.buf = append(e.buf, bits)
		e.str(d.Name)
		if d.Flags != "" {
			e.str(d.Epoch)
			e.str(d.Version)
			e.str(d.Release)
		}
	}
}

// decoder reads an encoding; after the first error it gives zero values.
type decoder struct {
	data []byte
	text string // data once more: substrings need no copies
	at   int
	bad  bool
}

func (d *decoder) check(ok bool)      { d.bad = d.bad || !ok }
func (d *decoder) textInto(s *string) { *s = d.str() }
func (d *decoder) unsigned(n *uint64) { *n = d.uint() }

func (d *decoder) uint() uint64 {
	n, size := binary.Uvarint(d.data[d.at:])
	if d.bad || size <= 0 {
		d.bad = true
		return 0
	}
	d.at += size
	return n
}

func (d *decoder) str() string {
	n := d.uint()
	if d.bad || n > uint64(len(d.data)-d.at) {
		d.bad = true
		return ""
	}
	start := d.at
	d.at += int(n)
	return d.text[start:d.at]
}

func (d *decoder) deps() []Dependency {
	return list(d, minDepSize, func(dep *Dependency) {
		bits := d.uint()
		d.check(bits&^depPre < uint64(len(compareNames)))
		if d.bad {
			return
		}
		dep.Flags, dep.Pre = compareNames[bits&^depPre], bits&depPre != 0
		dep.Name = d.str()
		if dep.Flags != "" {
			dep.Epoch, dep.Version, dep.Release = d.str(), d.str(), d.str()
		}
	})
}

// list reads a counted list whose elements take at least size bytes each, so
// that a damaged count cannot ask for more memory than the data could fill.
func list[T any](d *decoder, size int, read func(*T)) []T {
	n := d.uint()
	if d.check(n <= uint64(len(d.data)-d.at)/uint64(size)); d.bad || n == 0 {
		return nil
	}
	items := make([]T, n)
	for i := range items {
		if read(&items[i]); d.bad {
			return nil
		}
	}
	return items
}
