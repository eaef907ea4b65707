// Package synth makes RPMs out of nothing: with a real lock's names and sizes,
// headers of realistic length, and payloads that mostly nothing reads.
package synth

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"net/url"
	"os"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/google/rpmpack"
	"golang.org/x/sync/errgroup"
	"gopkg.in/yaml.v3"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/rpm"
)

// Package is one package of the lock and what is made in its place.
type Package struct {
	URL    string `yaml:"url"`
	Repoid string `yaml:"repoid"`
	Size   int64  `yaml:"size"`
	Name   string `yaml:"name"`
	EVR    string `yaml:"evr"`

	// Host and File are the URL's host and last part.
	Host, File string
	// Head is the header, with which the file begins; a whole file where the
	// package can be installed. Filling follows.
	Head []byte
	// Length is the file's size in bytes.
	Length int64
	Digest digest.Digest

	wanted int64 // length of the header
}

// ReadLock reads the packages of one architecture from a lock, compressed or not.
func ReadLock(file, arch string) ([]*Package, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if r, err := gzip.NewReader(bytes.NewReader(data)); err == nil {
		if data, err = io.ReadAll(r); err != nil {
			return nil, err
		}
	}
	var lock struct {
		Arches []struct {
			Arch     string     `yaml:"arch"`
			Packages []*Package `yaml:"packages"`
		} `yaml:"arches"`
	}
	if err := yaml.Unmarshal(data, &lock); err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	for _, a := range lock.Arches {
		if a.Arch != arch {
			continue
		}
		for _, p := range a.Packages {
			u, err := url.Parse(p.URL)
			if err != nil {
				return nil, err
			}
			p.Host, p.File, p.Length = u.Host, path.Base(u.Path), p.Size
		}
		return a.Packages, nil
	}
	return nil, fmt.Errorf("%s has nothing for %s", file, arch)
}

// Make makes the packages' headers and digests.
func Make(packages []*Package) error {
	giveLengths(packages)
	var g errgroup.Group
	g.SetLimit(4)
	for _, p := range packages {
		g.Go(func() error {
			if err := p.make(); err != nil {
				return fmt.Errorf("making %s: %w", p.File, err)
			}
			return nil
		})
	}
	return g.Wait()
}

// Headers of real packages have a median of about 18 KB and a ninth decile of
// about 95 KB, and a few have megabytes; together they have 6 to 14 % of the
// packages' bytes. Large packages have long headers.
const (
	medianHeader = 18_000
	sigma        = 1.3
	longest      = 8 // as many have 1, 2, 3, … MB
)

// giveLengths decides how long each header is to be.
func giveLengths(packages []*Package) {
	sorted := slices.SortedFunc(slices.Values(packages), func(a, b *Package) int { return cmp.Compare(a.Length, b.Length) })
	for i, p := range sorted {
		quantile := (float64(i) + 0.5) / float64(len(sorted))
		n := int64(medianHeader * math.Exp(sigma*math.Sqrt2*math.Erfinv(2*quantile-1)))
		if rank := i - len(sorted) + longest; rank >= 0 {
			n = int64(rank+1) * 1_000_000
		}
		p.wanted = min(n, p.Length*6/10)
	}
}

// versions are the version and release of "epoch:version-release".
func (p *Package) versions() (version, release string) {
	evr := p.EVR[strings.LastIndexByte(p.EVR, ':')+1:]
	version, release, _ = strings.Cut(evr, "-")
	return version, release
}

// perFile is about what one file adds to a header, in bytes.
const perFile = 165

func (p *Package) make() error {
	version, release := p.versions()
	for files := max(0, p.wanted-1500) / perFile; ; files = files / 2 {
		r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{
			Name: p.Name, Version: version, Release: release, Arch: "noarch", Summary: "Synthetic " + p.Name, Description: "Synthetic",
			Licence: "MIT", Compressor: "gzip:1", BuildTime: time.Unix(1700000000, 0), BuildHost: "build.example.org", Vendor: "Bench",
		})
		if err != nil {
			return err
		}
		for i := range files {
			r.AddFile(rpmpack.RPMFile{Name: fmt.Sprintf("/usr/share/%s/d%d/file-with-a-name-%d", p.Name, i/40, i), Mode: 0o100644, Owner: "root", Group: "root"})
		}
		var b bytes.Buffer
		if err := r.Write(&b); err != nil {
			return err
		}
		need, err := rpm.Need(b.Bytes())
		if err != nil {
			return err
		}
		if need <= p.Length || files == 0 {
			p.Head = bytes.Clone(b.Bytes()[:need])
			break
		}
	}
	if int64(len(p.Head)) > p.Length {
		return fmt.Errorf("its header has %d bytes, the package %d", len(p.Head), p.Length)
	}
	h := digest.Digest("sha256:").Hash()
	if _, err := io.Copy(h, p.Content()); err != nil {
		return err
	}
	p.Digest = digest.FromHash("sha256", h)
	return nil
}

// Content is the whole file, of which only the header is in memory.
func (p *Package) Content() *io.SectionReader { return io.NewSectionReader(filled{p}, 0, p.Length) }

// filled has zeros behind the header.
type filled struct{ p *Package }

func (f filled) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	if off < int64(len(f.p.Head)) {
		n = copy(b, f.p.Head[off:])
	}
	clear(b[n:])
	return len(b), nil
}
