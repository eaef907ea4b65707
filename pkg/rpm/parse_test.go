package rpm

import (
	"bytes"
	"encoding/binary"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/lazybuild/lazybuild/pkg/digest"
)

func small() testPackage {
	return testPackage{
		name: "small", version: "1.2", release: "3", arch: "x86_64", epoch: 4, summary: []string{"S"}, sourceRPM: "small.src.rpm",
		size: 10, sigArchive: 20, buildTime: 30, signature: 3, payload: 50,
		deps:     map[DepKind][]dep{Requires: {{"/bin/sh", 1 << 9, ""}, {"foo", 12, "2:1-1"}}},
		files:    []file{{"/usr/bin/small", 0o100755, 0}, {"/var/x", dirMode, 0}, {"/var/y", regular, ghost}},
		logTimes: []uint32{7}, logNames: []string{"A "}, logTexts: []string{"T"},
	}
}

func TestParseHeaderReadsEverythingThatRepodataNeeds(t *testing.T) {
	data := small().bytes()
	got, err := ParseHeader(data)
	if err != nil {
		t.Fatal(err)
	}
	end := int64(len(data) - 50)
	want := &Package{
		Name: "small", Version: "1.2", Release: "3", Arch: "x86_64", Epoch: 4, Summary: "S", SourceRPM: "small.src.rpm",
		InstalledSize: 10, ArchiveSize: 20, BuildTime: 30,
		Header: HeaderRange{Start: got.Header.Start, End: end}, HeaderDigest: digest.FromBytes(data[:end]),
		Dirs:       []string{"/usr/bin/", "/var/"},
		Files:      []File{{0, FilePlain, "small"}, {1, FileDir, "x"}, {1, FileGhost, "y"}},
		Changelogs: []Changelog{{7, "A", "T"}},
	}
	want.Deps[Requires] = []Dependency{{Name: "/bin/sh", Pre: true}, {Name: "foo", Flags: "GE", Epoch: "2", Version: "1", Release: "1"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("ParseHeader (-want +got):\n%s", diff)
	}
	if !bytes.Equal(data[got.Header.Start:][:8], headerMagic) {
		t.Errorf("the header range starts at byte %d, where no header is", got.Header.Start)
	}
	if got.NEVRA() != "small-4:1.2-3.x86_64" {
		t.Errorf("NEVRA() = %q", got.NEVRA())
	}
}

func TestNeedConvergesFromEveryPrefix(t *testing.T) {
	data := small().bytes()
	want := int64(len(data) - 50)
	for n := range data {
		need, err := Need(data[:n])
		if err != nil {
			t.Fatalf("Need(%d bytes): %v", n, err)
		}
		if need > want || need <= int64(n) && int64(n) < want {
			t.Fatalf("Need(%d bytes) = %d, but the header ends at %d", n, need, want)
		}
	}
}

func TestHeaderCutShortIsTruncatedAtEveryLength(t *testing.T) {
	data := small().bytes()
	for n := range len(data) - 50 {
		if _, err := ParseHeader(data[:n]); !errors.Is(err, ErrTruncated) {
			t.Fatalf("ParseHeader(%d bytes) = %v, want ErrTruncated", n, err)
		}
		if _, err := ReadHeader(bytes.NewReader(data[:n])); !errors.Is(err, ErrTruncated) {
			t.Fatalf("ReadHeader(%d bytes) = %v, want ErrTruncated", n, err)
		}
	}
}

func TestBytesThatAreNoRPMAreKnownAtOnce(t *testing.T) {
	for name, data := range map[string]string{"page": "<!DOCTYPE html><html>", "archive": "PK\x03\x04", "short": "\xed\xab\xee\xdc"} {
		t.Run(name, func(t *testing.T) {
			if _, err := Need([]byte(data)); !errors.Is(err, ErrNotRPM) {
				t.Errorf("Need = %v, want ErrNotRPM", err)
			}
			if _, err := ReadHeader(strings.NewReader(data)); !errors.Is(err, ErrNotRPM) {
				t.Errorf("ReadHeader = %v, want ErrNotRPM", err)
			}
		})
	}
}

// mainWith is an RPM with one more, damaged entry in its main header.
func mainWith(v value) []byte {
	p := small()
	p.extra = []value{v}
	return p.bytes()
}

func TestDamagedHeadersAreErrors(t *testing.T) {
	be := binary.BigEndian
	change := func(f func(data []byte, main int)) []byte {
		data := small().bytes()
		l, err := measure(data)
		if err != nil {
			t.Fatal(err)
		}
		f(data, int(l.main.start))
		return data
	}
	entry := func(main, i int) int { return main + introSize + i*entrySize }
	for _, tt := range []struct {
		name, want string
		data       []byte
	}{
		{"lead version", "package format 9", change(func(d []byte, _ int) { d[4] = 9 })},
		{"signature type", "signature type 1", change(func(d []byte, _ int) { d[79] = 1 })},
		{"signature magic", "no header magic", change(func(d []byte, _ int) { d[96] = 0 })},
		{"signature entries", "limits: 32", change(func(d []byte, _ int) { d[107] = 33 })},
		{"main magic", "no header magic", change(func(d []byte, m int) { d[m+3] = 2 })},
		{"main size", "limits: 65535", change(func(d []byte, m int) { d[m+12] = 0x7f })},
		{"main entries", "limits: 65535", change(func(d []byte, m int) { d[m+9] = 1 })},
		{"no region", "older than 4.0", change(func(d []byte, m int) { be.PutUint32(d[entry(m, 0):], 1000) })},
		{"region type", "does not span", change(func(d []byte, m int) { be.PutUint32(d[entry(m, 0)+4:], 2) })},
		{"region offset", "does not span", change(func(d []byte, m int) { be.PutUint32(d[entry(m, 0)+8:], 0) })},
		{"entry type", "unknown type 12", change(func(d []byte, m int) { be.PutUint32(d[entry(m, 1)+4:], 12) })},
		{"entry offset", "behind the header's end", change(func(d []byte, m int) { be.PutUint32(d[entry(m, 2)+8:], 1<<31) })},
		{"entry count", "has 0 values", change(func(d []byte, m int) { be.PutUint32(d[entry(m, 1)+12:], 0) })},
		{"huge count", "values", change(func(d []byte, m int) { be.PutUint32(d[entry(m, 1)+12:], 1<<31) })},
		{"two values in one string", "one string with 2", change(func(d []byte, m int) { be.PutUint32(d[entry(m, 2)+12:], 2) })},
		{"overlap", "overlaps", change(func(d []byte, m int) { be.PutUint32(d[entry(m, 3)+8:], 0) })},
		{"reserved tag", "reserved tag 70", change(func(d []byte, m int) { be.PutUint32(d[entry(m, 2):], 70) })},
		{"content", "the signature header states", change(func(d []byte, _ int) { d[len(d)-50-entrySize-2]++ })},
		{"alignment", "not aligned", change(func(d []byte, m int) { be.PutUint32(d[entry(m, 1)+4:], 5); be.PutUint32(d[entry(m, 1)+8:], 1) })},
		{"wrong type", "tag 1000 is of type 4", rpmBytes(nil, []value{int32Value(tagName, 1)}, nil)},
		{"no name", "names no package", rpmBytes(nil, []value{stringValue(tagVersion, "1")}, nil)},
		{"string without end", "without an end", mainWith(value{9999, typeStringArray, 60, []byte("x\x00")})},
		{"array behind end", "ends behind", mainWith(value{9999, typeInt64, 90, make([]byte, 8)})},
		{"region overlap", "overlaps the immutable", mainWith(value{9999, typeBin, 9, make([]byte, 8)})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, err := ParseHeader(tt.data)
			if !errors.Is(err, ErrHeader) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("ParseHeader = %v, want an ErrHeader with %q", err, tt.want)
			}
		})
	}
}

