package locks

import (
	"path"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// npmDir is where Hermeto puts npm's tarballs.
const npmDir = "deps/npm"

// parseNpm reads a package-lock.json or npm-shrinkwrap.json of lockfileVersion
// 2 or 3 (npm's documentation, "package-lock.json"). Only "packages" counts;
// "dependencies", which version 2 has for npm 6, stays as it is.
func parseNpm(src Source, b *builder) error {
	doc, err := readJSON(src.Data)
	if err != nil {
		return err
	}
	if doc.kind != kindMap {
		return errAt(int(doc.line), "the lock file is %s, not a table", doc.what())
	}
	if v := doc.get("lockfileVersion"); v == nil || v.text != "2" && v.text != "3" {
		return errAt(v.lineOf(doc), "lockfileVersion has to be 2 or 3").
			hint("npm install --package-lock-only --lockfile-version=3 makes such a lock")
	}
	packages, err := doc.table("packages")
	if err != nil {
		return err
	}
	if packages == nil {
		return errAt(int(doc.line), "the lock file has no packages")
	}
	p := npmParser{src: src, b: b}
	for i, k := range packages.keys {
		e := packages.items[i]
		if e.kind != kindMap {
			return errAt(int(e.line), "the package %q is %s, not a table", clip(k.name), e.what())
		}
		if err := p.entry(k, e); err != nil {
			return err
		}
	}
	return p.rewrite()
}

type npmParser struct {
	src        Source
	b          *builder
	edits      []jsonEdit
	workspaces []string // directories of the project that the lock links to
}

// npmEntry is one entry of "packages".
type npmEntry struct {
	node          *node
	line          int
	name, version string
	resolved      string
	digest        digest.Digest
	only          Constraint
	dev           bool
}

func (p *npmParser) entry(k nodeKey, n *node) error {
	link, err := n.truth("link")
	if err != nil {
		return err
	}
	resolved, err := n.str("resolved")
	if err != nil {
		return err
	}
	if link {
		if !slices.Contains(p.workspaces, resolved) {
			p.workspaces = append(p.workspaces, resolved)
		}
		return nil
	}
	at := len(p.edits)
	if err := p.dependencies(n); err != nil {
		return err
	}
	if k.name == "" {
		return nil
	}
	bundled, err := n.truth("inBundle")
	if err != nil {
		return err
	}
	inModules := strings.HasPrefix(k.name, "node_modules/") || strings.Contains(k.name, "/node_modules/")
	if resolved == "" && (bundled || !inModules) || isLocal(resolved) {
		return nil // in another package's tarball, or in the project itself
	}
	if resolved == "" && n.get("version") == nil {
		return p.incomplete(k, n)
	}
	e, err := readNpmEntry(k, n, resolved)
	if err != nil {
		return err
	}
	a, err := p.artifact(e)
	if err != nil {
		return err
	}
	if err := p.b.add(a); err != nil {
		return err
	}
	if a.Make != nil {
		// The integrity is that of what npm would pack, which is another archive.
		if v := e.node.get("integrity"); v != nil {
			p.edit(at, jsonEdit{v.pos, v.end, `""`})
		}
	}
	return p.pointTo(e, at, fileURL(p.src, a.Path))
}

// incomplete passes over an entry that says neither where the package is nor
// which version it has. npm drops such entries itself, with a warning unless it
// has marked them as extraneous.
func (p *npmParser) incomplete(k nodeKey, n *node) error {
	extraneous, err := n.truth("extraneous")
	if err == nil && !extraneous {
		p.b.warn("%s:%d: %s has neither resolved nor version, and is left out: the lock is damaged, run npm install again",
			p.src.Path, k.line, clip(k.name))
	}
	return err
}

// isLocal says whether resolved is a file of the project.
func isLocal(resolved string) bool { return strings.HasPrefix(resolved, "file:") }

func readNpmEntry(k nodeKey, n *node, resolved string) (npmEntry, error) {
	e := npmEntry{node: n, line: int(k.line), resolved: resolved}
	var err error
	if e.name, err = n.str("name"); err != nil { // there for an alias
		return e, err
	}
	if e.name == "" {
		e.name = nameOfModule(k.name)
	}
	if err := checkNpmName(e.name); err != nil {
		return e, errAt(e.line, "%w", err)
	}
	if e.version, err = n.str("version"); err != nil {
		return e, err
	}
	if e.version != "" { // it becomes a part of the file's name
		if err := checkName(e.version); err != nil {
			return e, errAt(int(n.get("version").line), "the version: %w", err)
		}
	}
	if e.digest, err = npmDigest(n); err != nil {
		return e, err
	}
	if e.dev, err = n.truth("dev"); err != nil {
		return e, err
	}
	err = e.readPlatforms(n)
	return e, err
}

// readPlatforms reads on which platforms the package can be used.
func (e *npmEntry) readPlatforms(n *node) (err error) {
	if e.only.OS, err = n.strings("os"); err != nil {
		return err
	}
	if e.only.CPU, err = n.strings("cpu"); err != nil {
		return err
	}
	e.only.Libc, err = n.strings("libc")
	return err
}

// nameOfModule is the package's name in a path like "node_modules/a/node_modules/@s/b".
func nameOfModule(location string) string {
	const dir = "node_modules/"
	if i := strings.LastIndex(location, dir); i >= 0 {
		return location[i+len(dir):]
	}
	return path.Base(location)
}

// checkNpmName says why a name can't be "name" or "@scope/name".
func checkNpmName(name string) error {
	rest := name
	if scope, base, ok := strings.Cut(name, "/"); ok && strings.HasPrefix(scope, "@") {
		if err := checkName(scope[1:]); err != nil {
			return err
		}
		rest = base
	}
	return checkName(rest)
}

// npmDigest reads the integrity. None at all is common in old locks.
func npmDigest(n *node) (digest.Digest, error) {
	s, err := n.str("integrity")
	if s == "" || err != nil {
		return "", err
	}
	d, err := digest.ParseSRI(s)
	if err != nil {
		return "", errAt(int(n.get("integrity").line), "%w", err)
	}
	return d, nil
}

func (p *npmParser) artifact(e npmEntry) (Artifact, error) {
	a := Artifact{
		Name:    e.name,
		Version: e.version,
		Digest:  e.digest,
		Size:    SizeUnknown,
		Only:    e.only,
		Line:    e.line,

		Development: e.dev,
	}
	if e.resolved == "" {
		u, err := p.src.npmRegistryURL(e)
		a.URLs, a.Path, a.PURL = []string{u}, npmDir+"/"+npmFile(e), npmPURL(e, nil)
		return a, err
	}
	at := int(e.node.get("resolved").line)
	if isGit(e.resolved) {
		return p.gitArtifact(e, a)
	}
	u, err := parseURL(e.resolved)
	if err != nil {
		return a, errAt(at, "%s: %w", clip(e.name), err)
	}
	if isRegistryTarball(u, e) {
		a.Path = npmDir + "/" + npmFile(e)
		a.URLs = p.src.npmURLs(e, u)
		a.PURL = npmPURL(e, nil)
		return a, nil
	}
	if e.digest == "" {
		return a, errAt(e.line, "%s comes from %s and has no integrity", clip(e.name), u.Host).
			hint("files from outside a registry need one: run npm install again")
	}
	a.URLs = []string{e.resolved}
	a.Path = npmDir + "/external-" + e.name + "/" + e.name + "-external-" +
		e.digest.Algorithm() + "-" + e.digest.Hex() + ".tgz"
	a.PURL = npmPURL(e, map[string]string{"download_url": withoutUser(u), "checksum": e.digest.String()})
	return a, nil
}

// isGit says whether resolved is a git repository, in one of npm's spellings.
func isGit(resolved string) bool {
	scheme, _, _ := strings.Cut(resolved, ":")
	switch scheme {
	case "git", "ssh", "github", "gitlab", "bitbucket", "gist":
		return true
	}
	return strings.HasPrefix(scheme, "git+")
}
