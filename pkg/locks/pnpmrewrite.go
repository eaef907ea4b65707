package locks

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
)

// pointTo makes the tarball of a resolution the file at the given path of the
// tree. What is named "name@version" has to come from a registry: since 10.34
// pnpm refuses a file: URL there. So it gets a path relative to the registry
// that the .npmrc names. The text is edited and not written anew: reviewers and
// pnpm's own merge driver compare lines.
func (p *pnpmParser) pointTo(k nodeKey, res *node, file string) error {
	target := "file://" + inOutput(p.src, file)
	if _, version := cutNpmID(k.name); !strings.Contains(version, ":") {
		target = p.besideRegistry(k.name, file)
	}
	edit, ok := tarballEdit(p.src.Data, res, yamlScalar(target))
	if !ok || len(p.edits) > 0 && edit.pos < p.edits[len(p.edits)-1].end {
		return errAt(int(res.line), "the resolution is written in a way that can't be rewritten").
			hint("run pnpm install, which writes the lock file anew")
	}
	p.edits = append(p.edits, edit)
	return nil
}

// besideRegistry is a file's path relative to the registry of the package.
func (p *pnpmParser) besideRegistry(id, file string) string {
	registry := pnpmDir + "/npm/"
	if strings.HasPrefix(id, "@jsr/") {
		registry = pnpmDir + "/jsr/"
	}
	if name, ok := strings.CutPrefix(file, registry); ok {
		return urlEscaper.Replace(name)
	}
	return "../" + urlEscaper.Replace(strings.TrimPrefix(file, pnpmDir+"/"))
}

// tarballEdit says how the text of a resolution has to be changed. It believes
// in no position without looking at what stands there.
func tarballEdit(data []byte, res *node, target string) (jsonEdit, bool) {
	if i := res.find("tarball"); i >= 0 {
		return replaceScalar(data, res.items[i], target)
	}
	at := int(res.pos)
	if at < 0 {
		return jsonEdit{}, false
	}
	if after, ok := bytes.CutPrefix(data[at:], []byte("{")); ok {
		text := "tarball: " + target
		if len(res.keys) > 0 {
			text += ","
			if !bytes.ContainsAny(after[:min(1, len(after))], " \r\n") {
				text += " "
			}
		}
		return jsonEdit{int32(at + 1), int32(at + 1), text}, true
	}
	// A block: a line of its own in front of the first key's, indented as that.
	line := bytes.LastIndexByte(data[:at], '\n') + 1
	indent := data[line:at]
	if len(res.keys) == 0 || strings.Trim(string(indent), " ") != "" || !startsWithScalar(data[at:], res.keys[0].name) {
		return jsonEdit{}, false
	}
	end := "\n"
	if bytes.HasSuffix(data[:line], []byte("\r\n")) {
		end = "\r\n"
	}
	return jsonEdit{int32(at), int32(at), "tarball: " + target + end + string(indent)}, true
}

func replaceScalar(data []byte, v *node, target string) (jsonEdit, bool) {
	size := len(v.text)
	if v.kind == kindString {
		size += 2
	}
	ok := v.pos >= 0 && v.text != "" && startsWithScalar(data[v.pos:], v.text)
	return jsonEdit{v.pos, v.pos + int32(size), target}, ok
}

// startsWithScalar says whether data begins with the text, bare or in quotes.
func startsWithScalar(data []byte, text string) bool {
	if len(data) > 0 && (data[0] == '\'' || data[0] == '"') {
		quote := string(data[0])
		text = quote + text + quote
	}
	return bytes.HasPrefix(data, []byte(text))
}

// yamlScalar writes a URL for both of YAML's styles; JSON's strings are YAML's.
func yamlScalar(s string) string {
	for i := 0; i < len(s); i++ {
		if !isBareKey(s[i]) && strings.IndexByte(":/.+@~", s[i]) < 0 {
			return quoteJSON(s)
		}
	}
	return s
}

// rewrite adds the lock and the .npmrc as they have to be in the build.
func (p *pnpmParser) rewrite() error {
	if len(p.edits) == 0 {
		return nil
	}
	p.b.lock.Rewrites = append(p.b.lock.Rewrites, Rewrite{
		Path: p.src.Path, Content: applyEdits(p.src.Data, p.edits),
	})
	content, err := p.npmrc()
	if err != nil {
		return err
	}
	p.b.lock.Rewrites = append(p.b.lock.Rewrites, Rewrite{Path: sibling(p.src, ".npmrc"), Content: content})
	return nil
}

// npmrc is the project's .npmrc, or none, with registries that need no network,
// also for the scopes that have one of their own there. Of two lines with one
// key npm and pnpm take the last.
func (p *pnpmParser) npmrc() ([]byte, error) {
	var content []byte
	if p.src.Sibling != nil {
		data, err := p.src.Sibling(".npmrc")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, &Error{File: sibling(p.src, ".npmrc"), Msg: fmt.Sprintf("reading the file: %v", err), Err: err}
		}
		content = bytes.Clone(data)
	}
	if len(content) > 0 && !bytes.HasSuffix(content, []byte("\n")) {
		content = append(content, '\n')
	}
	base := fileURL(p.src, pnpmDir)
	scopes := scopeRegistries(content)
	content = fmt.Appendf(content, "registry=%s/npm/\n@jsr:registry=%s/jsr/\n", base, base)
	for _, key := range scopes {
		content = fmt.Appendf(content, "%s=%s/npm/\n", key, base)
	}
	return content, nil
}

// scopeRegistries are the keys "@scope:registry" of an .npmrc, but for JSR's.
func scopeRegistries(npmrc []byte) []string {
	var keys []string
	for line := range strings.Lines(string(npmrc)) {
		key, _, ok := strings.Cut(line, "=")
		key = strings.TrimSpace(key)
		if ok && strings.HasPrefix(key, "@") && strings.HasSuffix(key, ":registry") &&
			key != "@jsr:registry" && !slices.Contains(keys, key) {
			keys = append(keys, key)
		}
	}
	return keys
}
