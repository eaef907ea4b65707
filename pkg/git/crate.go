package git

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// Crate names a cargo package in a repository.
type Crate struct {
	Name string
	// Version, if set, chooses among packages of one name.
	Version string
}

// WriteCrate writes the files of a cargo package as a plain tar archive of
// regular files, as "cargo vendor" lays them out: the package's directory
// without the packages below it, a Cargo.toml that needs no workspace, and a
// .cargo-checksum.json. Links are replaced by what they point to.
//
// Unlike cargo, it heeds neither "include" nor "exclude": what they keep out of
// a published crate is there too. The Cargo.toml is rewritten only where it
// inherits from a workspace.
func (c *Commit) WriteCrate(ctx context.Context, w io.Writer, k Crate) error {
	r := &checkout{files: map[string]*file{}}
	err := c.walk(ctx, func(f *file) error {
		if f.mode != modeDir && f.mode != modeSubmodule {
			r.files[f.path] = f
			r.names = append(r.names, f.path)
		}
		return nil
	})
	if err != nil {
		return err
	}
	slices.Sort(r.names)
	p, err := r.find(c, k)
	if err != nil {
		return err
	}
	files, err := p.vendored(ctx)
	if err != nil {
		return err
	}
	t := &archiver{c: c, tw: tar.NewWriter(w), time: time.Unix(0, 0)}
	for _, f := range files {
		if err := t.file(f.name, f.exec, f.size, f.open()); err != nil {
			return err
		}
	}
	return t.tw.Close()
}

// checkout is a checkout's files by their paths.
type checkout struct {
	files map[string]*file
	names []string // sorted
}

// maxManifest bounds a Cargo.toml.
const maxManifest = 1 << 20

func (r *checkout) read(name string) ([]byte, error) {
	f, err := r.follow(name)
	if err != nil {
		return nil, err
	}
	if f.size > maxManifest {
		return nil, &LimitError{What: "bytes in a Cargo.toml", Limit: maxManifest}
	}
	return io.ReadAll(f.content())
}

// maxLinks is how many links may be followed one after the other, as in Linux.
const maxLinks = 40

// follow returns the file at a path, or where a link there leads.
func (r *checkout) follow(name string) (*file, error) {
	for range maxLinks {
		f := r.files[name]
		if f == nil {
			break
		}
		if f.mode != modeLink {
			return f, nil
		}
		if !f.inside() {
			break
		}
		name = path.Join(path.Dir(name), f.link)
	}
	return nil, fmt.Errorf("%q is not in the repository, or a link that leads nowhere", name)
}

// below are the names of the files in a directory and in those below it.
func (r *checkout) below(dir string) []string {
	if dir == "" {
		return r.names
	}
	from, _ := slices.BinarySearch(r.names, dir+"/")
	to, _ := slices.BinarySearch(r.names, dir+"0") // "0" is what sorts behind "/"
	return r.names[from:to]
}

// cratePackage is a package in a checkout.
type cratePackage struct {
	checkout *checkout
	dir      string // empty for the repository's own
	manifest []byte // self-contained
}

// find looks for the package as cargo does: in every directory that has a
// manifest, except for hidden ones and submodules. Of several, the one in the
// outermost directory counts.
func (r *checkout) find(c *Commit, k Crate) (*cratePackage, error) {
	var dirs []string
	for _, name := range r.names {
		if path.Base(name) == "Cargo.toml" && r.files[name].from == c.o && !strings.HasPrefix(name, ".") && !strings.Contains(name, "/.") {
			dirs = append(dirs, strings.TrimSuffix(strings.TrimSuffix(name, "Cargo.toml"), "/"))
		}
	}
	slices.SortStableFunc(dirs, func(a, b string) int { return strings.Count(a, "/") - strings.Count(b, "/") })
	var unread error
	var other string
	for _, dir := range dirs {
		m, err := r.manifest(dir)
		if err != nil {
			unread = err // a test's broken manifest must not matter
			continue
		}
		if name, _ := m.identity(); name != k.Name {
			continue
		}
		if err := m.inherit(r); err != nil {
			return nil, fmt.Errorf("the package %s: %w", k.Name, err)
		}
		if _, version := m.identity(); k.Version != "" && version != k.Version {
			other = version
			continue
		}
		text, err := m.text()
		if err != nil {
			return nil, fmt.Errorf("the package %s: %w", k.Name, err)
		}
		return &cratePackage{r, dir, text}, nil
	}
	switch {
	case other != "":
		return nil, fmt.Errorf("the repository has the package %s in version %s, not %s", k.Name, other, k.Version)
	case unread != nil:
		return nil, fmt.Errorf("the repository has no package %s (and a manifest that can't be read: %w)", k.Name, unread)
	}
	return nil, fmt.Errorf("the repository has no package %s", k.Name)
}

