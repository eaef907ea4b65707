package rpm

import (
	"bytes"
	"errors"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// namedFiles are the files of a repodata directory by name.
type namedFiles map[string][]byte

func (r *Repodata) named() namedFiles {
	files := namedFiles{}
	for _, f := range r.Files {
		files[f.Name] = f.Data
	}
	return files
}

// readUpstream reads what a repository says of the entries' packages.
func readUpstream(files namedFiles, entries []Entry) (map[digest.Digest]*Package, error) {
	x, err := ParseIndex(files["repomd.xml"])
	if err != nil {
		return nil, err
	}
	sizes := map[digest.Digest]int64{}
	for _, e := range entries {
		sizes[e.Digest] = e.Size
	}
	u := NewUpstream(x, sizes)
	err = errors.Join(u.ReadPrimary(files[path.Base(x.Primary.Href)]), u.ReadFilelists(files[path.Base(x.Filelists.Href)]),
		u.ReadOther(files[path.Base(x.Other.Href)]))
	return u.Packages(), err
}

// takeFacts gives the entries what the repository says, and counts those of
// which it says nothing that can be used.
func takeFacts(t *testing.T, files namedFiles, entries []Entry) (taken []Entry, left int) {
	t.Helper()
	packages, err := readUpstream(files, entries)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if p := packages[e.Digest]; p != nil {
			if p.Statement() != e.Package.Statement() {
				t.Errorf("the statement about %s is not that of its header", e.Href)
			}
			e.Package = p
		} else {
			left++
		}
		taken = append(taken, e)
	}
	return taken, left
}

func sameRepodata(t *testing.T, want, got *Repodata) {
	t.Helper()
	for _, kind := range []string{"primary.xml", "filelists.xml", "other.xml"} {
		if w, g := contentOf(t, want, kind), contentOf(t, got, kind); !bytes.Equal(w, g) {
			t.Errorf("%s from upstream metadata differs from that from headers:\n%s", kind, firstDifference(w, g))
		}
	}
}

