package rpm

import (
	"crypto/sha256"
	"hash"
	"io"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// Statement is what a package's repodata says, without its megabytes, for a
// comparison with the package's own header. It leaves out what says nothing to
// dnf and may differ without anybody lying: summary, description and group,
// which createrepo_c takes in the language of the machine that it runs on, and
// change logs, whose number is a setting. Statements can be compared with ==.
type Statement struct {
	nevra string
	sums  [len(statementParts)][sha256.Size]byte
}

// Stated is a Statement about the package with a digest, and where it comes from.
type Stated struct {
	Digest digest.Digest
	// From is the repository's URL, fit for messages.
	From string
	Statement
}

const minStatedSize = 3*minStringSize + len(statementParts)*sha256.Size

// statementParts are hashed as repodata writes them: what is the same there is
// the same for dnf, whatever encoding the header has it in.
var statementParts = [...]struct {
	name  string
	write func(h hash.Hash, p *Package)
}{
	{"name or version", func(h hash.Hash, p *Package) {
		h.Write(appendVersion(appendAttr(appendAttr(nil, `name="`, p.Name), ` arch="`, p.Arch), p))
	}},
	{"dependencies", func(h hash.Hash, p *Package) {
		for kind, deps := range p.Deps {
			h.Write(appendDeps(nil, depElements[kind], deps))
		}
	}},
	{"files", func(h hash.Hash, p *Package) {
		var b []byte
		for _, f := range p.Files {
			if b = appendFile(b, p.Dirs[f.Dir], f, false); len(b) >= pieceSize {
				h.Write(b)
				b = b[:0]
			}
		}
		h.Write(b)
	}},
	{"sizes, times or origin", func(h hash.Hash, p *Package) {
		var b []byte
		for _, s := range []string{p.Packager, p.URL, p.License, p.Vendor, p.BuildHost, p.SourceRPM} {
			b = appendAttr(b, ` of="`, s)
		}
		for _, n := range []int64{p.BuildTime, int64(p.InstalledSize), int64(p.ArchiveSize), p.Header.Start, p.Header.End} {
			b = appendIntAttr(b, ` n="`, n)
		}
		h.Write(b)
	}},
}

// Statement is what the package's repodata says.
func (p *Package) Statement() Statement {
	s := Statement{nevra: p.NEVRA()}
	for i, part := range statementParts {
		h := sha256.New()
		part.write(h, p)
		h.Sum(s.sums[i][:0])
	}
	return s
}

// Compare holds a downloaded RPM, whose own checksum has been verified, against
// what its repodata says. It reads the file's headers only. It returns nil when
// the header says the same, a *MismatchError when it does not, and any other
// error when the file cannot be read.
func (s *Stated) Compare(file io.ReaderAt) error {
	p, err := ReadHeader(file)
	if err != nil {
		return err
	}
	own := p.Statement()
	for i, part := range statementParts {
		if own.sums[i] != s.sums[i] {
			return &MismatchError{Package: s.nevra, Detail: part.name + " of " + p.NEVRA() + " differ", From: s.From}
		}
	}
	return nil
}
