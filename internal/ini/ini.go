// Package ini reads configuration files of the kind that Python's configparser
// reads: pip.conf, *.repo, rhsm.conf.
package ini

import (
	"iter"
	"strings"
)

// Setting is one key of a file.
type Setting struct {
	// Section is "" before the first section. Key is in lower case. Value has a
	// line end where it went on in another line.
	Section, Key, Value string
	Line                int // of the key, from 1
}

// Settings reads the settings of a file in their order: sections, "key = value"
// or "key: value", values that go on in indented lines, comments with "#" or ";"
// in front. What it does not understand it passes over.
func Settings(text string) iter.Seq[Setting] {
	return func(yield func(Setting) bool) {
		var s Setting
		line := 0
		for raw := range strings.Lines(text) {
			line++
			trimmed := strings.TrimSpace(raw)
			if trimmed == "" || trimmed[0] == '#' || trimmed[0] == ';' {
				continue
			}
			if (raw[0] == ' ' || raw[0] == '\t') && s.Key != "" {
				s.Value = strings.TrimSpace(s.Value + "\n" + trimmed)
				continue
			}
			if s.Key != "" && !yield(s) {
				return
			}
			s.Key = ""
			if inner, ok := strings.CutPrefix(trimmed, "["); ok {
				s.Section, _, _ = strings.Cut(inner, "]")
				continue
			}
			if i := strings.IndexAny(trimmed, "=:"); i > 0 {
				s.Key = strings.ToLower(strings.TrimSpace(trimmed[:i]))
				s.Value, s.Line = strings.TrimSpace(trimmed[i+1:]), line
			}
		}
		if s.Key != "" {
			yield(s)
		}
	}
}
