package rpm

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"github.com/lazybuild/lazybuild/pkg/digest"
)

func corpusEntries(t testing.TB) []Entry {
	t.Helper()
	var entries []Entry
	for i, p := range corpusPackages(t) {
		name := fmt.Sprintf("%s-%d.rpm", p.Name, i)
		entries = append(entries, Entry{Package: p, Href: name, Digest: digest.FromBytes([]byte(name)), Size: int64(i), Mtime: int64(1000 + i)})
	}
	return entries
}

func mustWrite(t testing.TB, entries []Entry, modules []byte, opts Options) *Repodata {
	t.Helper()
	r, err := Write(entries, modules, opts)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Shows S27.
func TestSameHeadersGiveSameBytes(t *testing.T) {
	entries := append(corpusEntries(t), syntheticEntries(30)...)
	want := mustWrite(t, entries, []byte("modules"), Options{})
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(0))
	for procs := 1; procs <= 4; procs++ {
		runtime.GOMAXPROCS(procs)
		rand.Shuffle(len(entries), func(i, j int) { entries[i], entries[j] = entries[j], entries[i] })
		got := mustWrite(t, entries, []byte("modules"), Options{})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("with %d processors and another order, other bytes (revision %s, %s)", procs, want.Revision, got.Revision)
		}
	}
}

func TestRevisionFollowsContent(t *testing.T) {
	entries := corpusEntries(t)
	revision := func(opts Options, modules []byte) string { return mustWrite(t, entries, modules, opts).Revision }
	first := revision(Options{}, nil)
	if !regexp.MustCompile(`^[0-9]+$`).MatchString(first) {
		t.Errorf("revision %q is no number", first)
	}
	if again := revision(Options{Compression: Zstd}, nil); again != first {
		t.Errorf("the same content compressed otherwise has revision %s, not %s", again, first)
	}
	if with := revision(Options{}, []byte("x")); with == first {
		t.Error("modules do not change the revision")
	}
	entries[0].Size++
	if changed := revision(Options{}, nil); changed == first {
		t.Error("a changed entry does not change the revision")
	}
	if stated := revision(Options{Revision: "77"}, nil); stated != "77" {
		t.Errorf("revision %q, want the stated one", stated)
	}
}

func TestRepomdDescribesTheFiles(t *testing.T) {
	for _, c := range []Compression{Gzip, Zstd} {
		t.Run(string(c), func(t *testing.T) {
			r := mustWrite(t, corpusEntries(t), []byte("---\n"), Options{Compression: c, Revision: "9"})
			var names []string
			for _, f := range r.Files {
				names = append(names, regexp.MustCompile(`^[0-9a-f]{64}-`).ReplaceAllString(f.Name, ""))
			}
			want := []string{"primary.xml" + c.suffix(), "filelists.xml" + c.suffix(), "other.xml" + c.suffix(), "modules.yaml" + c.suffix(), "repomd.xml"}
			if diff := cmp.Diff(want, names); diff != "" {
				t.Errorf("files (-want +got):\n%s", diff)
			}
			repomd := string(r.Files[len(r.Files)-1].Data)
			for _, f := range r.Files[:len(r.Files)-1] {
				sum, plain := sha256.Sum256(f.Data), decompress(t, c, f.Data)
				open := sha256.Sum256(plain)
				for _, want := range []string{
					`<checksum type="sha256">` + hex.EncodeToString(sum[:]), `<open-checksum type="sha256">` + hex.EncodeToString(open[:]),
					`href="repodata/` + f.Name + `"`, fmt.Sprintf("<size>%d</size>", len(f.Data)), fmt.Sprintf("<open-size>%d</open-size>", len(plain)),
				} {
					if !strings.Contains(repomd, want) {
						t.Errorf("repomd.xml says nothing like %s of %s", want, f.Name)
					}
				}
			}
		})
	}
}

func decompress(t testing.TB, c Compression, data []byte) []byte {
	t.Helper()
	if c == Gzip {
		return gunzip(t, data)
	}
	r, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	plain, err := r.DecodeAll(data, nil)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}

