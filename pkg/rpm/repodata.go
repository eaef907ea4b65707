package rpm

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"golang.org/x/sync/errgroup"
)

// Entry is one package of a repository: its facts, and what the header cannot say.
type Entry struct {
	Package *Package
	// Href is the file's path below the directory that holds repodata/.
	Href string
	// Digest of the whole file, as the lock states it; it is the package's ID in
	// the repodata, so it must not be empty.
	Digest digest.Digest
	// Size of the whole file in bytes.
	Size int64
	// Mtime is the file's modification time, in seconds since 1970.
	Mtime int64
}

// Options are for Write. The zero value gives what Hermeto's createrepo_c call gives.
type Options struct {
	// Compression of the metadata files; Gzip when empty.
	Compression Compression
	// ChangelogLimit is the number of changelog entries per package: 0 means
	// MaxChangelogs, a negative one none.
	ChangelogLimit int
	// Revision of repomd.xml; when empty, one is derived from the content.
	Revision string
}

// Repodata is the content of a repodata directory.
type Repodata struct {
	// Files by name within the directory, repomd.xml last: whoever writes them
	// to a disk in this order never has a repomd.xml that names an absent file.
	Files []NamedFile
	// Revision as in repomd.xml.
	Revision string
	// Skipped are the packages that the repodata leaves out, as createrepo_c does.
	Skipped []Skipped
	// Stated is what its packages have to be held against that were not described
	// by their own headers. Write leaves it empty: the caller knows where the facts
	// come from.
	Stated []Stated
}

// NamedFile is a file of a repodata directory.
type NamedFile struct {
	Name string
	Data []byte
}

// Skipped is a package that cannot be put into repodata.
type Skipped struct {
	Href   string
	Reason string // for people
}

// Write makes the repodata of a repository. Packages are in createrepo_c's
// order: by file name, then by directory, in byte order. modules is the content
// of a modules.yaml, plain or compressed (gzip, xz, zstd, bzip2); nil when the
// repository has no modules. Entries are not changed. Write uses several
// processors and blocks until it is done.
func Write(entries []Entry, modules []byte, opts Options) (*Repodata, error) {
	if opts.Compression == "" {
		opts.Compression = Gzip
	}
	if opts.Compression != Gzip && opts.Compression != Zstd {
		return nil, fmt.Errorf("compression %q of repodata is not supported (expected %q or %q)", opts.Compression, Gzip, Zstd)
	}
	modules, err := plainModules(modules, maxModules)
	if err != nil {
		return nil, err
	}
	limit := changelogLimit(opts.ChangelogLimit)
	sorted, skipped, err := selectEntries(entries, limit)
	if err != nil {
		return nil, err
	}
	records, err := makeRecords(sorted, modules, opts.Compression, limit)
	if err != nil {
		return nil, err
	}
	out := &Repodata{Revision: opts.Revision, Skipped: skipped}
	if out.Revision == "" {
		out.Revision = contentRevision(records)
	}
	for _, r := range records {
		out.Files = append(out.Files, NamedFile{Name: r.name(), Data: r.data})
	}
	repomd := repomdXML(out.Revision, records, newest(sorted))
	out.Files = append(out.Files, NamedFile{Name: "repomd.xml", Data: repomd})
	return out, nil
}

func changelogLimit(n int) int {
	switch {
	case n == 0:
		return MaxChangelogs
	case n < 0:
		return 0
	}
	return min(n, MaxChangelogs)
}

// selectEntries sorts the entries and takes those out that cannot be written.
func selectEntries(entries []Entry, limit int) (sorted []*Entry, skipped []Skipped, err error) {
	for i := range entries {
		e := &entries[i]
		if e.Package == nil || e.Href == "" || e.Digest == "" || e.Size < 0 {
			return nil, nil, fmt.Errorf("repodata entry %q lacks its facts, its digest or its size", e.Href)
		}
		sorted = append(sorted, e)
	}
	slices.SortStableFunc(sorted, func(a, b *Entry) int {
		dirA, baseA := path.Split(a.Href)
		dirB, baseB := path.Split(b.Href)
		return cmp.Or(cmp.Compare(baseA, baseB), cmp.Compare(strings.TrimSuffix(dirA, "/"), strings.TrimSuffix(dirB, "/")))
	})
	keep := sorted[:0]
	for _, e := range sorted {
		if reason := unwritable(e, limit); reason != "" {
			skipped = append(skipped, Skipped{Href: e.Href, Reason: reason})
			continue
		}
		keep = append(keep, e)
	}
	return keep, skipped, nil
}

func unwritable(e *Entry, limit int) string {
	const reason = " has control characters that XML forbids; createrepo_c leaves such packages out too"
	p := e.Package
	switch {
	case p.ControlField != "":
		return p.NEVRA() + ": its " + p.ControlField + reason
	case p.ControlChangelog > 0 && p.ControlChangelog <= limit:
		return p.NEVRA() + ": its changelog" + reason
	case hasControl(e.Href):
		return p.NEVRA() + ": its location" + reason
	}
	return ""
}

// makeRecords makes the metadata files side by side.
func makeRecords(entries []*Entry, modules []byte, c Compression, limit int) ([]record, error) {
	n := len(entries)
	write := []struct {
		kind, file string
		content    func(out *pieces)
	}{
		{"primary", "primary.xml", func(out *pieces) {
			writeXML(out, entries, primaryHeader(n), "</metadata>", func(e *Entry) { out.buf = appendPrimary(out.buf, e) })
		}},
		{"filelists", "filelists.xml", func(out *pieces) {
			writeXML(out, entries, filelistsHeader(n), "</filelists>", func(e *Entry) { appendFilelists(out, e) })
		}},
		{"other", "other.xml", func(out *pieces) {
			writeXML(out, entries, otherHeader(n), "</otherdata>", func(e *Entry) { appendOther(out, e, limit) })
		}},
		{"modules", "modules.yaml", func(out *pieces) { out.buf = append(out.buf, modules...) }},
	}
	if modules == nil {
		write = write[:3]
	}
	records := make([]record, len(write))
	var group errgroup.Group
	for i, w := range write {
		group.Go(func() error {
			out := newPieces(c)
			w.content(out)
			data, err := out.finish()
			records[i] = record{
				kind: w.kind, file: w.file + c.suffix(), data: data, size: out.size,
				open: hex.EncodeToString(out.open.Sum(nil)), sum: sha256.Sum256(data),
			}
			return err
		})
	}
	return records, group.Wait()
}

func writeXML(out *pieces, entries []*Entry, header, footer string, one func(*Entry)) {
	out.buf = append(out.buf, header...)
	for _, e := range entries {
		one(e)
		out.cutFull()
	}
	out.buf = append(out.buf, footer...)
}

func newest(entries []*Entry) int64 {
	var last int64
	for _, e := range entries {
		last = max(last, e.Mtime)
	}
	return last
}