// TestCreaterepoMetadataGivesTheRepodataOfHeaders: what is made of what
// createrepo_c says is, byte for byte, what is made of the headers. Shows S27.
func TestCreaterepoMetadataGivesTheRepodataOfHeaders(t *testing.T) {
	t.Parallel()
	dir, out := t.TempDir(), t.TempDir()
	writeCorpus(t, dir)
	run(t, dir, "createrepo_c", "--quiet", "--no-database", "--general-compress-type", "gz", "--outputdir", out, ".")
	files := namedFiles{}
	found, _ := filepath.Glob(filepath.Join(out, "repodata", "*"))
	for _, name := range found {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[filepath.Base(name)] = data
	}
	entries := entriesOf(t, dir)
	taken, left := takeFacts(t, files, entries)
	// Those with control characters are in no repodata; some have what XML forbids otherwise.
	if left > len(entries)/20 {
		t.Errorf("of %d packages, %d were not understood", len(entries), left)
	}
	want, err := Write(entries, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	got, err := Write(taken, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	sameRepodata(t, want, got)
}

// smallRepository is a repository of the corpus, as Write makes it.
func smallRepository(t testing.TB) ([]Entry, *Repodata) {
	t.Helper()
	var entries []Entry
	for _, p := range append(featurePackages(), randomPackages(50, 2)...) {
		data := p.bytes()
		facts, err := ParseHeader(data)
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, Entry{Package: facts, Href: p.name + ".rpm", Digest: digest.FromBytes(data), Size: int64(len(data)), Mtime: 7})
	}
	r, err := Write(entries, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return entries, r
}

func TestOwnRepodataIsReadAgain(t *testing.T) {
	t.Parallel()
	entries, want := smallRepository(t)
	taken, left := takeFacts(t, want.named(), entries)
	if left != len(want.Skipped) {
		t.Errorf("%d packages were not understood; %d are not in the repodata", left, len(want.Skipped))
	}
	got, err := Write(taken, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	sameRepodata(t, want, got)
}

func TestUpstreamMayBeCompressedOtherwise(t *testing.T) {
	t.Parallel()
	entries, r := smallRepository(t)
	for name, pack := range map[string]func(b *bytes.Buffer, data []byte) error{
		"gz": func(b *bytes.Buffer, data []byte) error {
			w := gzip.NewWriter(b)
			_, err := w.Write(data)
			return errors.Join(err, w.Close())
		},
		"xz": func(b *bytes.Buffer, data []byte) error {
			w, err := xz.NewWriter(b)
			if err != nil {
				return err
			}
			_, err = w.Write(data)
			return errors.Join(err, w.Close())
		},
		"zst": func(b *bytes.Buffer, data []byte) error {
			w, err := zstd.NewWriter(b)
			if err != nil {
				return err
			}
			_, err = w.Write(data)
			return errors.Join(err, w.Close())
		},
		"plain": func(b *bytes.Buffer, data []byte) error { b.Write(data); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			var records []record
			files := namedFiles{}
			for _, kind := range []string{"primary", "filelists", "other"} {
				text := contentOf(t, r, kind+".xml")
				var b bytes.Buffer
				if err := pack(&b, text); err != nil {
					t.Fatal(err)
				}
				rec := testRecord(kind, b.Bytes(), text)
				records = append(records, rec)
				files[rec.name()] = rec.data
			}
			files["repomd.xml"] = repomdXML("1", records, 1)
			if _, left := takeFacts(t, files, entries); left != len(r.Skipped) {
				t.Errorf("%d packages were not understood; %d are not in the repodata", left, len(r.Skipped))
			}
		})
	}
}

func testRecord(kind string, data, text []byte) record {
	rec := record{kind: kind, file: kind + ".xml", data: data, size: int64(len(text)), open: digest.FromBytes(text).Hex()}
	h := digest.Digest("sha256:").Hash()
	h.Write(data)
	copy(rec.sum[:], h.Sum(nil))
	return rec
}

// altered is the repository with another text in one of its files, and a
// repomd.xml that fits.
func altered(t testing.TB, r *Repodata, kind, old, replacement string) namedFiles {
	t.Helper()
	var records []record
	files := namedFiles{}
	for _, k := range []string{"primary", "filelists", "other"} {
		text := contentOf(t, r, k+".xml")
		if k == kind {
			changed := bytes.Replace(text, []byte(old), []byte(replacement), 1)
			if bytes.Equal(changed, text) {
				t.Fatalf("%s has no %q", k, old)
			}
			text = changed
		}
		rec := testRecord(k, text, text)
		records = append(records, rec)
		files[rec.name()] = rec.data
	}
	files["repomd.xml"] = repomdXML("1", records, 1)
	return files
}

// oneRepository has a package that says most of what there is to say.
func oneRepository(t testing.TB) ([]Entry, *Repodata, []byte) {
	t.Helper()
	p := small()
	p.deps = map[DepKind][]dep{Requires: {{"/bin/sh", 1 << 9, ""}, {"other", 12, "1:2-3"}}, Provides: {{"small", 8, "1-2"}}}
	p.files = []file{{"/usr/bin/small", regular, 0}, {"/usr/share/small/x&y", regular, 0}}
	p.logTimes, p.logNames, p.logTexts = []uint32{5}, []string{"A <a@example.org>"}, []string{"- text"}
	data := p.bytes()
	facts, err := ParseHeader(data)
	if err != nil {
		t.Fatal(err)
	}
	entries := []Entry{{Package: facts, Href: "small.rpm", Digest: digest.FromBytes(data), Size: int64(len(data)), Mtime: 7}}
	r, err := Write(entries, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	return entries, r, data
}

// TestWhatIsNotUnderstoodIsNotTaken: a package of which the metadata says
// something unknown, or not all, is left to its header.
func TestWhatIsNotUnderstoodIsNotTaken(t *testing.T) {
	t.Parallel()
	entries, r, _ := oneRepository(t)
	for name, tt := range map[string]struct{ kind, old, replacement string }{
		"nothing":             {"primary", "", "\n"},
		"other size":          {"primary", `<size package="`, `<size package="1`},
		"other checksum type": {"primary", `type="sha256"`, `type="sha512"`},
		"other digest":        {"primary", `pkgid="YES">`, `pkgid="YES">0`},
		"no header range":     {"primary", "<rpm:header-range", "<rpm:vendor"},
		"unknown element":     {"primary", "<packager>", "<new>x</new><packager>"},
		"unknown attribute":   {"primary", `epoch="0"`, `epoch="0" new="1"`},
		"unknown comparison":  {"primary", `flags="EQ"`, `flags="NE"`},
		"unknown entity":      {"primary", "<summary>", "<summary>&new;"},
		"forbidden character": {"primary", "<summary>", "<summary>&#1;"},
		"no UTF-8":            {"primary", "<summary>", "<summary>\xe9"},
		"a comment":           {"primary", "<summary>", "<summary><!-- x -->"},
		"carriage return":     {"primary", "<summary>", "<summary>\r\n"},
		"no number":           {"primary", `installed="`, `installed="x`},
		"files of its own":    {"primary", "<file>/usr/bin/small", "<file>/usr/bin/large"},
		"unknown file type":   {"filelists", "<file>", `<file type="new">`},
		"other version":       {"filelists", `rel="`, `rel="9`},
		"not in filelists":    {"filelists", `pkgid="`, `pkgid="0`},
		"not in other":        {"other", `pkgid="`, `pkgid="0`},
		"no end":              {"other", "</changelog>", ""},
	} {
		t.Run(name, func(t *testing.T) {
			packages, err := readUpstream(altered(t, r, tt.kind, tt.old, tt.replacement), entries)
			if err != nil {
				t.Fatal(err)
			}
			if want := name == "nothing"; (packages[entries[0].Digest] != nil) != want {
				t.Errorf("taken: %v, want %v", !want, want)
			}
		})
	}
}

func TestLieInTheMetadataIsSeenInTheFile(t *testing.T) {
	t.Parallel()
	entries, r, data := oneRepository(t)
	for name, tt := range map[string]struct{ kind, old, replacement, want string }{
		"nothing":       {"primary", "<summary>", "<summary>in another language: ", ""},
		"change log":    {"other", "- text", "- another", ""},
		"dependency":    {"primary", `ver="2"`, `ver="3"`, "dependencies"},
		"no dependency": {"primary", `      <rpm:entry name="/bin/sh" pre="1"/>` + "\n", "", "dependencies"},
		"file":          {"filelists", "x&amp;y", "z", "files"},
		"vendor":        {"primary", "<rpm:vendor>", "<rpm:vendor>Other ", "origin"},
	} {
		t.Run(name, func(t *testing.T) {
			packages, err := readUpstream(altered(t, r, tt.kind, tt.old, tt.replacement), entries)
			p := packages[entries[0].Digest]
			if err != nil || p == nil {
				t.Fatalf("the metadata was not taken (%v)", err)
			}
			s := Stated{Digest: entries[0].Digest, From: "http://example.org/repo/", Statement: p.Statement()}
			err = s.Compare(bytes.NewReader(data))
			var m *MismatchError
			switch {
			case tt.want == "" && err != nil:
				t.Error(err)
			case tt.want != "" && (!errors.As(err, &m) || !strings.Contains(m.Detail, tt.want) || !strings.Contains(err.Error(), "http://example.org/repo/")):
				t.Errorf("error %v, want one about %s", err, tt.want)
			}
		})
	}
}

func TestMetadataThatRepomdDoesNotStateIsRefused(t *testing.T) {
	t.Parallel()
	entries, r, _ := oneRepository(t)
	repomd := string(r.named()["repomd.xml"])
	for name, change := range map[string]func(namedFiles){
		"damaged":   func(f namedFiles) { flip(f, "primary") },
		"cut short": func(f namedFiles) { cut(f, "filelists") },
		"absent":    func(f namedFiles) { drop(f, "other") },
		"no repomd": func(f namedFiles) { f["repomd.xml"] = []byte("<html><body>not found</body></html>") },
		"empty":     func(f namedFiles) { f["repomd.xml"] = nil },
		"elsewhere": func(f namedFiles) {
			f["repomd.xml"] = []byte(strings.Replace(repomd, `href="repodata`, `xml:base="http://example.org/" href="repodata`, 1))
		},
		"above": func(f namedFiles) {
			f["repomd.xml"] = []byte(strings.Replace(repomd, `href="repodata`, `href="../repodata`, 1))
		},
		"absolute": func(f namedFiles) {
			f["repomd.xml"] = []byte(strings.Replace(repomd, `href="repodata`, `href="//example.org/repodata`, 1))
		},
		"a bomb": func(f namedFiles) {
			f["repomd.xml"] = []byte(strings.Replace(repomd, "<open-size>", "<open-size>99999999", 1))
		},
		"a longer bomb":  func(f namedFiles) { f["repomd.xml"] = []byte(openSize(repomd, "9")) },
		"not so much":    func(f namedFiles) { f["repomd.xml"] = []byte(openSize(repomd, "99999")) },
		"no primary":     func(f namedFiles) { f["repomd.xml"] = []byte(strings.Replace(repomd, `"primary"`, `"primary_db"`, 1)) },
		"no size":        func(f namedFiles) { f["repomd.xml"] = []byte(strings.Replace(repomd, "<size>", "<was>", 1)) },
		"nested forever": func(f namedFiles) { f["repomd.xml"] = []byte("<repomd>" + strings.Repeat("<a>", 100_000)) },
	} {
		t.Run(name, func(t *testing.T) {
			files := r.named()
			change(files)
			if _, err := readUpstream(files, entries); err == nil {
				t.Error("no error")
			}
		})
	}
}

// openSize changes the first open-size.
func openSize(repomd, n string) string {
	before, rest, _ := strings.Cut(repomd, "<open-size>")
	_, after, _ := strings.Cut(rest, "<")
	return before + "<open-size>" + n + "<" + after
}

func each(f namedFiles, kind string, change func(name string)) {
	for name := range f {
		if strings.Contains(name, kind) {
			change(name)
		}
	}
}

func flip(f namedFiles, kind string) {
	each(f, kind, func(name string) { f[name] = bytes.Clone(f[name]); f[name][len(f[name])/2] ^= 1 })
}
func cut(f namedFiles, kind string) {
	each(f, kind, func(name string) { f[name] = f[name][:len(f[name])-1] })
}
func drop(f namedFiles, kind string) { each(f, kind, func(name string) { delete(f, name) }) }

func TestStatementsAreKeptWithTheRepodata(t *testing.T) {
	t.Parallel()
	entries, r, _ := oneRepository(t)
	r.Stated = []Stated{{Digest: entries[0].Digest, From: "http://example.org/", Statement: entries[0].Package.Statement()}}
	data, err := r.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	var again Repodata
	if err := again.UnmarshalBinary(data); err != nil || len(again.Stated) != 1 || again.Stated[0] != r.Stated[0] {
		t.Errorf("%v; the statements are %v, want %v", err, again.Stated, r.Stated)
	}
}
