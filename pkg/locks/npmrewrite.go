package locks

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"strings"
)

// npmDependencyKeys are the tables in which a package names what it needs.
var npmDependencyKeys = [...]string{
	"dependencies", "devDependencies", "optionalDependencies", "peerDependencies",
}

// dependencies empties the specifiers that point at a URL or a repository. npm
// compares them with what is installed, and a file: URL never is what
// "https://…" or "user/repo" asked for; "" is satisfied by anything.
func (p *npmParser) dependencies(n *node) error {
	edits, err := specifierEdits(n)
	p.edits = append(p.edits, edits...)
	return err
}

func specifierEdits(n *node) ([]jsonEdit, error) {
	var edits []jsonEdit
	for i, k := range n.keys {
		deps := n.items[i]
		if !isDependencyKey(k.name) || deps.isNull() {
			continue
		}
		if deps.kind != kindMap {
			return nil, errAt(int(deps.line), "%s is %s, not a table", k.name, deps.what())
		}
		for _, spec := range deps.items {
			if spec.kind != kindString {
				return nil, errAt(int(spec.line), "a specifier in %s is %s, not a string", k.name, spec.what())
			}
			if isRemote(spec.text) {
				edits = append(edits, jsonEdit{spec.pos, spec.end, `""`})
			}
		}
	}
	return edits, nil
}

func isDependencyKey(key string) bool {
	for _, k := range npmDependencyKeys {
		if k == key {
			return true
		}
	}
	return false
}

// isRemote says whether a specifier points at a URL or a repository ("user/repo").
func isRemote(spec string) bool {
	scheme, _, ok := strings.Cut(spec, ":")
	if ok && isScheme(scheme) {
		return scheme != "file" && scheme != "npm"
	}
	return strings.Contains(spec, "/")
}

// isScheme applies RFC 3986, section 3.1.
func isScheme(s string) bool {
	for i := 0; i < len(s); i++ {
		c := s[i] | 0x20
		isLetter := 'a' <= c && c <= 'z'
		if !isLetter && (i == 0 || !isDigit(s[i]) && s[i] != '+' && s[i] != '-' && s[i] != '.') {
			return false
		}
	}
	return s != ""
}

// pointTo makes the entry's resolved the given URL. at is the number of edits
// before this entry: an entry's edits have to stand in the order of the text.
func (p *npmParser) pointTo(e npmEntry, at int, target string) error {
	var edit jsonEdit
	if v := e.node.get("resolved"); v != nil {
		edit = jsonEdit{v.pos, v.end, quoteJSON(target)}
	} else if e.node.find("resolved") >= 0 {
		return errAt(e.line, "the resolved of %s is null", clip(e.name))
	} else {
		edit = p.insertion(e.node, target)
	}
	p.edit(at, edit)
	return nil
}

// edit adds an edit of the entry whose edits begin at at, in its place.
func (p *npmParser) edit(at int, edit jsonEdit) {
	i := at
	for i < len(p.edits) && p.edits[i].pos < edit.pos {
		i++
	}
	p.edits = append(p.edits, jsonEdit{})
	copy(p.edits[i+1:], p.edits[i:])
	p.edits[i] = edit
}

// insertion adds resolved behind the version, where npm writes it, in the
// white space that the entry has already.
func (p *npmParser) insertion(n *node, target string) jsonEdit {
	i := n.find("version")
	at := n.items[i].end
	before := p.src.Data[n.pos+1 : n.keys[0].pos]
	colon := p.src.Data[n.keys[i].end:n.items[i].pos]
	return jsonEdit{at, at, fmt.Sprintf(`,%s"resolved"%s%s`, before, colon, quoteJSON(target))}
}

// rewrite adds the lock and the package.json files as they have to be in the build.
func (p *npmParser) rewrite() error {
	if len(p.edits) > 0 {
		p.b.lock.Rewrites = append(p.b.lock.Rewrites, Rewrite{
			Path: p.src.Path, Content: applyEdits(p.src.Data, p.edits),
		})
	}
	if p.src.Sibling == nil {
		return nil
	}
	for _, dir := range append([]string{""}, p.workspaces...) {
		name := strings.TrimPrefix(dir+"/package.json", "/")
		if checkPath(name) != nil {
			continue // a link that leaves the project; its files are not ours
		}
		if err := p.packageJSON(name); err != nil {
			return err
		}
	}
	return nil
}

func (p *npmParser) packageJSON(name string) error {
	data, err := p.src.Sibling(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	file := sibling(p.src, name)
	if err != nil {
		return &Error{File: file, Msg: fmt.Sprintf("reading the file: %v", err), Err: err}
	}
	doc, err := readJSON(bytes.TrimPrefix(data, []byte("\uFEFF")))
	if err != nil {
		return inFile(file, err)
	}
	edits, err := specifierEdits(doc)
	if err != nil {
		return inFile(file, err)
	}
	if len(edits) > 0 {
		data = bytes.TrimPrefix(data, []byte("\uFEFF"))
		p.b.lock.Rewrites = append(p.b.lock.Rewrites, Rewrite{Path: file, Content: applyEdits(data, edits)})
	}
	return nil
}
