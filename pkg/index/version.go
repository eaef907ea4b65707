package index

import (
	"regexp"
	"strings"
)

// versionForm is a version in all spellings that PEP 440 allows ("Appendix B",
// written anew): epoch, release, pre, post, dev, local.
var versionForm = regexp.MustCompile(`^v?(?:(\d+)!)?(\d+(?:\.\d+)*)` +
	`(?:[-_.]?(alpha|a|beta|b|preview|pre|c|rc)[-_.]?(\d*))?` +
	`(?:-(\d+)|[-_.]?(post|rev|r)[-_.]?(\d*))?` +
	`(?:[-_.]?(dev)[-_.]?(\d*))?` +
	`(?:\+([a-z0-9]+(?:[-_.][a-z0-9]+)*))?$`)

var preNames = map[string]string{"a": "a", "alpha": "a", "b": "b", "beta": "b", "c": "rc", "rc": "rc", "pre": "rc", "preview": "rc"}

// canonical spells a version in one way: "1.0" and "1" and "v1.0.0" are the
// same. local is the part behind the "+". What is no version stays as it is.
func canonical(v string) (public, local string) {
	v = strings.ToLower(strings.TrimSpace(v))
	m := versionForm.FindStringSubmatch(v)
	if m == nil {
		return v, ""
	}
	var b strings.Builder
	if e := number(m[1]); e != "0" {
		b.WriteString(e + "!")
	}
	release := strings.Split(m[2], ".")
	for len(release) > 1 && number(release[len(release)-1]) == "0" {
		release = release[:len(release)-1]
	}
	for i, r := range release {
		if i > 0 {
			b.WriteByte('.')
		}
		b.WriteString(number(r))
	}
	if m[3] != "" {
		b.WriteString(preNames[m[3]] + number(m[4]))
	}
	if m[5] != "" || m[6] != "" {
		b.WriteString(".post" + number(m[5]+m[7]))
	}
	if m[8] != "" {
		b.WriteString(".dev" + number(m[9]))
	}
	return b.String(), localVersion(m[10])
}

func localVersion(s string) string {
	parts := strings.FieldsFunc(s, func(r rune) bool { return r == '-' || r == '_' || r == '.' })
	for i, p := range parts {
		if strings.Trim(p, "0123456789") == "" {
			parts[i] = number(p)
		}
	}
	return strings.Join(parts, ".")
}

// number drops leading zeros; nothing is zero.
func number(s string) string {
	if s = strings.TrimLeft(s, "0"); s == "" {
		return "0"
	}
	return s
}

// sameVersion is "==": a pin without a local version allows any.
func sameVersion(pin, v string) bool {
	p, pl := canonical(pin)
	q, ql := canonical(v)
	return p == q && (pl == "" || pl == ql)
}
