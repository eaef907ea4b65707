package locks

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"golang.org/x/mod/modfile"
	"golang.org/x/mod/module"
	"golang.org/x/mod/semver"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

const (
	// gomodDir is GOPATH and GOCACHE in the build, as Hermeto sets them.
	gomodDir = "deps/gomod"
	// gomodCache is GOMODCACHE; its download directory has the layout of a module
	// proxy (go.dev/ref/mod#goproxy-protocol), which GOPROXY makes use of.
	gomodCache    = gomodDir + "/pkg/mod"
	gomodDownload = gomodCache + "/cache/download"
)

// parseGomod reads a module (go.mod, with the go.sum beside it) or a workspace
// (go.work, with the go.sum of its modules and go.work.sum). go.sum is what says
// which files there are: every version of which it has a hash gets its .mod, and
// its .zip where the hash of that is there. Modules that are replaced by a
// directory have no hash; they are the project's own files.
//
// Where the project has a vendor directory, go reads that and Hermeto downloads
// nothing.
func parseGomod(src Source, b *builder) error {
	b.env("GOCACHE", inOutput(src, gomodDir))
	b.env("GOMODCACHE", inOutput(src, gomodCache))
	b.env("GOPATH", inOutput(src, gomodDir))
	b.env("GOPROXY", "file://"+inOutput(src, gomodDownload))
	b.env("GOSUMDB", "off")
	project, err := readGoProject(src)
	if err != nil {
		return err
	}
	vendored, err := readSibling(src, "vendor/modules.txt")
	if err != nil || vendored != nil {
		return err
	}
	if err := project.checkSums(src, b); err != nil {
		return err
	}
	if len(project.sums.list) == 0 {
		return nil
	}
	proxies, err := goProxies(src)
	if err != nil {
		return err
	}
	return project.add(b, proxies)
}

// readSibling returns the file's content, nil when there is none.
func readSibling(src Source, name string) ([]byte, error) {
	if src.Sibling == nil {
		return nil, nil
	}
	data, err := src.Sibling(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &Error{File: sibling(src, name), Msg: fmt.Sprintf("reading the file: %v", err), Err: err}
	}
	if len(data) > maxLockBytes {
		return nil, &Error{File: sibling(src, name), Msg: fmt.Sprintf("the file has %d bytes, more than the %d that are read", len(data), maxLockBytes)}
	}
	if data == nil {
		data = []byte{}
	}
	return data, nil
}

// goProject is a module, or the modules of a workspace.
type goProject struct {
	modules []*modfile.File
	sums    goSums
	work    bool
}

func readGoProject(src Source) (*goProject, error) {
	var p goProject
	var err error
	switch path.Base(src.Path) {
	case "go.work":
		err = p.readWork(src)
	case "go.sum": // named by hand
		if err = p.sums.read(src.Path, src.Data); err == nil {
			var data []byte
			if data, err = readSibling(src, "go.mod"); data != nil {
				err = p.readMod(sibling(src, "go.mod"), data)
			}
		}
	default:
		if err = p.readMod(src.Path, src.Data); err == nil {
			err = p.readSums(src, "go.sum")
		}
	}
	return &p, err
}

// maxWorkModules bounds a workspace: the files of each module are read.
const maxWorkModules = 10_000

func (p *goProject) readWork(src Source) error {
	p.work = true
	work, err := modfile.ParseWork(src.Path, src.Data, nil)
	if err != nil {
		return goFileError(src.Path, err)
	}
	if len(work.Use) == 0 && work.Go == nil {
		return errAt(0, "the file names neither modules nor a version of Go, so it is no go.work")
	}
	if len(work.Use) > maxWorkModules {
		return errAt(0, "the file names %d modules, more than the %d that are read", len(work.Use), maxWorkModules)
	}
	seen := map[string]bool{}
	for _, use := range work.Use {
		dir := path.Clean(use.Path)
		if seen[dir] {
			continue // each is read once, however often it is named
		}
		seen[dir] = true
		// A module outside of the workspace's directory can't be in the build
		// context either, unless the context is larger; then its go.mod is an
		// input of its own.
		mod := path.Join(use.Path, "go.mod")
		data, err := readSibling(src, mod)
		if data == nil || err != nil {
			if err != nil {
				return err
			}
			continue
		}
		if err := p.readMod(sibling(src, mod), data); err != nil {
			return err
		}
		if err := p.readSums(src, path.Join(use.Path, "go.sum")); err != nil {
			return err
		}
	}
	return p.readSums(src, "go.work.sum")
}

func (p *goProject) readMod(file string, data []byte) error {
	f, err := modfile.Parse(file, data, nil)
	if err != nil && strings.Contains(err.Error(), "unknown directive") {
		// A later Go has it. ParseLax passes over what it doesn't know.
		f, err = modfile.ParseLax(file, data, nil)
	}
	if err != nil {
		return goFileError(file, err)
	}
	if f.Module == nil {
		return &Error{File: file, Msg: "the file names no module, so it is no go.mod"}
	}
	p.modules = append(p.modules, f)
	return nil
}

func (p *goProject) readSums(src Source, name string) error {
	data, err := readSibling(src, name)
	if err != nil {
		return err
	}
	return p.sums.read(sibling(src, name), data)
}

