//go:build linux

package main

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

// pkg is one package of the lock and what is made in its place.
type pkg struct {
	URL    string `yaml:"url"`
	Repoid string `yaml:"repoid"`
	Size   int64  `yaml:"size"`
	Name   string `yaml:"name"`
	EVR    string `yaml:"evr"`

	host, file string
	head       []byte // the first bytes of the synthetic file; filling follows
	size       int64
	wanted     int64 // length of the header
	digest     digest.Digest
}

func readLock(file, arch string) ([]*pkg, error) {
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
			Arch     string `yaml:"arch"`
			Packages []*pkg `yaml:"packages"`
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
			p.host, p.file, p.size = u.Host, path.Base(u.Path), p.Size
		}
		return a.Packages, nil
	}
	return nil, fmt.Errorf("%s has nothing for %s", file, arch)
}

// synthesize makes the packages' headers and digests.
func synthesize(packages []*pkg) error {
	giveLengths(packages)
	var g errgroup.Group
	g.SetLimit(4)
	for _, p := range packages {
		g.Go(func() error {
			if err := p.make(); err != nil {
				return fmt.Errorf("making %s: %w", p.file, err)
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
func giveLengths(packages []*pkg) {
	sorted := slices.SortedFunc(slices.Values(packages), func(a, b *pkg) int { return cmp.Compare(a.size, b.size) })
	for i, p := range sorted {
		quantile := (float64(i) + 0.5) / float64(len(sorted))
		n := int64(medianHeader * math.Exp(sigma*math.Sqrt2*math.Erfinv(2*quantile-1)))
		if rank := i - len(sorted) + longest; rank >= 0 {
			n = int64(rank+1) * 1_000_000
		}
		p.wanted = min(n, p.size*6/10)
	}
}

// perFile is about what one file adds to a header, in bytes.
const perFile = 165

func (p *pkg) make() error {
	_, evr, _ := strings.Cut(":"+p.EVR, ":")
	evr = evr[strings.LastIndexByte(evr, ':')+1:]
	version, release, _ := strings.Cut(evr, "-")
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
		if need <= p.size || files == 0 {
			p.head = bytes.Clone(b.Bytes()[:need])
			break
		}
	}
	if int64(len(p.head)) > p.size {
		return fmt.Errorf("its header has %d bytes, the package %d", len(p.head), p.size)
	}
	h := digest.Digest("sha256:").Hash()
	if _, err := io.Copy(h, p.content()); err != nil {
		return err
	}
	p.digest = digest.FromHash("sha256", h)
	return nil
}

// content is the whole file, of which only the header is in memory.
func (p *pkg) content() *io.SectionReader { return io.NewSectionReader(filled{p}, 0, p.size) }

// filled has zeros behind the header.
type filled struct{ p *pkg }

func (f filled) ReadAt(b []byte, off int64) (int, error) {
	n := 0
	if off < int64(len(f.p.head)) {
		n = copy(b, f.p.head[off:])
	}
	clear(b[n:])
	return len(b), nil
}
