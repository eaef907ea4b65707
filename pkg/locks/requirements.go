package locks

import (
	"errors"
	"io/fs"
	"maps"
	"path"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// isRequirements are the files that Hermeto reads when its input names none.
func isRequirements(base string) bool {
	return base == "requirements.txt" || base == "requirements-build.txt"
}

const (
	maxReqDepth = 20  // files that include files
	maxReqFiles = 500 // files that one lock includes
)

// parseRequirements reads a requirements file that pins everything, and the
// files of the project that it includes. Of packages from an index it knows
// names, versions and digests: they are Unresolved. Those with a URL are
// artifacts, and the file is rewritten so that the build finds them in the tree.
// What comes from the project's own directory is there already.
func parseRequirements(src Source, b *builder) error {
	p := &reqParser{src: src, b: b, constraints: map[string]*requirement{}, byPin: map[string]int{}}
	if err := p.read(src.Path, src.Data, false, 0); err != nil {
		return err
	}
	for i := range p.reqs {
		r := &p.reqs[i]
		if err := p.add(r); err != nil {
			return r.at(p, err)
		}
	}
	if n := len(p.unhashed); n > 0 {
		b.warn("%d packages (first: %s) have no hash: their files are served only with --lazy-allow-unverified=all",
			n, clip(p.unhashed[0]))
	}
	for _, f := range p.files {
		f.rewrite(b)
	}
	b.pipEnv(src)
	return nil
}

type reqParser struct {
	src           Source
	b             *builder
	reqs          []requirement
	constraints   map[string]*requirement // by normalized name
	byPin         map[string]int          // into b.lock.Unresolved
	requireHashes bool
	noBinary      formatControl
	files         []*reqFile
	unhashed      []string
}

// reqFile is one file that is read.
type reqFile struct {
	path  string
	data  []byte
	edits []reqEdit
}

// at puts the place of a requirement into an error about it.
func (r *requirement) at(p *reqParser, err error) error {
	return reqError(p, r.file, r.line, err)
}

func reqError(p *reqParser, f *reqFile, line reqLine, err error) error {
	if e := (*Error)(nil); errors.As(err, &e) && e.File == "" && f.path != p.src.Path {
		e.File = f.path
	}
	return inLine(line.first, err)
}

// read reads one file; as a constraints file it adds no package.
func (p *reqParser) read(name string, data []byte, constraints bool, depth int) error {
	if depth > maxReqDepth || len(p.files) >= maxReqFiles {
		return errAt(0, "too many requirements files include one another")
	}
	f := &reqFile{path: name, data: data}
	p.files = append(p.files, f)
	for _, line := range reqLines(data) {
		if err := p.line(f, line, constraints, depth); err != nil {
			return reqError(p, f, line, err)
		}
	}
	return nil
}

func (p *reqParser) line(f *reqFile, line reqLine, constraints bool, depth int) error {
	text, options := line.split()
	r := requirement{}
	if text != "" {
		var err error
		if r, err = parseRequirement(text); err != nil {
			return err
		}
	}
	r.file, r.line, r.options = f, line, options
	err := line.options(options, func(o reqOption) error {
		if o.name == "--hash" {
			return r.addHash(o.value)
		}
		if text != "" {
			return nil // about this package's build
		}
		return p.option(f, line, o, constraints, depth)
	})
	switch {
	case err != nil || text == "":
		return err
	case constraints:
		if old := p.constraints[NormalizePyName(r.name)]; old == nil {
			p.constraints[NormalizePyName(r.name)] = &r
		}
		return nil
	case len(p.reqs) >= maxArtifacts:
		return errAt(line.first, "the lock names more than %d packages", maxArtifacts)
	}
	p.reqs = append(p.reqs, r)
	return nil
}

// addHash takes an allowed digest of the package. Algorithms that lazybuild
// doesn't know are passed over as long as there is one that it does.
func (r *requirement) addHash(s string) error {
	algo, value, ok := strings.Cut(s, ":")
	if ok && (digest.Digest(algo+":")).Strength() == 0 {
		return errAt(0, "the hash algorithm %q is not supported", clip(algo)).hint("sha256, sha384, sha512, sha1 and md5 are")
	}
	d, err := digest.Parse(s)
	if err != nil {
		return errAt(0, "the hash %q: %w", clip(value), err)
	}
	r.digests = append(r.digests, d)
	return nil
}

// option applies an option that stands alone.
func (p *reqParser) option(f *reqFile, line reqLine, o reqOption, constraints bool, depth int) error {
	switch o.name {
	case "--index-url", "--extra-index-url", "--find-links":
		p.index(o)
	case "--require-hashes":
		p.requireHashes = true
	case "--no-binary":
		p.noBinary.add(o.value)
	case "--only-binary":
		p.noBinary.remove(o.value)
	case "--requirement", "--constraint":
		return p.include(f, o.value, constraints || o.name == "--constraint", depth)
	case "--editable":
		r, err := parseRequirement(o.value)
		if err != nil || r.local || constraints {
			return err
		}
		r.file, r.line = f, line
		p.reqs = append(p.reqs, r)
	}
	return nil
}

// index notes a place where packages are looked up. As pip does, the last
// --index-url counts.
func (p *reqParser) index(o reqOption) {
	x := Index{Kind: strings.TrimSuffix(strings.TrimPrefix(o.name, "--"), "-url"), URL: o.value}
	if x.Kind == "find-links" && !strings.Contains(x.URL, "://") {
		return // a directory of the project, or of the image: pip looks there by itself
	}
	all := p.b.lock.Indexes
	for i := range all {
		if all[i] == x {
			return
		}
		if x.Kind == "index" && all[i].Kind == "index" {
			all[i] = x
			return
		}
	}
	p.b.lock.Indexes = append(all, x)
}

// include reads another file of the project; the path is relative to the file
// that names it.
func (p *reqParser) include(f *reqFile, name string, constraints bool, depth int) error {
	if strings.Contains(name, "://") {
		return errAt(0, "a requirements file from a URL can't be included").hint("keep a copy in the project")
	}
	full := path.Join(path.Dir(f.path), name)
	for _, g := range p.files {
		if g.path == full {
			return nil // pip reads it again, and finds the same
		}
	}
	if p.src.Sibling == nil || path.IsAbs(name) {
		return errAt(0, "%s can't be included: it is outside the project", clip(name))
	}
	data, err := p.src.Sibling(relativeTo(path.Dir(p.src.Path), full))
	if err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return errAt(0, "%s, which is included here, is not there, or is outside the project", clip(name))
		}
		return errAt(0, "including %s: %w", clip(name), err)
	}
	if len(data) > maxLockBytes {
		return errAt(0, "%s has more than %d bytes", clip(name), maxLockBytes)
	}
	return p.read(full, data, constraints, depth+1)
}

