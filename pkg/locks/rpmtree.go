package locks

import (
	"net/url"
	"slices"
	"strings"
)

// rpmParser turns the sections that were read into artifacts, repositories and
// .repo files.
type rpmParser struct {
	src    Source
	b      *builder
	madeUp string
	repos  map[string]int // directory -> index into Lock.Repos
}

func (p *rpmParser) addAll(sections []rpmSection) error {
	var arches []string
	for _, s := range sections {
		if len(p.src.Arches) > 0 && !slices.Contains(p.src.Arches, s.arch) {
			continue
		}
		for _, f := range s.files {
			if f.kind == rpmSource && !p.src.SourceRPMs {
				continue
			}
			if err := p.add(s.arch, f); err != nil {
				return err
			}
		}
		if !slices.Contains(arches, s.arch) {
			arches = append(arches, s.arch)
		}
	}
	for _, arch := range p.src.Arches {
		if len(sections) > 0 && !slices.Contains(arches, arch) {
			p.b.warn("%s: nothing is locked for the architecture %s", p.src.Path, arch)
		}
	}
	for _, arch := range arches {
		p.repoFile(arch)
	}
	p.warnRepoOptions()
	return nil
}

func (p *rpmParser) add(arch string, f rpmFile) error {
	repoid := f.repoid
	if repoid == "" {
		repoid = p.madeUp
		if f.kind == rpmSource {
			repoid += "-source"
		}
	}
	dir := rpmDir + "/" + arch + "/" + repoid
	a := Artifact{
		Name:    f.name,
		Version: f.version,
		Path:    dir + "/" + f.base,
		URLs:    []string{f.url},
		Digest:  f.digest,
		Size:    f.size,
		Only:    Constraint{Arch: arch, Source: f.kind == rpmSource},
		PURL:    p.purl(f),
		Line:    f.line,
	}
	if err := p.b.add(a); err != nil {
		return err
	}
	return p.addToRepo(dir, a, f.kind == rpmModules)
}

// purl names the package without the vendor's namespace, which stands in the
// RPM's header alone.
func (p *rpmParser) purl(f rpmFile) string {
	if f.kind == rpmModules {
		return ""
	}
	q := map[string]string{"repository_id": f.repoid, "checksum": f.digest.String()}
	if stem := strings.TrimSuffix(f.base, ".rpm"); stem != f.base {
		q["arch"] = stem[strings.LastIndexByte(stem, '.')+1:]
	}
	if f.kind == rpmSource {
		q["arch"] = "src"
	}
	if f.repoid == "" {
		if u, err := url.Parse(f.url); err == nil {
			q["download_url"] = withoutUser(u)
		}
	}
	version := f.version
	if epoch, rest, ok := strings.Cut(version, ":"); ok {
		q["epoch"], version = epoch, rest
	}
	return purl("rpm", "", f.name, version, q)
}

func (p *rpmParser) addToRepo(dir string, a Artifact, modules bool) error {
	i, ok := p.repos[dir]
	if !ok {
		i = len(p.b.lock.Repos)
		p.repos[dir] = i
		p.b.lock.Repos = append(p.b.lock.Repos, Repo{Dir: dir})
	}
	r := &p.b.lock.Repos[i]
	if !modules || r.Modules == a.Path {
		return nil
	}
	if r.Modules != "" {
		return errAt(a.Line, "%s has two module_metadata files", dir).
			hint("a repository's modules have to stand in one file")
	}
	r.Modules = a.Path
	return nil
}
