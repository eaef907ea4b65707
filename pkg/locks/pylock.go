package locks

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// pipDir is where Hermeto puts Python's files, all in one directory.
const pipDir = "deps/pip"

// pylockName is the file name rule of PEP 751, "File Name".
var pylockName = regexp.MustCompile(`^pylock(\.[^.]+)?\.toml$`)

func isPylock(base string) bool { return pylockName.MatchString(base) }

// parsePylock reads a pylock.toml (PEP 751). Every wheel, sdist and archive of
// every package is an artifact, whatever its markers say: Hermeto's directory
// serves all platforms, and pip chooses among the files by itself. Files that
// the lock takes from the project's own directory ("path", "directory") are
// there already and are no artifacts.
func parsePylock(src Source, b *builder) error {
	doc, err := readTOML(src.Data)
	if err != nil {
		return err
	}
	version, err := doc.need("lock-version", "the lock file")
	if err != nil {
		return err
	}
	if major, _, _ := strings.Cut(version, "."); major != "1" {
		return errAt(doc.get("lock-version").lineOf(doc), "lock-version %q is not supported", clip(version)).
			hint("lock-version 1.0 is; make the lock with that version")
	}
	packages, err := doc.tables("packages")
	if err != nil {
		return err
	}
	if doc.get("packages") == nil {
		return errAt(0, "the lock file has no packages")
	}
	for _, p := range packages {
		if err := addPylockPackage(b, p); err != nil {
			return err
		}
	}
	b.pipEnv(src)
	return nil
}

// pipEnv is what Hermeto sets so that pip, and uv, look nowhere else.
func (b *builder) pipEnv(src Source) {
	b.env("PIP_FIND_LINKS", inOutput(src, pipDir))
	b.env("PIP_NO_INDEX", "true")
}

// pyPackage is one [[packages]] entry.
type pyPackage struct {
	name, version, marker string
	hasWheels             bool
}

func addPylockPackage(b *builder, p *node) error {
	var pkg pyPackage
	var err error
	if pkg.name, err = p.need("name", "a package"); err != nil {
		return err
	}
	if pkg.version, err = p.str("version"); err != nil {
		return err
	}
	if pkg.marker, err = p.str("marker"); err != nil {
		return err
	}
	wheels, err := p.tables("wheels")
	if err != nil {
		return err
	}
	pkg.hasWheels = len(wheels) > 0
	for _, w := range wheels {
		if err := addPyFile(b, pkg, w, false); err != nil {
			return err
		}
	}
	for _, key := range []string{"sdist", "archive"} {
		f, err := p.table(key)
		if err != nil {
			return err
		}
		if f == nil {
			continue
		}
		if err := addPyFile(b, pkg, f, key == "sdist"); err != nil {
			return err
		}
	}
	return addPyVCS(b, pkg, p)
}

// addPyVCS adds the archive of a commit, which Hermeto would make. What it could
// not make is left out with a warning: the package's marker may exclude the
// platform that is built for, and where it doesn't, pip's own message is
// understood with the warning above it.
func addPyVCS(b *builder, pkg pyPackage, p *node) error {
	vcs, err := p.table("vcs")
	if err != nil || vcs == nil {
		return err
	}
	typ, err := vcs.str("type")
	if err != nil {
		return err
	}
	raw, err := vcs.str("url")
	if err != nil {
		return err
	}
	commit, err := vcs.str("commit-id")
	if err != nil {
		return err
	}
	u, bad := parseURL(overHTTPS(raw))
	if known := typ == "git" && bad == nil && isCommit(commit); !known {
		b.warn("%s:%d: %s comes from version control, but not from a commit (40 hex digits) of a git repository with an https or ssh URL: it is left out",
			b.lock.File, vcs.line, clip(pkg.name))
		return nil
	}
	a, err := gitArchive(pkg.name, pkg.version, u, commit)
	if err != nil {
		return inLine(int(vcs.line), err)
	}
	a.Only.Marker, a.Line = pkg.marker, int(vcs.line)
	return b.add(a)
}

// addPyFile adds a wheel, sdist or archive.
func addPyFile(b *builder, pkg pyPackage, f *node, sdist bool) error {
	raw, err := f.str("url")
	if err != nil {
		return err
	}
	if raw == "" {
		return needPath(pkg, f)
	}
	line := int(f.line)
	u, err := parseURL(raw)
	if err != nil {
		return errAt(f.get("url").lineOf(f), "%s: %w", clip(pkg.name), err)
	}
	name, err := pyFileName(f, u)
	if err != nil {
		return err
	}
	if err := checkName(name); err != nil {
		return errAt(line, "%s: %w", clip(pkg.name), err)
	}
	d, err := strongest(f)
	if err != nil {
		return err
	}
	size, err := f.size("size")
	if err != nil {
		return err
	}
	return b.add(Artifact{
		Name:    pkg.name,
		Version: pkg.version,
		Path:    pipDir + "/" + name,
		URLs:    []string{raw},
		Digest:  d,
		Size:    size,
		Only:    Constraint{Marker: pkg.marker, Source: sdist && pkg.hasWheels},
		PURL:    purl("pypi", "", pypiName(pkg.name), pkg.version, nil),
		Line:    line,
	})
}

// pypiName is the name in a purl, by the rules of its type "pypi".
func pypiName(name string) string {
	return strings.ReplaceAll(strings.ToLower(name), "_", "-")
}

// needPath accepts a file of the project itself.
func needPath(pkg pyPackage, f *node) error {
	p, err := f.str("path")
	if err == nil && p == "" {
		err = errAt(int(f.line), "a file of %s has neither url nor path", clip(pkg.name))
	}
	return err
}

// pyFileName is the file's name: stated, or the URL's last segment (PEP 751,
// "packages.wheels.name"), in which "%2B" stands for the "+" of a local version.
func pyFileName(f *node, u *url.URL) (string, error) {
	name, err := f.str("name")
	if err != nil || name != "" {
		return name, err
	}
	if name, err = decodedBase(u); err != nil {
		return "", errAt(int(f.line), "the URL's last segment can't be decoded: %w", err)
	}
	return name, nil
}

// strongest reads a table of hashes. Algorithms that lazybuild doesn't know are
// passed over as long as there is one that it does: a file must never be served
// unverified because its lock was too modern.
func strongest(f *node) (digest.Digest, error) {
	hashes, err := f.table("hashes")
	if hashes == nil || err != nil {
		return "", err
	}
	var best digest.Digest
	for i, k := range hashes.keys {
		algo := strings.ToLower(k.name)
		if (digest.Digest(algo + ":")).Strength() == 0 {
			continue
		}
		v := hashes.items[i]
		if v.kind != kindString {
			return "", errAt(int(v.line), "the %s hash is %s, not a string", clip(k.name), v.what())
		}
		d, err := digest.New(algo, v.text)
		if err != nil {
			return "", errAt(int(v.line), "%w", err)
		}
		if d.Strength() > best.Strength() {
			best = d
		}
	}
	if best == "" && len(hashes.keys) > 0 {
		return "", errAt(int(hashes.line), "none of the file's hash algorithms is supported").
			hint("sha256, sha384, sha512, sha1 and md5 are")
	}
	return best, nil
}