func TestCompareHeaderToleratesOnlyTheSameBytes(t *testing.T) {
	data := small().bytes()
	facts, err := ParseHeader(data)
	if err != nil {
		t.Fatal(err)
	}
	other := small()
	other.release = "4"
	sameName := small()
	sameName.summary = []string{"T"}
	payload := append(bytes.Clone(data[:len(data)-1]), 'q')
	for _, tt := range []struct {
		name, detail string
		data         []byte
	}{
		{"same", "", data},
		{"other payload, which the lock's checksum covers", "", payload},
		{"other package", "the file is small-4:1.2-4.x86_64", other.bytes()},
		{"other header", "same package", sameName.bytes()},
		{"short file", "ends after 40 of", data[:40]},
		{"no RPM", "cannot be read", bytes.Repeat([]byte("x"), len(data))},
	} {
		t.Run(tt.name, func(t *testing.T) {
			err := CompareHeader(bytes.NewReader(tt.data), facts)
			var mismatch *MismatchError
			switch {
			case tt.detail == "" && err != nil:
				t.Errorf("CompareHeader = %v, want nil", err)
			case tt.detail != "" && (!errors.As(err, &mismatch) || !strings.Contains(mismatch.Detail, tt.detail)):
				t.Errorf("CompareHeader = %v, want a mismatch with %q", err, tt.detail)
			case tt.detail != "" && !strings.Contains(err.Error(), "small-4:1.2-3.x86_64"):
				t.Errorf("the error names no package: %v", err)
			}
		})
	}
	if err := CompareHeader(failingReader{}, facts); !errors.Is(err, errDisk) {
		t.Errorf("CompareHeader of an unreadable file = %v, want the reader's error", err)
	}
}

var errDisk = errors.New("disk on fire")

type failingReader struct{}

func (failingReader) ReadAt([]byte, int64) (int, error) { return 0, errDisk }
