package locks

import (
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// genericDir is where Hermeto puts the files of artifacts.lock.yaml.
const genericDir = "deps/generic"

// parseGeneric reads an artifacts.lock.yaml, version 1.0 or 2.0 (Hermeto's
// documentation, "Generic fetcher"). Version 2.0 adds auth. As in Hermeto,
// unknown keys are refused: a misspelt key must not change what is fetched.
func parseGeneric(src Source, b *builder) error {
	doc, err := readYAML(src.Data)
	if err != nil {
		return err
	}
	if doc.kind != kindMap {
		return errAt(int(doc.line), "the lock file is %s, not a table", doc.what())
	}
	version, err := genericVersion(doc)
	if err != nil {
		return err
	}
	if err := doc.onlyKeys("the lock file", "metadata", "artifacts"); err != nil {
		return err
	}
	artifacts, err := doc.tables("artifacts")
	if err != nil {
		return err
	}
	if doc.get("artifacts") == nil {
		return errAt(int(doc.line), "the lock file has no artifacts")
	}
	g := genericParser{b: b, v2: version == "2.0", byURL: make(map[string]int)}
	for _, a := range artifacts {
		if err := g.add(a); err != nil {
			return err
		}
	}
	return nil
}

func genericVersion(doc *node) (string, error) {
	meta, err := doc.table("metadata")
	if err != nil {
		return "", err
	}
	if meta == nil {
		return "", errAt(int(doc.line), "the lock file has no metadata")
	}
	if err := meta.onlyKeys("metadata", "version"); err != nil {
		return "", err
	}
	version, err := meta.need("version", "metadata")
	if err != nil {
		return "", err
	}
	if version != "1.0" && version != "2.0" {
		return "", errAt(int(meta.get("version").line), "metadata version %q is not supported", clip(version)).
			hint(`"1.0" and "2.0" are`)
	}
	return version, nil
}

type genericParser struct {
	b     *builder
	v2    bool
	byURL map[string]int // line of the artifact that has the URL
}

func (g *genericParser) add(n *node) error {
	out := Artifact{Size: SizeUnknown, Line: int(n.line)}
	var err error
	if out.Digest, err = genericChecksum(n); err != nil {
		return err
	}
	typ, err := n.str("type")
	if err != nil {
		return err
	}
	var name string
	switch typ {
	case "":
		name, err = g.plain(n, &out)
	case "maven":
		name, err = g.maven(n, &out)
	default:
		err = errAt(int(n.get("type").line), "the artifact type %q is not known", clip(typ)).
			hint("leave type out, or use maven")
	}
	if err != nil {
		return err
	}
	if out.Auth, err = g.auth(n); err != nil {
		return err
	}
	if err := g.place(n, &out, name); err != nil {
		return err
	}
	return g.b.add(out)
}

// place sets the path, and refuses what Hermeto refuses: two artifacts with
// one file name or one URL.
func (g *genericParser) place(n *node, a *Artifact, name string) error {
	at := int(n.line)
	if given, err := n.str("filename"); err != nil {
		return err
	} else if given != "" {
		name, at = given, int(n.get("filename").line)
	}
	if err := checkPath(name); err != nil {
		return errAt(at, "%w", err)
	}
	a.Path = genericDir + "/" + name
	if first, ok := g.b.byPath[a.Path]; ok {
		return errAt(at, "the file name %q is there twice (first in line %d)", name, g.b.lock.Artifacts[first].Line).
			hint("give one of them another filename")
	}
	if line, ok := g.byURL[a.URLs[0]]; ok {
		return errAt(int(n.line), "the URL of this artifact is there twice (first in line %d)", line)
	}
	g.byURL[a.URLs[0]] = a.Line
	return nil
}

func genericChecksum(n *node) (digest.Digest, error) {
	sum, err := n.need("checksum", "an artifact")
	if err != nil {
		return "", err
	}
	return checksum(n.get("checksum"), sum)
}

// checksum reads "<algorithm>:<hex>" with the algorithm in either case.
func checksum(at *node, sum string) (digest.Digest, error) {
	algo, value, ok := strings.Cut(sum, ":")
	if !ok {
		return "", errAt(int(at.line), "the checksum %q is not <algorithm>:<hex>", clip(sum))
	}
	d, err := digest.New(strings.ToLower(algo), value)
	if err != nil {
		return "", errAt(int(at.line), "%w", err)
	}
	return d, nil
}

// plain is an artifact with a download_url.
func (g *genericParser) plain(n *node, out *Artifact) (string, error) {
	if err := g.onlyKeys(n, "download_url"); err != nil {
		return "", err
	}
	raw, err := n.need("download_url", "an artifact")
	if err != nil {
		return "", err
	}
	u, err := parseURL(raw)
	if err != nil {
		return "", errAt(int(n.get("download_url").line), "%w", err)
	}
	out.URLs = []string{raw}
	name := rawBase(u)
	if name == "" {
		if given, err := n.str("filename"); err != nil || given == "" {
			return "", errAt(int(n.line), "the URL ends with / and names no file").hint("add a filename")
		}
	}
	given, err := n.str("filename")
	out.Name = given
	if given == "" {
		out.Name = name
	}
	out.Name = out.Name[strings.LastIndexByte(out.Name, '/')+1:]
	out.PURL = purl("generic", "", out.Name, "", map[string]string{
		"download_url": withoutUser(u), "checksum": out.Digest.String(),
	})
	return name, err
}

func (g *genericParser) onlyKeys(n *node, more ...string) error {
	known := append([]string{"checksum", "filename"}, more...)
	if g.v2 {
		known = append(known, "auth")
	} else if i := n.find("auth"); i >= 0 {
		return errAt(int(n.keys[i].line), "auth needs metadata version 2.0").
			hint(`write version: "2.0"`)
	}
	return n.onlyKeys("an artifact", known...)
}
