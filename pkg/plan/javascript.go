package plan

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// javaScript are the input types of which a project uses one, in the order in
// which they are preferred when nothing else decides.
var javaScript = [...]string{"npm", "pnpm", "yarn"}

// oneJavaScript leaves at most one type of JavaScript lock per directory. They
// describe the same dependencies for different clients, and each would rewrite
// the project's files for its own; so all at once would be wrong, and taking
// one silently would hide why the other client finds nothing.
func (o *Options) oneJavaScript(all []found) []found {
	byDir := map[string][]found{}
	for _, f := range all {
		if slices.Contains(javaScript[:], f.typ) {
			dir := filepath.Dir(f.path)
			byDir[dir] = append(byDir[dir], f)
		}
	}
	var kept []found
	for _, f := range all {
		rivals := byDir[filepath.Dir(f.path)]
		if len(rivals) < 2 || !slices.Contains(javaScript[:], f.typ) {
			kept = append(kept, f)
			continue
		}
		typ, why := o.choose(filepath.Dir(f.path), rivals)
		if f.typ == typ {
			f.note = fmt.Sprintf("used, and the other JavaScript locks beside it (%s) are not, because %s; --lazy-input TYPE:PATH names another",
				others(f, rivals), why)
			kept = append(kept, f)
		}
	}
	return kept
}

// choose says which type of lock counts in a directory, and why.
func (o *Options) choose(dir string, rivals []found) (typ, why string) {
	there := func(typ string) bool {
		return slices.ContainsFunc(rivals, func(f found) bool { return f.typ == typ })
	}
	if named := o.packageManager(dir); named != "" && there(named) {
		return named, fmt.Sprintf("package.json's packageManager is %s", named)
	}
	for _, t := range javaScript {
		if there(t) {
			return t, fmt.Sprintf("package.json's packageManager names none of them, and %s comes first", t)
		}
	}
	return "", ""
}

// packageManager is the name in package.json's "packageManager": "pnpm@9.1.0"
// (Node's documentation, "Corepack"). A file that can't be read names none: npm
// and yarn complain about it better.
func (o *Options) packageManager(dir string) string {
	data, err := o.look.file(filepath.Join(dir, "package.json"))
	if err != nil {
		return ""
	}
	var p struct {
		PackageManager string `json:"packageManager"`
	}
	if json.Unmarshal(data, &p) != nil {
		return ""
	}
	name, _, _ := strings.Cut(p.PackageManager, "@")
	return name
}

// others names the locks beside f.
func others(f found, rivals []found) string {
	var names []string
	for _, r := range rivals {
		if r.typ != f.typ {
			names = append(names, filepath.Base(r.path))
		}
	}
	return strings.Join(names, ", ")
}
