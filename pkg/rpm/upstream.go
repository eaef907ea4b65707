package rpm

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// Upstream reads what a repository's own metadata says of some of its packages,
// so that their headers need not be fetched. It takes only what it understands
// to the last attribute: Write makes the same bytes of it as of the header,
// where createrepo_c has made the metadata with its default number of change
// logs. Whatever else the repository has costs little: it is not looked into.
//
// What metadata says is somebody's word as a header is that came by a range
// request, and cannot be held against the file's first bytes: a Statement can.
type Upstream struct {
	index *Index
	sizes map[string]int64 // of the wanted packages, by the digest's hex

	mu   sync.Mutex
	said map[string]*said
}

// said is what the three files say of a package.
type said struct {
	primary, filelists, other *Package
	// primaryFiles are the files that primary names.
	primaryFiles []string
}

// NewUpstream returns a reader for the packages with these digests, of which
// only sha256 ones can be found, and sizes in bytes.
func NewUpstream(x *Index, sizes map[digest.Digest]int64) *Upstream {
	u := &Upstream{index: x, sizes: make(map[string]int64, len(sizes)), said: make(map[string]*said, len(sizes))}
	for d, size := range sizes {
		if d.Algorithm() == "sha256" {
			u.sizes[d.Hex()] = size
		}
	}
	return u
}

// ReadPrimary reads the index's Primary, of which data is the content. The three
// Read methods may run at the same time. An error says that the file is not the
// one that the index states, or cannot be read at all: the rest is of no use
// then. A package that cannot be understood is one that is not there.
func (u *Upstream) ReadPrimary(data []byte) error {
	return u.read("primary", &u.index.Primary, data, primaryID, func(m *markup, p *reading) { p.primary(m) },
		func(s *said, p *reading) { s.primary, s.primaryFiles = &p.Package, p.files })
}

// ReadFilelists is ReadPrimary for the index's Filelists.
func (u *Upstream) ReadFilelists(data []byte) error {
	return u.read("filelists", &u.index.Filelists, data, packageID, func(m *markup, p *reading) { p.filelists(m) },
		func(s *said, p *reading) { s.filelists = &p.Package })
}

// ReadOther is ReadPrimary for the index's Other.
func (u *Upstream) ReadOther(data []byte) error {
	return u.read("other", &u.index.Other, data, packageID, func(m *markup, p *reading) { p.other(m) },
		func(s *said, p *reading) { s.other = &p.Package })
}

func (u *Upstream) read(kind string, f *Metadata, data []byte, id func([]byte) []byte, read func(*markup, *reading), keep func(*said, *reading)) error {
	if err := u.readChecked(f, data, func(element []byte) error {
		hex := id(element)
		size, wanted := u.sizes[string(hex)]
		if !wanted {
			return nil
		}
		p := &reading{id: string(hex), size: size}
		m := &markup{rest: string(element)}
		if m.next() {
			read(m, p)
		}
		if m.err != nil || m.rest != "" {
			return nil
		}
		u.mu.Lock()
		defer u.mu.Unlock()
		if u.said[p.id] == nil {
			u.said[p.id] = &said{}
		}
		keep(u.said[p.id], p)
		return nil
	}); err != nil {
		return fmt.Errorf("reading %s of the repository: %w", kind, err)
	}
	return nil
}

// readChecked reads the packages of a file that is the one that the index states.
func (u *Upstream) readChecked(f *Metadata, data []byte, use func(element []byte) error) error {
	if int64(len(data)) != f.Size {
		return fmt.Errorf("it has %d bytes, and repomd.xml states %d", len(data), f.Size)
	}
	h := f.Digest.Hash()
	h.Write(data)
	if got := digest.FromHash(f.Digest.Algorithm(), h); got != f.Digest {
		return fmt.Errorf("its checksum is %s, and repomd.xml states %s", got, f.Digest)
	}
	r, _, err := unpack(data)
	if err != nil {
		return err
	}
	limited := &io.LimitedReader{R: r, N: f.OpenSize + 1}
	if err := eachPackage(limited, use); err != nil {
		return err
	}
	if limited.N != 1 {
		return fmt.Errorf("it does not unpack to the %d bytes that repomd.xml states", f.OpenSize)
	}
	return nil
}

// primaryID finds a package's digest in primary without reading the rest.
func primaryID(element []byte) []byte {
	_, rest, _ := bytes.Cut(element, []byte(`pkgid="YES">`))
	return rest[:max(0, bytes.IndexByte(rest, '<'))]
}

// packageID finds it in filelists and other.
func packageID(element []byte) []byte {
	tag := element[:max(0, bytes.IndexByte(element, '>'))]
	_, rest, _ := bytes.Cut(tag, []byte(`pkgid="`))
	return rest[:max(0, bytes.IndexByte(rest, '"'))]
}

// Packages are those of which all three files have spoken, by digest. Their
// HeaderDigest is empty: CompareHeader is not for them. They hold in memory what
// was read about them.
func (u *Upstream) Packages() map[digest.Digest]*Package {
	u.mu.Lock()
	defer u.mu.Unlock()
	all := make(map[digest.Digest]*Package, len(u.said))
	for id, s := range u.said {
		if p := s.whole(); p != nil {
			all[digest.Digest("sha256:"+id)] = p
		}
	}
	return all
}

// whole is the package; nil when the files do not say all, or not the same.
func (s *said) whole() *Package {
	if s.primary == nil || s.filelists == nil || s.other == nil || !s.primary.same(s.filelists) || !s.primary.same(s.other) {
		return nil
	}
	p := s.primary
	p.Dirs, p.Files, p.Changelogs = s.filelists.Dirs, s.filelists.Files, s.other.Changelogs
	// Which files primary names is decided by their names, as in the header; for
	// names that are no UTF-8 they may have changed on the way.
	var named []string
	for f := range primaryFiles(p) {
		named = append(named, fileLine(p.Dirs[f.Dir]+f.Base, f.Kind))
	}
	if !slices.Equal(named, s.primaryFiles) {
		return nil
	}
	return p
}

func (p *Package) same(o *Package) bool {
	return p.Name == o.Name && p.Arch == o.Arch && p.Epoch == o.Epoch && p.Version == o.Version && p.Release == o.Release
}

func fileLine(path string, kind FileKind) string { return string('0'+rune(kind)) + path }
