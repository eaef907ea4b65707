package rpm

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"reflect"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// FuzzParseHeader feeds arbitrary bytes to everything that reads a header. What
// is accepted must survive all that is done with it.
func FuzzParseHeader(f *testing.F) {
	f.Add([]byte("<html>"))
	f.Add(small().bytes())
	for i, p := range featurePackages() {
		if data := p.bytes(); i%4 == 0 && len(data) < 20000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		fixDigest(data)
		p, err := ParseHeader(data)
		if err != nil {
			if !errors.Is(err, ErrNotRPM) && !errors.Is(err, ErrTruncated) && !errors.Is(err, ErrHeader) {
				t.Fatalf("unclassified error: %v", err)
			}
			return
		}
		if err := CompareHeader(bytes.NewReader(data), p); err != nil {
			t.Fatalf("a file differs from its own facts: %v", err)
		}
		encoded, _ := p.MarshalBinary()
		decoded := new(Package)
		if err := decoded.UnmarshalBinary(encoded); err != nil || !reflect.DeepEqual(p, decoded) {
			t.Fatalf("facts do not survive encoding: %v", err)
		}
		checkOutput(t, p)
	})
}

// fixDigest makes the signature header's sha256 right, so that the fuzzer gets
// behind the check.
func fixDigest(data []byte) {
	l, err := measure(data)
	if err != nil || l.need > int64(len(data)) || l.main.start == 0 {
		return
	}
	sig, err := parseSection(data, l.signature, tagHeaderSignatures)
	if err != nil || len(sig.str(sigSHA256)) != 64 {
		return
	}
	sum := sha256.Sum256(data[l.main.start:l.main.end()])
	at := l.signature.start + introSize + int64(l.signature.entries)*entrySize + int64(sig.entries[sigSHA256].offset)
	copy(data[at:], hex.EncodeToString(sum[:]))
}

func checkOutput(t *testing.T, p *Package) {
	r, err := Write([]Entry{{Package: p, Href: "a.rpm", Digest: digest.FromBytes(nil)}}, nil, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range r.Files {
		data := file.Data
		if file.Name != "repomd.xml" {
			data = gunzip(t, data)
		}
		if err := wellFormed(data); err != nil {
			t.Fatalf("%s: %v\n%q", file.Name, err, data)
		}
	}
}

// FuzzFacts feeds arbitrary bytes to the decoders of what the store keeps.
func FuzzFacts(f *testing.F) {
	p, err := ParseHeader(small().bytes())
	if err != nil {
		f.Fatal(err)
	}
	data, _ := p.MarshalBinary()
	f.Add(data)
	repodata, _ := (&Repodata{Revision: "1", Files: []NamedFile{{"a", []byte("b")}}}).MarshalBinary()
	f.Add(repodata)
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) >= 4 {
			data = reseal(data)
		}
		p, r := new(Package), new(Repodata)
		if err := p.UnmarshalBinary(data); err == nil {
			checkOutput(t, p)
		} else if !errors.Is(err, ErrFacts) {
			t.Fatalf("unclassified error: %v", err)
		}
		if err := r.UnmarshalBinary(data); err != nil && !errors.Is(err, ErrFacts) {
			t.Fatalf("unclassified error: %v", err)
		}
	})
}

// FuzzUpstream feeds arbitrary bytes to the readers of what a repository says.
// What is taken of it must be XML that everybody reads, and survive being written.
func FuzzUpstream(f *testing.F) {
	entries, r, _ := oneRepository(f)
	for _, kind := range []string{"primary", "filelists", "other"} {
		f.Add(contentOf(f, r, kind+".xml"), contentOf(f, r, "filelists.xml"))
	}
	f.Add(contentOf(f, r, "primary.xml"), r.named()["repomd.xml"])
	other := testRecord("other", contentOf(f, r, "other.xml"), contentOf(f, r, "other.xml"))
	f.Fuzz(func(t *testing.T, primary, filelists []byte) {
		if x, err := ParseIndex(filelists); err == nil && (x.Primary.Size <= 0 || x.Other.Href == "") {
			t.Fatalf("an index without what it must have: %+v", x)
		}
		records := []record{testRecord("primary", primary, primary), testRecord("filelists", filelists, filelists), other}
		files := namedFiles{"repomd.xml": repomdXML("1", records, 1)}
		for _, rec := range records {
			files[rec.name()] = rec.data
		}
		packages, err := readUpstream(files, entries)
		p := packages[entries[0].Digest]
		if err != nil || p == nil {
			return
		}
		again := Entry{Package: p, Href: "a.rpm", Digest: entries[0].Digest, Size: entries[0].Size}
		written, err := Write([]Entry{again}, nil, Options{})
		if err != nil {
			t.Fatal(err)
		}
		for _, kind := range []string{"primary.xml", "filelists.xml", "other.xml"} {
			if err := wellFormed(contentOf(t, written, kind)); err != nil {
				t.Fatal(err)
			}
		}
		read, err := readUpstream(written.named(), []Entry{again})
		if err != nil || read[again.Digest] == nil || !reflect.DeepEqual(read[again.Digest], p) {
			t.Fatalf("what was taken does not survive being written: %v\n%+v\n%+v", err, p, read[again.Digest])
		}
	})
}
