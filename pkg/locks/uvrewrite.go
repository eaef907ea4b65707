package locks

import (
	"bytes"
	"strings"
)

// A rewritten uv.lock has uv read from the tree: `uv sync --offline`, with
// --frozen or --locked, installs from it. The URLs of an index's files become
// file:// URLs. A package from a URL or from git becomes one from a path, because
// uv takes no file:// URL there. What the project's own pyproject.toml demands
// ("requires-dist") stays, or uv would take the lock for an old one.

// unmoved tells of a package in a subdirectory: uv's packages from paths have none.
func (u *uvParser) unmoved(pkg pyPackage, source *node) {
	u.b.warn("%s:%d: %s is in a subdirectory of its source, which uv can't be told for a file: uv will ask for it at its origin",
		u.src.Path, source.line, clip(pkg.name))
}

func (u *uvParser) rewrite() {
	if len(u.files)+len(u.sources) == 0 {
		return
	}
	data := replaceQuoted(u.src.Data, `{ url = "`, func(before []byte, raw string) string {
		if bytes.HasSuffix(before, []byte("source = ")) {
			return u.source(raw)
		}
		if p, ok := u.files[raw]; ok {
			return `{ url = "` + strings.ReplaceAll(fileURL(u.src, p), `"`, "%22")
		}
		return ""
	})
	data = replaceQuoted(data, `{ git = "`, func(before []byte, raw string) string {
		if bytes.HasSuffix(before, []byte("source = ")) {
			return u.source(raw)
		}
		return ""
	})
	u.b.lock.Rewrites = append(u.b.lock.Rewrites, Rewrite{Path: u.src.Path, Content: data})
}

func (u *uvParser) source(raw string) string {
	if p, ok := u.sources[raw]; ok && !strings.Contains(p, `"`) {
		return `{ path = "` + inOutput(u.src, p)
	}
	return ""
}

// replaceQuoted puts something else in the place of key and the string behind
// it, up to its closing quotation mark. It finds a table as uv writes it; whatever is
// written otherwise stays as it is, as does what change returns "" for. before
// is the text in front of key.
func replaceQuoted(data []byte, key string, change func(before []byte, raw string) string) []byte {
	var out bytes.Buffer
	out.Grow(len(data))
	rest := data
	for {
		i := bytes.Index(rest, []byte(key))
		if i < 0 {
			break
		}
		end := bytes.IndexByte(rest[i+len(key):], '"')
		if end < 0 {
			break
		}
		end += i + len(key)
		if to := change(rest[:i], string(rest[i+len(key):end])); to != "" {
			out.Write(rest[:i])
			out.WriteString(to)
		} else {
			out.Write(rest[:end])
		}
		rest = rest[end:]
	}
	out.Write(rest)
	return out.Bytes()
}
