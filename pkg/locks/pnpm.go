package locks

import "strings"

// pnpmDir is where Hermeto puts pnpm's tarballs: those of the npm registry in
// npm/, those of JSR in jsr/, all others in pnpmDir itself.
const pnpmDir = "deps/pnpm"

// parsePnpm reads a pnpm-lock.yaml of version 9 (github.com/pnpm/spec,
// lockfile/9.0.md; pnpm 9 and later write it). Only "packages" says which files
// there are; "snapshots" are about how they are linked.
func parsePnpm(src Source, b *builder) error {
	doc, err := readYAML(src.Data)
	if err != nil {
		return err
	}
	if doc.kind != kindMap {
		return errAt(int(doc.line), "the lock file is %s, not a table", doc.what())
	}
	version, err := doc.need("lockfileVersion", "the lock file")
	if err != nil {
		return err
	}
	if version != "9" && !strings.HasPrefix(version, "9.") {
		return errAt(int(doc.get("lockfileVersion").line), "lockfileVersion %q is not supported", clip(version)).
			hint("9.0 is: pnpm 9 and later write it")
	}
	packages, err := doc.table("packages")
	if err != nil {
		return err
	}
	p := pnpmParser{src: src, b: b}
	if packages != nil {
		for i, k := range packages.keys {
			if err := p.entry(k, packages.items[i]); err != nil {
				return err
			}
		}
	}
	b.env("PNPM_CONFIG_TRUST_LOCKFILE", "true")
	return p.rewrite()
}

type pnpmParser struct {
	src   Source
	b     *builder
	edits []jsonEdit
}

func (p *pnpmParser) entry(k nodeKey, n *node) error {
	if n.kind != kindMap {
		return errAt(int(n.line), "the package %q is %s, not a table", clip(k.name), n.what())
	}
	res, err := n.table("resolution")
	if err != nil {
		return err
	}
	if res == nil {
		return errAt(int(k.line), "the package %q has no resolution", clip(k.name))
	}
	tarball, remote, err := pnpmTarball(k, res)
	if err != nil || !remote {
		return err
	}
	e, err := readPnpmEntry(k, n, res, tarball)
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
	return p.pointTo(k, res, a.Path)
}

// pnpmTarball returns the tarball's URL, empty where it follows from the
// registry. remote is false for what stands in the project itself.
func pnpmTarball(k nodeKey, res *node) (tarball string, remote bool, err error) {
	typ, err := res.str("type")
	if err != nil {
		return "", false, err
	}
	switch typ {
	case "":
	case "directory":
		return "", false, nil
	case "git":
		return "", false, errAt(int(res.line), "%s comes from git, and git dependencies are not supported yet", clip(k.name)).
			hint("use a released version, or the URL of a tarball")
	default:
		return "", false, errAt(int(res.line), "%s has a resolution of type %q, which is not supported", clip(k.name), clip(typ))
	}
	tarball, err = res.str("tarball")
	return tarball, !isLocal(tarball), err
}

// readPnpmEntry reads "name@version", or "name@https://…" with a version field.
func readPnpmEntry(k nodeKey, n, res *node, tarball string) (npmEntry, error) {
	e := npmEntry{node: res, line: int(k.line), resolved: tarball}
	e.name, e.version = cutNpmID(k.name)
	if err := checkNpmName(e.name); err != nil {
		return e, errAt(e.line, "%w", err)
	}
	stated, err := n.str("version")
	if err != nil {
		return e, err
	}
	if stated != "" {
		e.version = stated
	}
	if err := checkName(e.version); err != nil {
		return e, errAt(e.line, "the version of %s: %w", clip(e.name), err)
	}
	if e.digest, err = npmDigest(res); err != nil {
		return e, err
	}
	err = e.readPlatforms(n)
	return e, err
}

func (p *pnpmParser) artifact(e npmEntry) (Artifact, error) {
	a := Artifact{
		Name: e.name, Version: e.version, Digest: e.digest, Size: SizeUnknown, Only: e.only, Line: e.line,
		PURL: npmPURL(e, nil),
	}
	var err error
	if e.resolved == "" {
		var u string
		u, err = p.src.npmRegistryURL(e)
		a.Path, a.URLs = pnpmDir+"/npm/"+npmFile(e), []string{u}
		return a, err
	}
	u, err := parseURL(e.resolved)
	if err != nil {
		return a, errAt(int(e.node.get("tarball").line), "%s: %w", clip(e.name), err)
	}
	a.URLs = []string{e.resolved}
	switch jsr, isJSR := strings.CutPrefix(e.name, "@jsr/"); {
	case isJSR:
		// JSR serves "@scope/name" to npm's clients as "@jsr/scope__name".
		e.name = strings.Replace(jsr, "__", "/", 1)
		a.Path = pnpmDir + "/jsr/" + npmFile(e)
	case isRegistryTarball(u, e):
		a.Path, a.URLs = pnpmDir+"/npm/"+npmFile(e), p.src.npmURLs(e, u)
	default:
		a.Path = pnpmDir + "/" + npmFile(e)
		a.PURL = npmPURL(e, map[string]string{"download_url": withoutUser(u), "checksum": e.digest.String()})
	}
	return a, nil
}
