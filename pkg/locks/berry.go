package locks

import (
	"bytes"
	"crypto/sha512"
	"encoding/hex"
	"net/url"
	"strings"

	"golang.org/x/mod/semver"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

const (
	// berryDir is yarn's global folder, in which it looks for archives.
	berryDir = "deps/yarn"
	// berryKey is the version of yarn's archives that can be made here: that of
	// yarn 4 with its default of no compression. Others hold what zlib made of them.
	berryKey = "10c0"
)

// isBerry tells a lock of yarn 2 and later from one of yarn 1.
func isBerry(data []byte) bool {
	return bytes.HasPrefix(data, []byte("__metadata:")) || bytes.Contains(data, []byte("\n__metadata:"))
}

// parseBerry reads a yarn.lock of yarn 4. Its checksums are those of archives
// that yarn makes of the tarballs; here they are made on first use, and held
// against the lock. Packages of the project itself are its own files. Patched
// packages yarn makes itself, of the archive of what they patch.
func parseBerry(src Source, b *builder) error {
	doc, err := readYAML(src.Data)
	if err != nil {
		return err
	}
	if doc.kind != kindMap {
		return errAt(int(doc.line), "the lock file is %s, not a table", doc.what())
	}
	if err := berryMetadata(doc); err != nil {
		return err
	}
	unsure := 0
	for i, k := range doc.keys {
		if k.name == "__metadata" {
			continue
		}
		n := doc.items[i]
		if n.kind != kindMap {
			return errAt(int(k.line), "%s is %s, not a table", clip(k.name), n.what())
		}
		a, err := berryArtifact(src, n, int(k.line))
		if err != nil {
			return err
		}
		if a == nil {
			continue
		}
		if a.Make.Args["sha512"] == "" {
			unsure++
		}
		if i, ok := b.byPath[a.Path]; ok && b.lock.Artifacts[i].Make.Args["sha512"] != a.Make.Args["sha512"] {
			return errAt(a.Line, "%s is locked as two archives (first in line %d)", clip(a.Name), b.lock.Artifacts[i].Line).hint("make the lock again")
		}
		if err := b.add(*a); err != nil {
			return err
		}
	}
	if unsure > 0 {
		b.warn("%d packages that only some platforms need have no checksum in the lock; they are served under --lazy-allow-unverified=all alone", unsure)
	}
	b.env("YARN_GLOBAL_FOLDER", inOutput(src, berryDir))
	b.env("YARN_ENABLE_GLOBAL_CACHE", "false")
	b.env("YARN_ENABLE_MIRROR", "true")
	b.env("YARN_ENABLE_IMMUTABLE_CACHE", "false")
	return nil
}

func berryMetadata(doc *node) error {
	meta, err := doc.table("__metadata")
	if err != nil {
		return err
	}
	if meta == nil {
		return errAt(int(doc.line), "the lock file has no __metadata")
	}
	key, err := meta.need("cacheKey", "__metadata")
	if err != nil {
		return err
	}
	if key != berryKey {
		return errAt(int(meta.get("cacheKey").line), "the lock is of archives of the kind %q, which only yarn itself can make", clip(key)).unsupported().
			hint("%s is supported: yarn 4 with compressionLevel 0, its default; for others see docs/inputs.md", berryKey)
	}
	return nil
}

// berryArtifact is nil for an entry whose files are the project's own, or made
// by yarn of other entries.
func berryArtifact(src Source, n *node, line int) (*Artifact, error) {
	resolution, err := n.need("resolution", "an entry")
	if err != nil {
		return nil, err
	}
	name, reference := cutNpmID(resolution)
	at := int(n.get("resolution").line)
	if err := checkNpmName(name); err != nil {
		return nil, errAt(at, "%w", err)
	}
	e := npmEntry{name: name, line: line}
	protocol, selector := cutReference(reference)
	a := &Artifact{Name: name, Size: SizeUnknown, Line: line, Path: berryDir + "/cache/" + berrySlug(name, reference) + "-" + berryKey + ".zip"}
	switch protocol {
	case "npm":
		e.version = selector
		if err := checkName(selector); err != nil {
			return nil, errAt(at, "%s: the version: %w", clip(name), err)
		}
		u, err := berryURL(src, e, reference)
		if err != nil {
			return nil, err
		}
		a.URLs, a.Version, a.PURL = []string{u}, e.version, npmPURL(e, nil)
	case "http", "https":
		u, err := parseURL(strings.Split(reference, "::")[0])
		if err != nil {
			return nil, errAt(at, "%s: %w", clip(name), err)
		}
		if isGitByHTTP(u.String()) {
			return nil, berryUnsupported(at, name)
		}
		e.version, _ = n.str("version")
		a.URLs, a.Version, a.PURL = []string{u.String()}, e.version, npmPURL(e, map[string]string{"download_url": withoutUser(u)})
	case "workspace", "link", "portal", "file", "patch", "exec":
		return nil, nil
	default:
		return nil, berryUnsupported(at, name)
	}
	sum, err := berrySum(n)
	if err != nil {
		return nil, err
	}
	a.Only = berryConditions(n)
	a.Make = &Make{Kind: MakeYarnZip, Args: map[string]string{"prefix": "node_modules/" + name, "sha512": sum}}
	return a, nil
}

func berryUnsupported(line int, name string) *Error {
	return errAt(line, "%s comes from git, of which only yarn itself can make an archive", clip(name)).unsupported().
		hint("use a released version, or see docs/inputs.md")
}

// cutReference cuts "npm:1.0.0::params" into protocol and selector.
func cutReference(reference string) (protocol, selector string) {
	protocol, selector, ok := strings.Cut(reference, ":")
	if !ok {
		return "", reference
	}
	selector, _, _ = strings.Cut(selector, "::")
	return protocol, selector
}

// berrySlug is the name that yarn gives to what it keeps of a package: scope and
// name, protocol, version where there is one, and the beginning of a hash.
func berrySlug(name, reference string) string {
	scope, base, scoped := strings.Cut(strings.TrimPrefix(name, "@"), "/")
	slug := name
	if scoped {
		slug = "@" + scope + "-" + base
	} else {
		scope, base = "", name
	}
	protocol, selector := cutReference(reference)
	slug += "-" + protocol
	if v, ok := strings.CutPrefix(selector, "v"); semver.IsValid("v"+v) && strings.Count(strings.SplitN(v, "-", 2)[0], ".") == 2 && !ok {
		slug += "-" + strings.SplitN(v, "+", 2)[0]
	}
	ident := sha512.Sum512([]byte(scope + base))
	locator := sha512.Sum512([]byte(hex.EncodeToString(ident[:]) + reference))
	return slug + "-" + hex.EncodeToString(locator[:5])
}

// berryURL is where a package of a registry is: where the lock says, else in
// the user's own registry.
func berryURL(src Source, e npmEntry, reference string) (string, error) {
	_, params, _ := strings.Cut(reference, "::")
	for param := range strings.SplitSeq(params, "&") {
		value, ok := strings.CutPrefix(param, "__archiveUrl=")
		if !ok {
			continue
		}
		raw, err := url.QueryUnescape(value)
		if err != nil {
			return "", errAt(e.line, "%s: the URL can't be read", clip(e.name))
		}
		if _, err := parseURL(raw); err != nil {
			return "", errAt(e.line, "%s: %w", clip(e.name), err)
		}
		return raw, nil
	}
	return src.npmRegistryURL(e)
}

// berrySum is the lock's checksum of the archive: "10c0/<hex of a sha512>".
func berrySum(n *node) (string, error) {
	sum, err := n.str("checksum")
	if err != nil || sum == "" {
		return "", err
	}
	key, value, ok := strings.Cut(sum, "/")
	at := int(n.get("checksum").line)
	if !ok || key != berryKey {
		return "", errAt(at, "the checksum %q is not %s/<hex>", clip(sum), berryKey).unsupported()
	}
	d, err := digest.New("sha512", value)
	if err != nil {
		return "", errAt(at, "%w", err)
	}
	return d.Hex(), nil
}

// berryConditions reads "os=linux & cpu=x64 & libc=glibc", with alternatives as
// "(os=a | os=b)". What can't be read restricts nothing.
func berryConditions(n *node) Constraint {
	var c Constraint
	text, err := n.str("conditions")
	if err != nil {
		return c
	}
	for part := range strings.SplitSeq(text, "&") {
		for one := range strings.SplitSeq(strings.Trim(strings.TrimSpace(part), "()"), "|") {
			key, value, ok := strings.Cut(strings.TrimSpace(one), "=")
			if !ok {
				continue
			}
			switch key {
			case "os":
				c.OS = append(c.OS, value)
			case "cpu":
				c.CPU = append(c.CPU, value)
			case "libc":
				c.Libc = append(c.Libc, value)
			}
		}
	}
	return c
}