// relativeTo is full as it is seen from dir; both are clean and of one form.
func relativeTo(dir, full string) string {
	var from []string
	if dir != "." {
		from = strings.Split(dir, "/")
	}
	to := strings.Split(full, "/")
	for len(from) > 0 && len(to) > 1 && from[0] == to[0] {
		from, to = from[1:], to[1:]
	}
	return strings.Repeat("../", len(from)) + strings.Join(to, "/")
}

// add makes a requirement an artifact, or a package to look up.
func (p *reqParser) add(r *requirement) error {
	if c := p.constraints[NormalizePyName(r.name)]; c != nil && r.version == "" && r.url == "" {
		r.version, r.url = c.version, c.url
	}
	if c := p.constraints[NormalizePyName(r.name)]; c != nil && c.version == r.version {
		r.digests = append(r.digests, c.digests...)
	}
	switch {
	case r.local:
		return nil
	case isVCS(r.url):
		return p.addVCS(r)
	case r.url != "":
		return p.addURL(r)
	case r.version == "":
		return errAt(0, "%s is not pinned to one version", clip(r.name+r.specs)).
			hint("a lock has name==version for everything; pip-compile and uv pip compile write one").unsupported()
	case len(r.digests) == 0 && p.requireHashes:
		return errAt(0, "%s has no hash, and the file says --require-hashes", clip(r.name))
	case len(r.digests) == 0:
		p.unhashed = append(p.unhashed, r.name)
	}
	p.unresolved(r)
	return nil
}

// unresolved notes a package of an index; one that is named several times, for
// different markers, becomes one.
func (p *reqParser) unresolved(r *requirement) {
	name := NormalizePyName(r.name)
	pin := name + "\x00" + r.version
	if i, ok := p.byPin[pin]; ok {
		u := &p.b.lock.Unresolved[i]
		u.Only = u.Only.or(Constraint{Marker: r.marker})
		u.Digests = appendNew(u.Digests, r.digests)
		return
	}
	p.byPin[pin] = len(p.b.lock.Unresolved)
	u := Unresolved{
		Name: r.name, Version: r.version, Dir: pipDir, Digests: r.digests,
		Only: Constraint{Marker: r.marker}, NoWheel: p.noBinary.has(name), Line: r.line.first,
	}
	if r.file.path != p.src.Path {
		u.File = r.file.path
	}
	p.b.lock.Unresolved = append(p.b.lock.Unresolved, u)
}

func appendNew(have, more []digest.Digest) []digest.Digest {
	seen := make(map[digest.Digest]bool, len(have))
	for _, d := range have {
		seen[d] = true
	}
	for _, d := range more {
		if !seen[d] {
			have = append(have[:len(have):len(have)], d)
		}
	}
	return have
}

// formatControl is the packages for which --no-binary holds.
type formatControl struct {
	all    bool
	names  map[string]bool
	except map[string]bool
}

func (c *formatControl) add(list string)    { c.set(list, true) }
func (c *formatControl) remove(list string) { c.set(list, false) }

func (c *formatControl) set(list string, on bool) {
	for name := range strings.SplitSeq(list, ",") {
		switch name {
		case ":all:":
			*c = formatControl{all: on}
		case ":none:":
			if on {
				*c = formatControl{}
			}
		default:
			add, del := &c.names, &c.except
			if !on {
				add, del = del, add
			}
			if *add == nil {
				*add = map[string]bool{}
			}
			(*add)[NormalizePyName(name)] = true
			maps.DeleteFunc(*del, func(k string, _ bool) bool { return k == NormalizePyName(name) })
		}
	}
}

func (c *formatControl) has(name string) bool {
	return c.names[name] || c.all && !c.except[name]
}
