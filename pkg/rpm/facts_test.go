package rpm

import (
	"encoding/binary"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/lazybuild/lazybuild/pkg/digest"
)

func corpusPackages(t testing.TB) []*Package {
	t.Helper()
	var list []*Package
	for _, p := range append(featurePackages(), randomPackages(20, 5)...) {
		facts, err := ParseHeader(p.bytes())
		if err != nil {
			t.Fatalf("%s: %v", p.name, err)
		}
		list = append(list, facts)
	}
	return list
}

func TestFactsSurviveEncoding(t *testing.T) {
	for _, p := range corpusPackages(t) {
		data, err := p.MarshalBinary()
		if err != nil {
			t.Fatal(err)
		}
		got := &Package{Name: "what was there before", Files: []File{{}}}
		if err := got.UnmarshalBinary(data); err != nil {
			t.Fatalf("%s: %v", p.Name, err)
		}
		if diff := cmp.Diff(p, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", p.Name, diff)
		}
	}
}

func TestDamagedFactsAreRefused(t *testing.T) {
	p, err := ParseHeader(small().bytes())
	if err != nil {
		t.Fatal(err)
	}
	good, _ := p.MarshalBinary()
	for i := range good {
		bad := append([]byte{}, good...)
		bad[i] ^= 0x10
		if err := new(Package).UnmarshalBinary(bad); !errors.Is(err, ErrFacts) {
			t.Fatalf("byte %d changed: %v, want ErrFacts", i, err)
		}
		if err := new(Package).UnmarshalBinary(good[:i]); !errors.Is(err, ErrFacts) {
			t.Fatalf("cut to %d bytes: %v, want ErrFacts", i, err)
		}
	}
}

// reseal puts a right checksum behind data, so that what is behind it is tested.
func reseal(data []byte) []byte {
	body := data[:len(data)-4]
	return binary.BigEndian.AppendUint32(append([]byte{}, body...), checksum(body))
}

func TestFactsWithRightChecksumAndWrongContentAreRefused(t *testing.T) {
	p, err := ParseHeader(small().bytes())
	if err != nil {
		t.Fatal(err)
	}
	good, _ := p.MarshalBinary()
	refused := 0
	for i := len(factsMagic); i < len(good)-4; i++ {
		bad := append([]byte{}, good...)
		bad[i] = 0xff
		if err := new(Package).UnmarshalBinary(reseal(bad)); err != nil {
			if !errors.Is(err, ErrFacts) {
				t.Fatalf("byte %d: %v, want ErrFacts", i, err)
			}
			refused++
		}
	}
	if refused == 0 {
		t.Error("no change was refused: the decoder checks nothing")
	}
}

func TestFactsThatPointNowhereAreRefused(t *testing.T) {
	for name, change := range map[string]func(p *Package){
		"file in no directory":     func(p *Package) { p.Files[1].Dir = 2 },
		"header before the file":   func(p *Package) { p.Header.Start = -1 },
		"header ends before start": func(p *Package) { p.Header.End = p.Header.Start - 1 },
		"header without end":       func(p *Package) { p.Header.End = 1 << 40 },
	} {
		t.Run(name, func(t *testing.T) {
			p, err := ParseHeader(small().bytes())
			if err != nil {
				t.Fatal(err)
			}
			change(p)
			data, _ := p.MarshalBinary()
			if err := new(Package).UnmarshalBinary(data); !errors.Is(err, ErrFacts) {
				t.Errorf("UnmarshalBinary = %v, want ErrFacts", err)
			}
		})
	}
}

func TestKeyDependsOnWhatTheRepodataDependsOn(t *testing.T) {
	base := func() []Entry {
		return []Entry{
			{Href: "a.rpm", Digest: digest.FromBytes([]byte("a")), Size: 1, Mtime: 2},
			{Href: "b.rpm", Digest: digest.FromBytes([]byte("b")), Size: 3, Mtime: 4},
		}
	}
	key := Key(base(), nil, Options{})
	swapped := base()
	swapped[0], swapped[1] = swapped[1], swapped[0]
	if Key(swapped, nil, Options{}) != key || Key(base(), nil, Options{Compression: Gzip, ChangelogLimit: MaxChangelogs}) != key {
		t.Error("the key depends on the order, or on a default's spelling")
	}
	for name, other := range map[string]digest.Digest{
		"size":        Key([]Entry{{Href: "a.rpm", Digest: base()[0].Digest, Size: 9, Mtime: 2}, base()[1]}, nil, Options{}),
		"mtime":       Key([]Entry{{Href: "a.rpm", Digest: base()[0].Digest, Size: 1, Mtime: 9}, base()[1]}, nil, Options{}),
		"href":        Key([]Entry{{Href: "c.rpm", Digest: base()[0].Digest, Size: 1, Mtime: 2}, base()[1]}, nil, Options{}),
		"digest":      Key([]Entry{{Href: "a.rpm", Digest: base()[1].Digest, Size: 1, Mtime: 2}, base()[1]}, nil, Options{}),
		"fewer":       Key(base()[:1], nil, Options{}),
		"modules":     Key(base(), []byte{}, Options{}),
		"compression": Key(base(), nil, Options{Compression: Zstd}),
		"changelogs":  Key(base(), nil, Options{ChangelogLimit: 1}),
		"revision":    Key(base(), nil, Options{Revision: "1"}),
	} {
		if other == key {
			t.Errorf("the key does not depend on %s", name)
		}
	}
}

func TestRepodataSurvivesEncoding(t *testing.T) {
	want := &Repodata{Revision: "5", Files: []NamedFile{{"a", []byte("x\x00y")}, {"b", []byte{}}}, Skipped: []Skipped{{"h", "r"}}}
	data, err := want.MarshalBinary()
	if err != nil {
		t.Fatal(err)
	}
	got := new(Repodata)
	if err := got.UnmarshalBinary(data); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if err := new(Package).UnmarshalBinary(data); !errors.Is(err, ErrFacts) {
		t.Errorf("repodata was read as a package: %v", err)
	}
}
