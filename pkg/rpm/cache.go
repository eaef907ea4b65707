package rpm

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// repodataMagic begins every encoding of a Repodata. Its last byte is the
// version: it changes with the encoding, and with what Write makes of the same facts.
const repodataMagic = "LBREPOD\x02"

// Key names what Write would make of the same arguments, without the facts:
// entries need no Package. A caller that keeps Repodata under this key need
// not read a single header for a repository that it has seen. The order of the
// entries does not matter.
func Key(entries []Entry, modules []byte, opts Options) digest.Digest {
	lines := make([]string, len(entries))
	for i, e := range entries {
		lines[i] = fmt.Sprintf("%q %s %d %d\n", e.Href, e.Digest, e.Size, e.Mtime)
	}
	slices.Sort(lines)
	h := sha256.New()
	sum := sha256.Sum256(modules)
	fmt.Fprintf(h, "%q %q %q %d %q %t %x\n", repodataMagic, factsMagic, cmp.Or(opts.Compression, Gzip), changelogLimit(opts.ChangelogLimit),
		opts.Revision, modules != nil, sum)
	for _, line := range lines {
		h.Write([]byte(line))
	}
	return digest.Digest("sha256:" + hex.EncodeToString(h.Sum(nil)))
}

// MarshalBinary encodes the repodata for keeping. It never fails.
func (r *Repodata) MarshalBinary() ([]byte, error) {
	e := &encoder{}
	e.buf = append(e.buf, repodataMagic...)
	e.str(r.Revision)
	e.count(len(r.Files))
	for _, f := range r.Files {
		e.str(f.Name)
		e.str(string(f.Data))
	}
	e.count(len(r.Skipped))
	for _, s := range r.Skipped {
		e.str(s.Href)
		e.str(s.Reason)
	}
	e.count(len(r.Stated))
	for _, s := range r.Stated {
		e.str(string(s.Digest))
		e.str(s.From)
		e.str(s.nevra)
		for i := range s.sums {
			e.buf = append(e.buf, s.sums[i][:]...)
		}
	}
	return binary.BigEndian.AppendUint32(e.buf, checksum(e.buf)), nil
}

// UnmarshalBinary decodes what MarshalBinary made; data is copied. The error
// wraps ErrFacts.
func (r *Repodata) UnmarshalBinary(data []byte) error {
	d, err := newDecoder(data, repodataMagic)
	if err != nil {
		return err
	}
	r.Revision = d.str()
	r.Files = list(d, 2*minStringSize, func(f *NamedFile) { f.Name, f.Data = d.str(), []byte(d.str()) })
	r.Skipped = list(d, 2*minStringSize, func(s *Skipped) { s.Href, s.Reason = d.str(), d.str() })
	r.Stated = list(d, minStatedSize, func(s *Stated) {
		s.Digest, s.From, s.nevra = digest.Digest(d.str()), d.str(), d.str()
		for i := range s.sums {
			d.bytes(s.sums[i][:])
		}
	})
	return d.close()
}
