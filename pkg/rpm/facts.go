package rpm

import (
	"encoding/binary"
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
	d, err := newDecoder(data, factsMagic)
	if err != nil {
		return err
	}
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
	d.check(p.Header.Start >= 0 && p.Header.Start <= p.Header.End && p.Header.End <= maxHead)
	return d.close()
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
