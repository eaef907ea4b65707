package rpm

import (
	"encoding/binary"
	"fmt"
	"hash/crc32"
)

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

// newDecoder checks the magic in front and the checksum behind the data.
func newDecoder(data []byte, magic string) (*decoder, error) {
	end := len(data) - 4
	if end < len(magic) || string(data[:len(magic)]) != magic {
		return nil, fmt.Errorf("%w: they are not of this version", ErrFacts)
	}
	if binary.BigEndian.Uint32(data[end:]) != checksum(data[:end]) {
		return nil, fmt.Errorf("%w: the checksum is wrong", ErrFacts)
	}
	return &decoder{data: data[:end], text: string(data[:end]), at: len(magic)}, nil
}

// close says whether everything was read, and read well.
func (d *decoder) close() error {
	if d.bad || d.at != len(d.data) {
		return fmt.Errorf("%w: damaged at byte %d", ErrFacts, d.at)
	}
	return nil
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

// bytes fills b.
func (d *decoder) bytes(b []byte) {
	if d.bad || len(b) > len(d.data)-d.at {
		d.bad = true
		return
	}
	d.at += copy(b, d.data[d.at:])
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
