package locks

import (
	"net/url"
	"strings"
)

// maven is an artifact whose URL and name follow from its coordinates.
func (g *genericParser) maven(n *node, out *Artifact) (string, error) {
	if err := g.onlyKeys(n, "type", "attributes"); err != nil {
		return "", err
	}
	attrs, err := n.table("attributes")
	if err != nil {
		return "", err
	}
	if attrs == nil {
		return "", errAt(int(n.line), "a maven artifact has no attributes")
	}
	c, err := readCoordinates(attrs)
	if err != nil {
		return "", err
	}
	if err := attrs.onlyKeys("attributes", "repository_url", "group_id", "artifact_id", "version", "type", "classifier"); err != nil {
		return "", err
	}
	repo, err := parseURL(c.repository)
	if err != nil {
		return "", errAt(int(attrs.get("repository_url").line), "%w", err)
	}
	out.Name, out.Version = c.artifact, c.version
	out.URLs = []string{repo.JoinPath(c.path()...).String()}
	out.PURL = purl("maven", c.group, c.artifact, c.version, map[string]string{
		"type": c.typ, "classifier": c.classifier,
		"repository_url": withoutUser(repo), "checksum": out.Digest.String(),
	})
	return c.file(), nil
}

// coordinates are what Maven calls GAV, with type and classifier.
type coordinates struct {
	repository, group, artifact, version, typ, classifier string
}

func readCoordinates(n *node) (c coordinates, err error) {
	for _, f := range []struct {
		key      string
		to       *string
		optional bool
	}{
		{"repository_url", &c.repository, false},
		{"group_id", &c.group, false},
		{"artifact_id", &c.artifact, false},
		{"version", &c.version, false},
		{"type", &c.typ, true},
		{"classifier", &c.classifier, true},
	} {
		if *f.to, err = n.str(f.key); err != nil {
			return c, err
		}
		if *f.to == "" && !f.optional {
			return c, errAt(int(n.line), "a maven artifact has no %s", f.key)
		}
		if f.key != "repository_url" && *f.to != "" {
			if err := checkName(*f.to); err != nil {
				return c, errAt(int(n.get(f.key).line), "%s: %w", f.key, err)
			}
		}
	}
	if c.typ == "" {
		c.typ = "jar"
	}
	return c, nil
}

// file is the artifact's name in a Maven repository (Maven repository layout).
func (c coordinates) file() string {
	name := c.artifact + "-" + c.version
	if c.classifier != "" {
		name += "-" + c.classifier
	}
	return name + "." + c.extension()
}

// path is the artifact's place below the repository's URL, each segment escaped.
func (c coordinates) path() []string {
	segs := append(strings.Split(c.group, "."), c.artifact, c.version, c.file())
	for i, s := range segs {
		segs[i] = url.PathEscape(s)
	}
	return segs
}

// extension maps Maven's types to file extensions (Maven, "Default Artifact Handlers").
func (c coordinates) extension() string {
	switch c.typ {
	case "maven-plugin", "ejb", "ejb-client", "javadoc", "javadoc-source", "test-jar":
		return "jar"
	}
	return c.typ
}