func TestLargeMetadataIsOneStreamOfManyPieces(t *testing.T) {
	entries := syntheticEntries(120)
	gz, zst := mustWrite(t, entries, nil, Options{}), mustWrite(t, entries, nil, Options{Compression: Zstd})
	for i := range 3 {
		a, b := gunzip(t, gz.Files[i].Data), decompress(t, Zstd, zst.Files[i].Data)
		if !bytes.Equal(a, b) {
			t.Errorf("%s and %s differ in content", gz.Files[i].Name, zst.Files[i].Name)
		}
		if err := wellFormed(a); err != nil {
			t.Errorf("%s: %v", gz.Files[i].Name, err)
		}
		if i == 1 && len(a) < 4*pieceSize {
			t.Errorf("filelists has only %d bytes: the test shows nothing", len(a))
		}
	}
}

func TestPackagesWithControlCharactersAreSkippedAndNamed(t *testing.T) {
	bad := small()
	bad.vendor = "\x07"
	log := small()
	log.name, log.logTexts = "log", []string{"\x07"}
	var entries []Entry
	for _, p := range []testPackage{bad, log, small()} {
		facts, err := ParseHeader(p.bytes())
		if err != nil {
			t.Fatal(err)
		}
		entries = append(entries, Entry{Package: facts, Href: fmt.Sprintf("%d.rpm", len(entries)), Digest: digest.FromBytes(nil)})
	}
	r := mustWrite(t, entries, nil, Options{})
	if len(r.Skipped) != 2 || !strings.Contains(r.Skipped[0].Reason, "vendor") || !strings.Contains(r.Skipped[1].Reason, "changelog") {
		t.Errorf("Skipped = %v", r.Skipped)
	}
	if primary := string(gunzip(t, r.Files[0].Data)); !strings.Contains(primary, `packages="1"`) || strings.Count(primary, "<package ") != 1 {
		t.Errorf("primary counts skipped packages:\n%s", primary)
	}
	if r := mustWrite(t, entries, nil, Options{ChangelogLimit: -1}); len(r.Skipped) != 1 {
		t.Errorf("a changelog that is not written makes the package be skipped: %v", r.Skipped)
	}
}

func TestWriteRefusesWhatItCannotWrite(t *testing.T) {
	good := corpusEntries(t)[0]
	for name, change := range map[string]func(e *Entry, o *Options){
		"no facts":            func(e *Entry, _ *Options) { e.Package = nil },
		"no digest":           func(e *Entry, _ *Options) { e.Digest = "" },
		"no location":         func(e *Entry, _ *Options) { e.Href = "" },
		"no size":             func(e *Entry, _ *Options) { e.Size = SizeUnknown },
		"unknown compression": func(_ *Entry, o *Options) { o.Compression = "xz" },
	} {
		t.Run(name, func(t *testing.T) {
			e, o := good, Options{}
			change(&e, &o)
			if _, err := Write([]Entry{e}, nil, o); err == nil {
				t.Error("Write wrote it")
			}
		})
	}
}

func TestPackageIDHasTheLocksAlgorithm(t *testing.T) {
	e := corpusEntries(t)[0]
	sum := strings.Repeat("ab", 64)
	e.Digest = digest.Digest("sha512:" + sum)
	primary := string(gunzip(t, mustWrite(t, []Entry{e}, nil, Options{}).Files[0].Data))
	if want := `<checksum type="sha512" pkgid="YES">` + sum + `</checksum>`; !strings.Contains(primary, want) {
		t.Errorf("primary has no %s", want)
	}
}

func TestOrderIsByFileNameThenDirectory(t *testing.T) {
	p := corpusEntries(t)[0]
	var entries []Entry
	for _, href := range []string{"b/x.rpm", "a-b/x.rpm", "+/x.rpm", "a/x.rpm", "x.rpm", "z/a.rpm", "B.rpm"} {
		p.Href = href
		entries = append(entries, p)
	}
	primary := gunzip(t, mustWrite(t, entries, nil, Options{}).Files[0].Data)
	var got []string
	for _, m := range regexp.MustCompile(`href="([^"]*)"`).FindAllSubmatch(primary, -1) {
		got = append(got, string(m[1]))
	}
	want := []string{"B.rpm", "z/a.rpm", "x.rpm", "+/x.rpm", "a/x.rpm", "a-b/x.rpm", "b/x.rpm"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("order (-want +got):\n%s", diff)
	}
}
