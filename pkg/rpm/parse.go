package rpm

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// ParseHeader makes a Package from the first bytes of an RPM file: at least as
// many as Need asks for. The Package does not refer to prefix. The error wraps
// ErrNotRPM, ErrTruncated or ErrHeader.
func ParseHeader(prefix []byte) (*Package, error) {
	l, err := measure(prefix)
	if err != nil {
		return nil, err
	}
	if l.need > int64(len(prefix)) {
		return nil, fmt.Errorf("%w: %d bytes of at least %d", ErrTruncated, len(prefix), l.need)
	}
	head := prefix[:l.need]
	sig, err := parseSection(head, l.signature, tagHeaderSignatures)
	if err != nil {
		return nil, fmt.Errorf("reading signature header: %w", err)
	}
	h, err := parseSection(head, l.main, tagHeaderImmutable)
	if err != nil {
		return nil, fmt.Errorf("reading main header: %w", err)
	}
	if err := verifySection(h, sig, head[l.main.start:], l.main.entries); err != nil {
		return nil, fmt.Errorf("reading main header: %w", err)
	}
	p := newPackage(h, sig)
	p.Header = HeaderRange{Start: l.main.start, End: l.main.end()}
	p.HeaderDigest = digest.FromBytes(head)
	return compact(p)
}

// ReadHeader makes a Package from an RPM file, of which it reads only the
// headers. It blocks as long as r's ReadAt does.
func ReadHeader(r io.ReaderAt) (*Package, error) {
	head, err := readHead(r)
	if err != nil {
		return nil, err
	}
	return ParseHeader(head)
}

// readHead reads the file's first bytes up to the main header's end.
func readHead(r io.ReaderAt) ([]byte, error) {
	var head []byte
	for {
		need, err := Need(head)
		if err != nil || need <= int64(len(head)) {
			return head, err
		}
		have := len(head)
		head = append(head, make([]byte, need-int64(have))...)
		n, err := r.ReadAt(head[have:], int64(have))
		if have+n < len(head) {
			if errors.Is(err, io.EOF) {
				err = ErrTruncated
			}
			if _, kind := Need(head[:have+n]); kind != nil {
				return nil, kind // a short file that is no RPM is not a truncated one
			}
			return nil, fmt.Errorf("reading RPM header: %w", err)
		}
	}
}

// verifySection checks what parseSection cannot know: that this is the main
// header, whole, and that it is the one of which the signature header speaks.
func verifySection(h, sig *header, raw []byte, entries int) error {
	if err := h.checkRegion(entries); err != nil {
		return err
	}
	if err := h.checkTypes(); err != nil {
		return err
	}
	if h.str(tagName) == "" || h.str(tagVersion) == "" || h.str(tagRelease) == "" {
		return headerErrorf("it names no package (name, version or release is missing)")
	}
	want := sig.str(sigSHA256)
	if want == "" {
		return nil // packages built before RPM 4.14 have only a SHA-1
	}
	sum := sha256.Sum256(raw)
	if got := hex.EncodeToString(sum[:]); !strings.EqualFold(got, want) {
		return headerErrorf("its sha256 is %s, but the signature header states %.80q", got, want)
	}
	return nil
}

func newPackage(h, sig *header) *Package {
	p := &Package{
		Name: h.str(tagName), Version: h.str(tagVersion), Release: h.str(tagRelease), Arch: h.str(tagArch),
		Summary: h.str(tagSummary), Description: h.str(tagDescription), Packager: h.str(tagPackager),
		URL: h.str(tagURL), License: h.str(tagLicense), Vendor: h.str(tagVendor), Group: h.str(tagGroup),
		BuildHost: h.str(tagBuildHost), SourceRPM: h.str(tagSourceRPM),
		BuildTime:     int64(h.num(tagBuildTime)),
		InstalledSize: h.num(tagSize),
		ArchiveSize:   archiveSize(h, sig),
	}
	if h.count(tagEpoch) == 1 {
		p.Epoch = h.num(tagEpoch)
	}
	if h.has(tagLongSize) {
		p.InstalledSize = h.num(tagLongSize)
	}
	p.Dirs, p.Files = readFiles(h)
	setSource(p, h)
	p.Deps = readDeps(h, p)
	p.Changelogs = readChangelogs(h)
	p.ControlField, p.ControlChangelog = findControl(p)
	return p
}

// archiveSize is in either header, in 32 or 64 bits; librpm merges the two headers.
func archiveSize(h, sig *header) uint64 {
	for _, v := range []struct {
		h *header
		t tag
	}{{h, tagLongArchiveSize}, {sig, sigLongArchiveSize}, {h, tagArchiveSize}, {sig, sigPayloadSize}} {
		if v.h.has(v.t) {
			return v.h.num(v.t)
		}
	}
	return 0
}

// setSource marks source packages. Old headers have neither SOURCEPACKAGE nor
// SOURCERPM; librpm then goes by the file list, which in a source package has
// no directories, and marks the others with the source package "(none)".
func setSource(p *Package, h *header) {
	source := h.count(tagSourcePackage) == 1 && h.num(tagSourcePackage) != 0
	if !h.has(tagSourcePackage) && !h.has(tagSourceRPM) {
		source = len(p.Dirs) == 1 && p.Dirs[0] == ""
		if !source {
			p.SourceRPM = "(none)"
		}
	}
	if source {
		p.Arch = "src"
	}
}

func readChangelogs(h *header) []Changelog {
	authors, texts := h.strs(tagChangelogName), h.strs(tagChangelogText)
	times := h.column(tagChangelogTime)
	n := min(times.count, len(authors), len(texts), MaxChangelogs)
	if n == 0 {
		return nil
	}
	list := make([]Changelog, n)
	for i := range list {
		list[i] = Changelog{Time: int64(times.at(i)), Author: trimAuthor(authors[i]), Text: texts[i]}
	}
	return list
}

// trimAuthor cuts spaces from the end, but never the first character.
func trimAuthor(s string) string {
	if s == "" {
		return s
	}
	return s[:1] + strings.TrimRight(s[1:], " ")
}
