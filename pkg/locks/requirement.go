package locks

import (
	"net/url"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// requirement is one line of a requirements file that names a package.
type requirement struct {
	name    string // as it is spelled; empty for a bare URL that doesn't say it
	extras  string // "[a,b]" or ""
	specs   string // "==1.0", as it is spelled
	version string // that it is pinned to
	url     string
	marker  string
	options string // the options, as they are spelled
	local   bool   // a path of the project
	digests []digest.Digest
	file    *reqFile
	line    reqLine
}

// parseRequirement reads PEP 508's forms and pip's own: a URL or a path alone.
func parseRequirement(text string) (requirement, error) {
	var r requirement
	n := 0
	for n < len(text) && isNameByte(text[n]) {
		n++
	}
	rest := strings.TrimLeft(text[n:], " \t")
	if n == 0 || strings.HasPrefix(rest, "/") || strings.HasPrefix(rest, ":") || strings.HasPrefix(rest, `\`) ||
		strings.HasPrefix(rest, "+") || isArchive(text) {
		return r, r.bare(text)
	}
	r.name = text[:n]
	if strings.HasPrefix(rest, "[") {
		end := strings.IndexByte(rest, ']')
		if end < 0 {
			return r, errAt(0, "the extras of %s don't end with ]", clip(r.name))
		}
		r.extras, rest = rest[:end+1], strings.TrimLeft(rest[end+1:], " \t")
	}
	if u, ok := strings.CutPrefix(rest, "@"); ok {
		return r, r.direct(strings.TrimSpace(u))
	}
	r.specs, r.marker, _ = strings.Cut(rest, ";")
	r.specs, r.marker = strings.TrimSpace(r.specs), strings.TrimSpace(r.marker)
	if strings.HasPrefix(r.specs, "(") && strings.HasSuffix(r.specs, ")") {
		r.specs = strings.TrimSpace(r.specs[1 : len(r.specs)-1])
	}
	return r, r.pin()
}

func isNameByte(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || isDigit(c) || c == '.' || c == '_' || c == '-'
}

// isArchive says whether a word alone is the name of a file in the project.
func isArchive(text string) bool {
	word, _ := cutWord(text)
	return text[0] == '.' || archiveExt(word) != ""
}

// bare reads a URL or a path that stands alone, with a marker perhaps.
func (r *requirement) bare(text string) error {
	u, marker := cutURLMarker(text)
	r.marker = marker
	scheme, _, remote := strings.Cut(u, "://")
	isPath := text[0] == '.' || text[0] == '/' || archiveExt(u) != "" || isNameByte(text[0]) && strings.Contains(u, "/")
	if !remote && !isPath {
		return errAt(0, "%q is no requirement", clip(text))
	}
	if r.local = !remote || scheme == "file"; r.local {
		return nil
	}
	r.url = u
	_, fragment, _ := strings.Cut(u, "#")
	egg, _, _ := strings.Cut(fragmentValue(fragment, "egg"), "[")
	if r.name = egg; r.name == "" {
		r.name = nameOfFile(u)
	}
	if r.name == "" {
		return errAt(0, "the URL doesn't say the package's name").hint("write: name @ URL")
	}
	return nil
}

// direct reads what stands behind "name @".
func (r *requirement) direct(text string) error {
	r.url, r.marker = cutURLMarker(text)
	switch scheme, _, ok := strings.Cut(r.url, ":"); {
	case r.url == "":
		return errAt(0, "%s has no URL behind the @", clip(r.name))
	case !ok || scheme == "file":
		r.local, r.url = true, ""
	}
	return nil
}

// cutURLMarker parts a URL from its marker: a semicolon behind white space,
// because a URL may hold one.
func cutURLMarker(text string) (u, marker string) {
	u, rest := cutWord(text)
	if m, ok := strings.CutPrefix(rest, ";"); ok {
		return u, strings.TrimSpace(m)
	}
	if rest != "" {
		return text, "" // a path with spaces
	}
	return u, ""
}

// pin finds the one version that the specifiers allow.
func (r *requirement) pin() error {
	for spec := range strings.SplitSeq(r.specs, ",") {
		v, ok := strings.CutPrefix(strings.TrimSpace(spec), "==")
		v = strings.TrimSpace(strings.TrimPrefix(v, "="))
		if !ok || v == "" || strings.HasSuffix(v, ".*") {
			continue
		}
		for i := range len(v) {
			if c := v[i]; !isNameByte(c) && c != '+' && c != '!' {
				return errAt(0, "%s: %q is no version", clip(r.name), clip(v))
			}
		}
		r.version = v
	}
	return nil
}

// pyArchives are the endings of files that pip installs from; the longer first.
var pyArchives = []string{".whl", ".tar.gz", ".tar.bz2", ".tar.xz", ".tar.Z", ".zip", ".tar"}

// archiveExt is the ending that makes name an archive; "" for all others.
func archiveExt(name string) string {
	for _, ext := range pyArchives {
		if strings.HasSuffix(name, ext) && len(name) > len(ext) {
			return ext
		}
	}
	return ""
}

// nameOfFile is the package's name in the file name of a wheel or sdist.
func nameOfFile(raw string) string {
	u, err := url.Parse(raw)
	if err != nil {
		return ""
	}
	base := rawBase(u)
	ext := archiveExt(base)
	if ext == "" {
		return ""
	}
	base = strings.TrimSuffix(base, ext)
	i := strings.LastIndexByte(base, '-')
	if ext == ".whl" {
		i = strings.IndexByte(base, '-')
	}
	if i <= 0 || strings.ContainsFunc(base[:i], func(c rune) bool { return c > 0x7e || !isNameByte(byte(c)) }) {
		return ""
	}
	return base[:i]
}

// fragmentValue is one key's value in a URL's fragment, "egg=x&subdirectory=y".
func fragmentValue(fragment, key string) string {
	for part := range strings.SplitSeq(fragment, "&") {
		if v, ok := strings.CutPrefix(part, key+"="); ok {
			return v
		}
	}
	return ""
}

// NormalizePyName is a Python package's name as indexes spell it (PEP 503,
// "Normalized Names"): lower case, and one "-" for each run of "-", "_" and ".".
func NormalizePyName(name string) string {
	plain := true
	for i := 0; i < len(name) && plain; i++ {
		c := name[i]
		plain = 'a' <= c && c <= 'z' || isDigit(c) || c == '-' && i > 0 && name[i-1] != '-'
	}
	if plain {
		return name
	}
	out := make([]byte, 0, len(name))
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '-' || c == '_' || c == '.':
			if len(out) == 0 || out[len(out)-1] != '-' {
				out = append(out, '-')
			}
		case 'A' <= c && c <= 'Z':
			out = append(out, c+'a'-'A')
		default:
			out = append(out, c)
		}
	}
	return string(out)
}
