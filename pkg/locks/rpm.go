package locks

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// rpmDir is where Hermeto puts RPMs: below it <arch>/<repoid>/<file>.
const rpmDir = "deps/rpm"

// parseRPM reads an rpms.lock.yaml (lockfileVersion 1, lockfileVendor redhat).
// All of it is checked; artifacts are made for Source.Arches alone, because dnf
// must not see another architecture's repositories. Keys that Hermeto doesn't
// know (name, evr, sourcerpm, …) are allowed, as there.
func parseRPM(src Source, b *builder) error {
	doc, err := readYAML(src.Data)
	if err != nil {
		return err
	}
	if err := rpmHeader(doc); err != nil {
		return err
	}
	arches, err := doc.tables("arches")
	if err != nil {
		return err
	}
	if doc.get("arches") == nil {
		return errAt(int(doc.line), "the lock file has no arches")
	}
	sections := make([]rpmSection, 0, len(arches))
	for _, a := range arches {
		s, err := readSection(a)
		if err != nil {
			return err
		}
		sections = append(sections, s)
	}
	p := rpmParser{src: src, b: b, madeUp: madeUpRepoid(sections), repos: make(map[string]int)}
	return p.addAll(sections)
}

func rpmHeader(doc *node) error {
	if doc.kind != kindMap {
		return errAt(int(doc.line), "the lock file is %s, not a table", doc.what())
	}
	for _, want := range []struct{ key, value string }{
		{"lockfileVersion", "1"}, {"lockfileVendor", "redhat"},
	} {
		got, err := doc.need(want.key, "the lock file")
		if err != nil {
			return err
		}
		if got != want.value {
			return errAt(int(doc.get(want.key).line), "%s %q is not supported", want.key, clip(got)).
				hint("%s is", want.value)
		}
	}
	return nil
}

// rpmSection is what the lock says about one architecture.
type rpmSection struct {
	arch  string
	line  int
	files []rpmFile
}

type rpmKind uint8

const (
	rpmPackage rpmKind = iota
	rpmSource
	rpmModules
)

type rpmFile struct {
	kind          rpmKind
	url, base     string
	repoid        string // empty when the lock states none
	name, version string
	digest        digest.Digest
	size          int64
	line          int
}

func readSection(n *node) (rpmSection, error) {
	s := rpmSection{line: int(n.line)}
	var err error
	if s.arch, err = n.need("arch", "an entry of arches"); err != nil {
		return s, err
	}
	if !isArch(s.arch) {
		return s, errAt(n.get("arch").lineOf(n), "%q is not an architecture", clip(s.arch))
	}
	for kind, key := range []string{"packages", "source", "module_metadata"} {
		items, err := n.tables(key)
		if err != nil {
			return s, err
		}
		for _, it := range items {
			f, err := readRPM(it, rpmKind(kind))
			if err != nil {
				return s, err
			}
			s.files = append(s.files, f)
		}
	}
	return s, nil
}

func isArch(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isBareKey(s[i]) {
			return false
		}
	}
	return s != "" && len(s) < 32
}

func readRPM(n *node, kind rpmKind) (rpmFile, error) {
	f := rpmFile{kind: kind, line: int(n.line)}
	var err error
	if f.url, err = n.need("url", "an RPM"); err != nil {
		return f, err
	}
	u, err := parseURL(f.url)
	if err != nil {
		return f, errAt(int(n.get("url").line), "%w", err)
	}
	f.base = rawBase(u)
	if err := checkName(f.base); err != nil {
		return f, errAt(int(n.get("url").line), "the end of the URL: %w", err)
	}
	if f.repoid, err = n.str("repoid"); err != nil {
		return f, err
	}
	if err := checkRepoid(n, f); err != nil {
		return f, err
	}
	sum, err := n.str("checksum")
	if err != nil {
		return f, err
	}
	if sum != "" {
		if f.digest, err = checksum(n.get("checksum"), sum); err != nil {
			return f, err
		}
	}
	if f.size, err = n.size("size"); err != nil {
		return f, err
	}
	f.name, f.version, err = nevra(n, f.base)
	return f, err
}

// checkRepoid refuses what can't be a directory of the tree or a section of a
// .repo file. dnf itself takes letters, digits and "-_.:" (libdnf, REPOID_CHARS).
func checkRepoid(n *node, f rpmFile) error {
	if f.repoid == "" {
		if f.kind == rpmModules {
			return errAt(int(n.line), "an entry of module_metadata has no repoid")
		}
		return nil
	}
	bad := f.repoid[0] == '.' || len(f.repoid) > maxNameBytes || f.repoid == "repos.d"
	for i := 0; i < len(f.repoid); i++ {
		bad = bad || !isBareKey(f.repoid[i]) && f.repoid[i] != '.' && f.repoid[i] != ':'
	}
	if bad || strings.Contains(f.repoid, "..") {
		return errAt(int(n.get("repoid").line), "the repoid %q can't be the name of a directory of RPMs", clip(f.repoid)).
			hint("letters, digits and -_.: are allowed, no dot in front")
	}
	return nil
}

// nevra gives the name and the version of an RPM: as the lock states them, else
// from the file name <name>-<version>-<release>.<arch>.rpm.
func nevra(n *node, base string) (name, version string, err error) {
	if !strings.HasSuffix(base, ".rpm") {
		return base, "", nil // module metadata
	}
	if name, err = n.str("name"); err != nil {
		return "", "", err
	}
	if version, err = n.str("evr"); err != nil {
		return "", "", err
	}
	stem := strings.TrimSuffix(base, ".rpm")
	if i := strings.LastIndexByte(stem, '.'); i > 0 {
		stem = stem[:i]
	}
	cut := len(stem)
	for range 2 {
		if i := strings.LastIndexByte(stem[:cut], '-'); i > 0 {
			cut = i
		}
	}
	if name == "" {
		name = stem[:cut]
	}
	if version == "" {
		version = strings.TrimPrefix(stem[cut:], "-")
	}
	return name, version, nil
}

// madeUpRepoid names the directory of the RPMs that have no repoid. Hermeto
// takes six random digits per lock file; here they follow from those RPMs, so
// that the same lock always makes the same tree.
func madeUpRepoid(sections []rpmSection) string {
	var ids []string
	for _, s := range sections {
		for _, f := range s.files {
			if f.repoid == "" {
				ids = append(ids, s.arch+"\x00"+f.url+"\x00"+f.digest.String()+"\n")
			}
		}
	}
	slices.Sort(ids)
	sum := sha256.Sum256([]byte(strings.Join(ids, "")))
	return "hermeto-" + hex.EncodeToString(sum[:3])
}
