package rpm

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// syntheticEntries are n packages with the shape of a real lock's: the number
// of files is log-normal with a median of 90 and a ninth decile of 600, as the
// sizes of real headers suggest.
func syntheticEntries(n int) []Entry {
	r := rand.New(rand.NewPCG(3, 4))
	entries := make([]Entry, n)
	for i := range entries {
		sum := sha256.Sum256([]byte{byte(i), byte(i >> 8)})
		name := fmt.Sprintf("package-%d", i)
		entries[i] = Entry{
			Package: syntheticPackage(r, name), Href: name + "-1.2.3-4.el9.x86_64.rpm",
			Digest: digest.Digest("sha256:" + hex.EncodeToString(sum[:])), Size: 123456, Mtime: 1700000000,
		}
	}
	return entries
}

func syntheticPackage(r *rand.Rand, name string) *Package {
	p := &Package{
		Name: name, Version: "1.2.3", Release: "4.el9", Arch: "x86_64", Summary: "The summary of a package",
		Description: "A description that is about as long as the descriptions in a distribution are,\nwhich is a few lines of text.\n",
		Packager:    "Some Distribution", URL: "https://example.org/package", License: "GPLv2+ and MIT", Vendor: "Some Distribution",
		Group: "Unspecified", BuildHost: "builder.example.org", SourceRPM: "package-1.2.3-4.el9.src.rpm", BuildTime: 1690000000,
		InstalledSize: 345678, ArchiveSize: 350000, Header: HeaderRange{4504, 43210},
	}
	for i := range 8 {
		p.Deps[Provides] = append(p.Deps[Provides], Dependency{Name: fmt.Sprintf("%s(x86-64)%d", name, i), Flags: "EQ", Epoch: "0", Version: "1.2.3", Release: "4.el9"})
	}
	for i := range 15 {
		p.Deps[Requires] = append(p.Deps[Requires], Dependency{Name: fmt.Sprintf("lib%d.so.1()(64bit)", i)})
	}
	files := min(40000, int(90*math.Exp(1.48*r.NormFloat64())))
	for i := range files {
		if i%12 == 0 {
			p.Dirs = append(p.Dirs, fmt.Sprintf("/usr/share/%s/directory-%x/", name, i*7919))
		}
		p.Files = append(p.Files, File{Dir: uint32(len(p.Dirs) - 1), Base: fmt.Sprintf("file_%x_name.py", i*104729)})
	}
	for i := range MaxChangelogs {
		p.Changelogs = append(p.Changelogs, Changelog{Time: 1690000000 - int64(i)*86400, Author: "Some Maintainer <maintainer@example.org> - 1.2.3-4", Text: "- Rebuilt for a change of something else (#12345678)"})
	}
	return p
}

func BenchmarkWrite864(b *testing.B) {
	entries := syntheticEntries(864)
	b.ReportAllocs()
	for b.Loop() {
		r, err := Write(entries, nil, Options{})
		if err != nil {
			b.Fatal(err)
		}
		size := 0
		for _, f := range r.Files {
			size += len(f.Data)
		}
		b.ReportMetric(float64(size), "B-out")
	}
}

func BenchmarkWriteZstd864(b *testing.B) {
	entries := syntheticEntries(864)
	for b.Loop() {
		if _, err := Write(entries, nil, Options{Compression: Zstd}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkUnmarshal864(b *testing.B) {
	entries := syntheticEntries(864)
	encoded, size := make([][]byte, len(entries)), 0
	for i := range entries {
		encoded[i], _ = entries[i].Package.MarshalBinary()
		size += len(encoded[i])
	}
	b.SetBytes(int64(size))
	for b.Loop() {
		for _, data := range encoded {
			if err := new(Package).UnmarshalBinary(data); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkParseHeader(b *testing.B) {
	var files []file
	for i := range 1000 {
		files = append(files, file{fmt.Sprintf("/usr/share/many/%d/file-%d.txt", i/50, i), regular, 0})
	}
	data := testPackage{name: "a", version: "1", release: "1", files: files}.bytes()
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := ParseHeader(data); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUpstream864 reads what a repository says of the packages of a lock,
// with ten times as many others beside them in the second case.
func BenchmarkUpstream864(b *testing.B) {
	for _, n := range []int{864, 10_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			entries := syntheticEntries(n)
			r, err := Write(entries, nil, Options{})
			if err != nil {
				b.Fatal(err)
			}
			files := r.named()
			for b.Loop() {
				packages, err := readUpstream(files, entries[:864])
				if err != nil || len(packages) != 864 {
					b.Fatal(len(packages), err)
				}
			}
		})
	}
}

// BenchmarkUpstreamAll takes all packages of a repository.
func BenchmarkUpstreamAll(b *testing.B) {
	entries := syntheticEntries(10_000)
	r, err := Write(entries, nil, Options{})
	if err != nil {
		b.Fatal(err)
	}
	files := r.named()
	b.ReportAllocs()
	for b.Loop() {
		packages, err := readUpstream(files, entries)
		if err != nil || len(packages) != len(entries) {
			b.Fatal(len(packages), err)
		}
	}
}