// crateFile is a file of a vendored package.
type crateFile struct {
	name string
	exec bool
	size int64
	open func() io.Reader
}

// vendored are the package's files, sorted, with the checksums.
func (p *cratePackage) vendored(ctx context.Context) ([]crateFile, error) {
	files := p.own()
	sums := map[string]string{}
	for i := range files {
		f := &files[i]
		if f.name == "Cargo.toml" {
			f.size, f.open = int64(len(p.manifest)), func() io.Reader { return bytes.NewReader(p.manifest) }
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		h := sha256.New()
		if _, err := io.Copy(h, f.open()); err != nil {
			return nil, err
		}
		sums[f.name] = hex.EncodeToString(h.Sum(nil))
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(map[string]any{"files": sums, "package": nil}); err != nil {
		return nil, err
	}
	text := strings.TrimSuffix(b.String(), "\n")
	files = append(files, crateFile{".cargo-checksum.json", false, int64(len(text)), func() io.Reader { return strings.NewReader(text) }})
	slices.SortFunc(files, func(a, b crateFile) int { return strings.Compare(a.name, b.name) })
	return files, nil
}

// own are the package's files, without the packages below it.
func (p *cratePackage) own() []crateFile {
	r := p.checkout
	names := r.below(p.dir)
	nested := map[string]bool{}
	for _, n := range names {
		if d := path.Dir(n); path.Base(n) == "Cargo.toml" && d != p.dir && d != "." {
			nested[d] = true
		}
	}
	var files []crateFile
	for _, n := range names {
		rel := n
		if p.dir != "" {
			rel = n[len(p.dir)+1:]
		}
		if within(n, p.dir, nested) || !vendors(rel) {
			continue
		}
		f, err := r.follow(n)
		if err == nil {
			files = append(files, crateFile{rel, f.mode == modeExec, f.size, f.content})
			continue
		}
		files = append(files, p.linked(n, rel)...)
	}
	return files
}

// linked are the files of a directory that a link of the package points to.
func (p *cratePackage) linked(name, rel string) []crateFile {
	f := p.checkout.files[name]
	if !f.inside() {
		return nil
	}
	target := path.Join(path.Dir(name), f.link)
	if strings.HasPrefix(name, target+"/") {
		return nil // the link stands within what it points to
	}
	var files []crateFile
	for _, n := range p.checkout.below(strings.TrimPrefix(target, ".")) {
		// Links within it are followed to files, not to further directories.
		if f, err := p.checkout.follow(n); err == nil {
			name := rel + strings.TrimPrefix(n, target)
			files = append(files, crateFile{name, f.mode == modeExec, f.size, f.content})
		}
	}
	return files
}

// within says whether a file is in one of the directories, below top.
func within(name, top string, dirs map[string]bool) bool {
	for d := path.Dir(name); d != "." && d != top; d = path.Dir(d) {
		if dirs[d] {
			return true
		}
	}
	return false
}

// vendors says whether cargo vendor copies a file. What no file system of a
// build could be given is left out too.
func vendors(rel string) bool {
	switch rel {
	case ".gitattributes", ".gitignore", ".git", ".cargo-ok", ".cargo-checksum.json":
		return false
	}
	return utf8.ValidString(rel) && !strings.ContainsFunc(rel, func(r rune) bool { return r < ' ' || r == '\\' || r == 0x7f })
}
