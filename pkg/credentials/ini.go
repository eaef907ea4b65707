package credentials

import (
	"iter"
	"strings"
)

// setting is one key of a file of the kind that Python's configparser reads.
type setting struct {
	section, key, value string
	line                int
}

// ini reads the settings of pip.conf, *.repo and rhsm.conf: sections, "key =
// value" or "key: value", values that go on in indented lines, comments with "#"
// or ";" in front. What it does not understand it passes over.
func ini(text string) iter.Seq[setting] {
	return func(yield func(setting) bool) {
		var s setting
		line := 0
		for raw := range strings.Lines(text) {
			line++
			trimmed := strings.TrimSpace(raw)
			if trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';' {
				continue
			}
			if (raw[0] == ' ' || raw[0] == '\t') && s.key != "" {
				s.value = strings.TrimSpace(s.value + "\n" + trimmed)
				continue
			}
			if s.key != "" && !yield(s) {
				return
			}
			s.key = ""
			if inner, ok := strings.CutPrefix(trimmed, "["); ok {
				s.section, _, _ = strings.Cut(inner, "]")
				continue
			}
			if i := strings.IndexAny(trimmed, "=:"); i > 0 {
				s.key = strings.ToLower(strings.TrimSpace(trimmed[:i]))
				s.value, s.line = strings.TrimSpace(trimmed[i+1:]), line
			}
		}
		if s.key != "" {
			yield(s)
		}
	}
}
