package plan

import (
	"fmt"
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/sbom"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// maxComponents bounds what goes into bom.json: it has some 450 bytes for each,
// and travels with the tree.
const maxComponents = 100_000

// generated adds the two files that Hermeto leaves beside deps/. They belong to
// no lock; as every file needs an input, they are given to the first.
func (b *builder) generated() {
	if len(b.inputs) == 0 {
		return
	}
	b.files = append(b.files, tree.File{Path: ".build-config.json", Content: b.buildConfig()})
	if b.named > maxComponents {
		b.plan.Warnings = append(b.plan.Warnings, fmt.Sprintf("the locks name %d files, more than the %d that bom.json can list: it is left out", b.named, maxComponents))
		return
	}
	b.files = append(b.files, tree.File{Path: "bom.json", Content: sbom.Write(b.boms)})
}

// components notes what a lock provides for bom.json.
func (b *builder) components(r readLock) {
	lock := r.lock
	if b.named += len(lock.Artifacts); b.named > maxComponents {
		b.boms = nil // a list that nobody gets needs no memory
		return
	}
	file := b.inSource(r.path)
	list := make([]sbom.Component, 0, len(lock.Artifacts))
	for i := range lock.Artifacts {
		a := &lock.Artifacts[i]
		if a.PURL == "" {
			continue
		}
		c := sbom.Component{Name: a.Name, Version: a.Version, PURL: a.PURL, BuildOnly: r.build, Development: a.Development}
		if (a.Digest == "" || a.Unverified) && a.Make == nil {
			c.NoHash = file
		}
		switch lock.Type {
		case "pip":
			c.Wheel = strings.HasSuffix(a.Path, ".whl")
		case "bundler":
			c.Gem = path.Base(a.Path) != a.Name+"-"+a.Version+".gem"
		case "generic":
			c.File = strings.HasPrefix(a.PURL, "pkg:generic/")
			c.URL = withoutUser(a.URLs)
		case "rpm":
			c.Version = rpmVersion(a.Version)
		}
		list = append(list, c)
	}
	b.boms = append(b.boms, sbom.Backend{Type: lock.Type, Components: list})
}

// inSource is a file's path from the repository's root, or from the context: what
// goes into the tree must not depend on where the project is, or on where the
// user stands.
func (b *builder) inSource(path string) string {
	for _, dir := range []string{b.o.repository(), b.o.ContextDir} {
		if rel, err := filepath.Rel(dir, path); err == nil && dir != "" && filepath.IsLocal(rel) {
			return filepath.ToSlash(rel)
		}
	}
	return filepath.Base(path)
}

// rpmVersion is the version alone of "epoch:version-release".
func rpmVersion(evr string) string {
	if _, rest, ok := strings.Cut(evr, ":"); ok {
		evr = rest
	}
	if i := strings.LastIndexByte(evr, '-'); i >= 0 {
		evr = evr[:i]
	}
	return evr
}

// withoutUser is the first URL without user information; what can't be read is
// left out.
func withoutUser(urls []string) string {
	if len(urls) == 0 {
		return ""
	}
	u, err := url.Parse(urls[0])
	if err != nil {
		return ""
	}
	u.User = nil
	return u.String()
}
