package locks

import (
	"bytes"
	"cmp"
	"net/url"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// This file is about requirements that say where they come from: a URL, or a
// commit of a git repository.

// addURL adds an archive with a URL. Hermeto wants exactly one hash of it, and
// an ending by which pip knows what it is; so does this, because the path is
// made of both.
func (p *reqParser) addURL(r *requirement) error {
	u, err := reqURL(r.url)
	if err != nil {
		return errAt(0, "%s: %w", clip(r.name), err)
	}
	d, err := r.urlDigest(u)
	if err != nil {
		return err
	}
	name, err := directFile(r.name, u, d)
	if err != nil {
		return err
	}
	raw, _, _ := strings.Cut(r.url, "#")
	a := Artifact{
		Name: r.name, Path: pipDir + "/" + name, URLs: []string{raw}, Digest: d, Size: SizeUnknown,
		Only: Constraint{Marker: r.marker}, Line: r.line.first, PURL: directPURL(r.name, "", u, d),
	}
	if err := p.b.add(a); err != nil {
		return err
	}
	r.pointTo(fileURL(p.src, a.Path))
	return nil
}

// directPURL is the package URL of what doesn't come from an index.
func directPURL(name, version string, u *url.URL, d digest.Digest) string {
	plain := *u
	plain.Fragment, plain.RawFragment = "", ""
	return purl("pypi", "", pypiName(name), version, map[string]string{
		"download_url": withoutUser(&plain), "checksum": d.String(),
	})
}

// reqURL reads the URL of a requirement.
func reqURL(raw string) (*url.URL, error) {
	if strings.Contains(raw, "${") {
		return nil, errAt(0, "the URL holds a variable, which is not supported").
			hint("keep credentials in netrc or in pip's configuration")
	}
	return parseURL(raw)
}

// urlDigest is the one digest of an archive: of --hash, or of the URL's fragment
// ("#sha256=…", or Hermeto's own "#cachito_hash=sha256:…").
func (r *requirement) urlDigest(u *url.URL) (digest.Digest, error) {
	found := r.digests
	if s := fragmentValue(u.Fragment, "cachito_hash"); s != "" && len(found) == 0 {
		d, err := digest.Parse(s)
		if err != nil {
			return "", errAt(0, "%s: %w", clip(r.name), err)
		}
		found = []digest.Digest{d}
	}
	for _, algo := range []string{"sha512", "sha384", "sha256"} {
		if s := fragmentValue(u.Fragment, algo); s != "" && len(found) == 0 {
			d, err := digest.New(algo, s)
			if err != nil {
				return "", errAt(0, "%s: %w", clip(r.name), err)
			}
			found = []digest.Digest{d}
		}
	}
	if len(found) != 1 {
		return "", errAt(0, "%s comes from a URL and has %d hashes", clip(r.name), len(found)).
			hint("a URL needs exactly one: --hash=sha256:… behind it, or #sha256=… in it")
	}
	return found[0], nil
}

// directFile is Hermeto's name for the file at a URL: a wheel keeps its own.
func directFile(name string, u *url.URL, d digest.Digest) (string, error) {
	base, err := decodedBase(u)
	if err != nil {
		return "", errAt(0, "the URL's last segment can't be decoded: %w", err)
	}
	switch ext := archiveExt(base); {
	case ext == "":
		return "", errAt(0, "%s: the URL doesn't end as an archive's does (%s)", clip(name), strings.Join(pyArchives, ", "))
	case ext == ".whl":
		if err := checkName(base); err != nil {
			return "", errAt(0, "%s: %w", clip(name), err)
		}
		return base, nil
	case d == "":
		return "", errAt(0, "%s comes from a URL and has no hash", clip(name))
	default:
		return NormalizePyName(name) + "-" + d.Hex() + ext, nil
	}
}

func isVCS(raw string) bool {
	scheme, _, ok := strings.Cut(raw, ":")
	kind, _, _ := strings.Cut(scheme, "+")
	return ok && (kind == "git" || kind == "hg" || kind == "svn" || kind == "bzr")
}

// addVCS adds the archive of a commit, which Hermeto makes.
func (p *reqParser) addVCS(r *requirement) error {
	raw, ok := strings.CutPrefix(r.url, "git+")
	if !ok {
		return errAt(0, "%s: of version control systems only git is supported, as git+https://…", clip(r.name)).unsupported()
	}
	u, err := reqURL(overHTTPS(raw))
	if err != nil {
		return errAt(0, "%s: %w", clip(r.name), err)
	}
	repo, commit, _ := cutLast(u.Path, "@")
	if !isCommit(commit) {
		return errAt(0, "%s: the git URL doesn't name a commit by its 40 hex digits", clip(r.name)).
			hint("write git+https://host/repository.git@<commit>")
	}
	clean := *u
	clean.Path, clean.RawPath, clean.RawQuery, clean.Fragment, clean.RawFragment = repo, "", "", "", ""
	a, err := gitArchive(r.name, "", &clean, commit)
	if err != nil {
		return err
	}
	a.Only, a.Line = Constraint{Marker: r.marker}, r.line.first
	if err := p.b.add(a); err != nil {
		return err
	}
	r.pointTo(fileURL(p.src, a.Path))
	return nil
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

func isCommit(s string) bool {
	if len(s) != 40 {
		return false
	}
	for i := range len(s) {
		if c := s[i] | 0x20; !isDigit(s[i]) && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// gitArchive is Hermeto's archive of one commit of a Python package.
func gitArchive(name, version string, repo *url.URL, commit string) (Artifact, error) {
	commit = strings.ToLower(commit)
	base := strings.TrimSuffix(strings.Trim(repo.Path, "/"), ".git")
	base = base[strings.LastIndexByte(base, '/')+1:]
	if err := checkName(base); err != nil {
		return Artifact{}, errAt(0, "%s: the git URL's last segment: %w", clip(name), err)
	}
	return Artifact{
		Name: name, Version: version, Path: pipDir + "/" + base + "-gitcommit-" + commit + ".tar.gz",
		URLs: []string{repo.String()}, Size: SizeUnknown,
		Make: &Make{Kind: MakeGitArchive, Args: map[string]string{"commit": commit, "prefix": "app"}},
		PURL: purl("pypi", "", pypiName(name), version, map[string]string{"vcs_url": "git+" + withoutUser(repo) + "@" + commit}),
	}, nil
}

// reqEdit replaces the lines of one requirement.
type reqEdit struct {
	line reqLine
	text string
}

// pointTo has the build take the requirement from the tree. The package's name
// is in front now, so that "#egg=" isn't needed; the rest of the fragment, and
// what pip is told about the package, stays.
func (r *requirement) pointTo(target string) {
	_, fragment, _ := strings.Cut(r.url, "#")
	keep := ""
	for part := range strings.SplitSeq(fragment, "&") {
		if part != "" && !strings.HasPrefix(part, "egg=") {
			keep += "&" + part
		}
	}
	text := r.name + r.extras + " @ " + target
	if keep != "" {
		text += "#" + keep[1:]
	}
	if r.marker != "" {
		text += " ; " + r.marker
	}
	if r.options != "" && !strings.HasPrefix(r.line.text, "-") {
		text += " " + r.options
	}
	r.file.edits = append(r.file.edits, reqEdit{r.line, text})
}

// rewrite adds the file to what Hermeto would rewrite, if anything in it changes.
// The number of lines stays: the first one of a requirement gets all of it.
func (f *reqFile) rewrite(b *builder) {
	if len(f.edits) == 0 {
		return
	}
	byLine := make(map[int]reqEdit, len(f.edits))
	for _, e := range f.edits {
		byLine[e.line.first] = e
	}
	var out bytes.Buffer
	number, until := 0, 0
	for line := range bytes.Lines(f.data) {
		number++
		end := line[len(bytes.TrimRight(line, "\r\n")):]
		switch e, ok := byLine[number]; {
		case ok:
			out.WriteString(e.text)
			until = e.line.last
			out.WriteString(cmp.Or(string(end), "\n"))
		case number <= until:
			out.WriteString(cmp.Or(string(end), "\n"))
		default:
			out.Write(line)
		}
	}
	b.lock.Rewrites = append(b.lock.Rewrites, Rewrite{Path: f.path, Content: out.Bytes()})
}
