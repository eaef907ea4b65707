package locks

import (
	"net/url"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

const (
	// mavenDir is where Hermeto makes Maven's local repository.
	mavenDir = "deps/maven"
	// mavenRepoID is the repository from which that repository's files are said to
	// come; settings.xml has a mirror of this name.
	mavenRepoID = "hermeto-local"
)

// parseMaven reads the lockfile.json of maven-lockfile (lockFileVersion 1). The
// tree is a local repository for Maven: each artifact, the POM beside each jar,
// their checksum files, and the notes from which repository they came. The lock
// states no checksum for the POM of a jar; where a parent or a BOM is named with
// one, that counts.
func parseMaven(src Source, b *builder) error {
	doc, err := readJSON(src.Data)
	if err != nil {
		return err
	}
	if doc.kind != kindMap {
		return errAt(int(doc.line), "the lock file is %s, not a table", doc.what())
	}
	if err := mavenHeader(doc); err != nil {
		return err
	}
	m := mavenParser{src: src, b: b}
	if err := m.lists(doc, "dependencies", "mavenPlugins", "mavenExtensions", "boms"); err != nil {
		return err
	}
	// The project's own POM is its own file; what it builds upon is not.
	pom, err := doc.table("pom")
	if err != nil {
		return err
	}
	if pom != nil {
		if err := m.around(pom); err != nil {
			return err
		}
	}
	if err := m.poms(); err != nil {
		return err
	}
	m.texts()
	b.env("MAVEN_ARGS", "-s "+inOutput(src, "settings.xml"))
	return nil
}

// mavenHeader tells the lock from other files of its name, which is a common one.
func mavenHeader(doc *node) error {
	for _, key := range []string{"artifactId", "dependencies", "mavenPlugins"} {
		if doc.get(key) == nil {
			return errAt(int(doc.line), "the file has no %s, so it is no lock of maven-lockfile", key).unsupported().
				hint("mvn io.github.chains-project:maven-lockfile:generate makes one")
		}
	}
	if v := doc.get("lockFileVersion"); v != nil && v.text != "1" {
		return errAt(int(v.line), "lockFileVersion %s is not supported", clip(v.text)).hint("1 is")
	}
	return nil
}

type mavenParser struct {
	src  Source
	b    *builder
	sums []mavenSum
}

// mavenSum is the content of a checksum file.
type mavenSum struct{ path, text string }

// lists adds the artifacts in the lists under the keys, and what is in them.
func (m *mavenParser) lists(n *node, keys ...string) error {
	for _, key := range keys {
		items, err := n.tables(key)
		if err != nil {
			return err
		}
		for _, it := range items {
			if err := m.add(it); err != nil {
				return err
			}
		}
	}
	return nil
}

// around adds what an artifact's own POM builds upon, and what it depends on.
// "parent" is a POM in some places, and the name of an artifact in others. The
// recursion is as deep as the document, which readJSON bounds.
func (m *mavenParser) around(n *node) error {
	for _, key := range []string{"parent", "parentPom", "pom"} {
		if p := n.get(key); p != nil && p.kind == kindMap {
			if err := m.add(p); err != nil {
				return err
			}
		}
	}
	return m.lists(n, "boms", "children", "dependencies")
}

func (m *mavenParser) add(n *node) error {
	a, sum, err := mavenArtifact(n)
	if err != nil {
		return err
	}
	// A lock names most artifacts several times.
	if i, ok := m.b.byPath[a.Path]; !ok || m.b.lock.Artifacts[i].Digest != a.Digest {
		if err := m.b.add(a); err != nil {
			return err
		}
		m.sums = append(m.sums, mavenSum{a.Path + "." + a.Digest.Algorithm(), sum})
	}
	return m.around(n)
}

func mavenArtifact(n *node) (a Artifact, sum string, err error) {
	var group, algo string
	for _, f := range []struct {
		key string
		to  *string
	}{{"groupId", &group}, {"artifactId", &a.Name}, {"version", &a.Version}, {"checksumAlgorithm", &algo}, {"checksum", &sum}} {
		if *f.to, err = n.need(f.key, "an artifact"); err != nil {
			return a, "", err
		}
	}
	raw, err := n.need("resolved", "an artifact")
	if err != nil {
		return a, "", err
	}
	u, err := parseURL(raw)
	if err != nil {
		return a, "", errAt(int(n.get("resolved").line), "%w", err)
	}
	// Java's names: "SHA-256".
	if a.Digest, err = digest.New(strings.ToLower(strings.ReplaceAll(algo, "-", "")), sum); err != nil {
		return a, "", errAt(int(n.get("checksum").line), "%w", err)
	}
	file, err := decodedBase(u)
	if err != nil {
		return a, "", errAt(int(n.get("resolved").line), "the URL: %w", err)
	}
	for _, part := range append(strings.Split(group, "."), a.Name, a.Version, file) {
		if err := checkName(part); err != nil {
			return a, "", errAt(int(n.line), "%s: %w", clip(a.Name), err)
		}
	}
	a.Path = strings.Join([]string{mavenDir, strings.ReplaceAll(group, ".", "/"), a.Name, a.Version, file}, "/")
	a.URLs, a.Size, a.Line = []string{raw}, SizeUnknown, int(n.line)
	a.PURL = purl("maven", group, a.Name, a.Version, nil)
	return a, sum, nil
}

// poms adds the POM beside each jar, unless the lock has named it.
func (m *mavenParser) poms() error {
	count := 0
	for _, a := range slices.Clone(m.b.lock.Artifacts) {
		if !strings.HasSuffix(a.Path, ".jar") {
			continue
		}
		name := a.Name + "-" + a.Version + ".pom"
		pom := a
		pom.PURL = "" // it is no component beside its jar
		pom.Path = a.Path[:strings.LastIndexByte(a.Path, '/')+1] + name
		if _, ok := m.b.byPath[pom.Path]; ok {
			continue
		}
		u, err := url.Parse(a.URLs[0])
		if err != nil {
			return errAt(a.Line, "the URL of %s: %w", clip(a.Name), err)
		}
		pom.URLs, pom.Digest = []string{u.ResolveReference(&url.URL{Path: "./" + name}).String()}, ""
		if err := m.b.add(pom); err != nil {
			return err
		}
		count++
	}
	if count > 0 {
		m.b.warn("the lock states no checksum for the POMs of %d jars; they are served under --lazy-allow-unverified=all alone", count)
	}
	return nil
}

// texts are the files that Maven finds beside the artifacts, and its settings.
func (m *mavenParser) texts() {
	texts := map[string][]byte{"settings.xml": mavenSettings(m.src)}
	for _, s := range m.sums {
		texts[s.path] = []byte(s.text)
	}
	for i := range m.b.lock.Artifacts {
		p := m.b.lock.Artifacts[i].Path
		cut := strings.LastIndexByte(p, '/') + 1
		notes := p[:cut] + "_remote.repositories"
		texts[notes] = append(texts[notes], p[cut:]+">"+mavenRepoID+"=\n"...)
	}
	m.b.lock.Texts = texts
}

// mavenSettings make Maven take everything from the tree, and nothing from
// elsewhere (maven.apache.org, "Settings Reference").
func mavenSettings(src Source) []byte {
	dir := xmlEscaper.Replace(inOutput(src, mavenDir))
	return []byte(`<?xml version="1.0" encoding="UTF-8"?>
<settings xmlns="http://maven.apache.org/SETTINGS/1.2.0"
          xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
          xsi:schemaLocation="http://maven.apache.org/SETTINGS/1.2.0 https://maven.apache.org/xsd/settings-1.2.0.xsd">
  <localRepository>` + dir + `</localRepository>
  <offline>true</offline>
  <mirrors>
    <mirror>
      <id>` + mavenRepoID + `</id>
      <mirrorOf>*</mirrorOf>
      <url>file://` + dir + `</url>
    </mirror>
  </mirrors>
  <profiles>
    <profile>
      <activation>
        <activeByDefault>true</activeByDefault>
      </activation>
      <properties>
        <maven.test.skip>true</maven.test.skip>
      </properties>
    </profile>
  </profiles>
</settings>
`)
}

var xmlEscaper = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")