// goFileError is the first of what modfile has found, in lazybuild's form.
func goFileError(file string, err error) error {
	e := &Error{File: file, Msg: err.Error(), Err: err}
	if list := (modfile.ErrorList)(nil); errors.As(err, &list) && len(list) > 0 {
		first := list[0]
		e.Line = first.Pos.Line
		first.Filename, first.Pos = "", modfile.Position{}
		e.Msg = strings.TrimPrefix(first.Error(), ": ")
	}
	return e
}

// checkSums says which modules go would miss the hash of.
func (p *goProject) checkSums(src Source, b *builder) error {
	var missing []string
	for _, f := range p.modules {
		for _, v := range required(f) {
			if _, ok := p.sums.at[v]; !ok {
				missing = append(missing, v.String())
			}
		}
	}
	switch {
	case len(missing) == 0:
		return nil
	case len(p.sums.list) == 0 && !p.work:
		return (&Error{
			File: sibling(src, "go.sum"),
			Msg:  fmt.Sprintf("the file is empty or not there, but go.mod requires %s", clip(missing[0])),
		}).hint("go mod tidy makes it")
	}
	b.warn("%d modules that go.mod requires have no hash in go.sum (%s first) and are not in the tree; go mod tidy adds what is missing",
		len(missing), clip(missing[0]))
	return nil
}

// required lists the modules that go.mod requires, as they are replaced, without
// those that are replaced by directories.
func required(f *modfile.File) []module.Version {
	replaced := make(map[module.Version]module.Version)
	for _, r := range f.Replace {
		replaced[r.Old] = r.New
	}
	var out []module.Version
	for _, r := range f.Require {
		v, ok := replaced[r.Mod]
		if !ok {
			v, ok = replaced[module.Version{Path: r.Mod.Path}]
		}
		switch {
		case !ok:
			out = append(out, r.Mod)
		case v.Version != "": // else a directory
			out = append(out, v)
		}
	}
	return out
}

// spare returns a function that says whether go probably reads nothing of a
// module: since Go 1.17 go.mod names all modules that a build needs. Before, and
// in a workspace, go reads the go.mod files of all versions.
func (p *goProject) spare() func(module.Version) bool {
	pruned := !p.work
	wanted := make(map[module.Version]bool)
	for _, f := range p.modules {
		pruned = pruned && f.Go != nil && semver.Compare("v"+f.Go.Version, "v1.17") >= 0
		for _, v := range required(f) {
			wanted[v] = true
		}
	}
	return func(v module.Version) bool { return pruned && !wanted[v] }
}

// add puts the files into the tree: first all go.mod files, which go reads before
// any archive.
func (p *goProject) add(b *builder, proxies []string) error {
	spare := p.spare()
	b.lock.Texts = make(map[string][]byte, 2*len(p.sums.list))
	b.lock.Lists = make(map[string][]string, len(p.sums.list))
	for i := range p.sums.list {
		m := &p.sums.list[i]
		if m.modHash == "" {
			continue
		}
		a := m.artifact(".mod", proxies, m.modHash)
		a.Spare = spare(m.mod)
		if err := b.add(a); err != nil {
			return inFile(m.file, err)
		}
		b.lock.Texts[m.at(".info")] = goInfo(m.mod.Version)
		list := m.base[:len(m.base)-len(m.version)] + "list"
		b.lock.Lists[list] = append(b.lock.Lists[list], m.mod.Version)
	}
	for i := range p.sums.list {
		m := &p.sums.list[i]
		if m.zipHash == "" {
			continue
		}
		a := m.artifact(".zip", proxies, m.zipHash)
		a.Spare = spare(m.mod)
		namespace, name := path.Split(strings.ToLower(m.mod.Path))
		a.PURL = purl("golang", namespace, name, m.mod.Version, map[string]string{"type": "module"})
		if err := b.add(a); err != nil {
			return inFile(m.file, err)
		}
		// With it beside the archive, go doesn't read the archive only to hash it.
		b.lock.Texts[m.at(".ziphash")] = []byte(m.zipHash.H1())
	}
	return nil
}

// goInfo is what a proxy says of a version. Only pseudo-versions tell their time;
// of tags it stays unknown, as for a proxy that leaves it out, because one that
// is made up would be believed.
func goInfo(version string) []byte {
	out := []byte(`{"Version":` + quoteJSON(version))
	if strings.Count(version, "-") >= 2 {
		if t, err := module.PseudoVersionTime(version); err == nil {
			out = t.UTC().AppendFormat(out, `,"Time":"2006-01-02T15:04:05Z"`)
		}
	}
	return append(out, '}')
}

func (m *goSum) artifact(ext string, proxies []string, d digest.Digest) Artifact {
	a := Artifact{
		Name: m.mod.Path, Version: m.mod.Version, Path: m.at(ext), Digest: d, Size: SizeUnknown, Line: m.line,
		URLs: make([]string, 0, len(proxies)),
	}
	for _, p := range proxies {
		a.URLs = append(a.URLs, p+m.base[len(gomodDownload):]+ext)
	}
	return a
}

// at is where a file of the version stands in the tree.
func (m *goSum) at(ext string) string { return m.base + ext }
