package plan

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// optionError says what is wrong with an input; where it stood, who calls knows.
type optionError struct {
	// key is the way to the wrong place: "packages[2]", "binary", "arch".
	key []string
	msg string
}

// Error is "packages[2].binary.arch: message".
func (e *optionError) Error() string {
	if len(e.key) == 0 {
		return e.msg
	}
	return strings.Join(e.key, ".") + ": " + e.msg
}

// checker holds decoded values (those that encoding/json, yaml.v3 and toml make
// for an any) against the schema, and collects warnings.
type checker struct {
	warnings []string
}

// keys checks the keys of a table and their values.
func (c *checker) keys(at []string, of string, values map[string]any, options []option) error {
	for _, key := range sortedKeys(values) {
		i := slices.IndexFunc(options, func(o option) bool { return o.key == key })
		if i < 0 {
			return &optionError{append(slices.Clip(at), key), fmt.Sprintf("there is no key %q %s%s", key, of, nearest(key, keysOf(options)))}
		}
		if values[key] == nil {
			continue // null
		}
		if err := c.value(append(slices.Clip(at), key), &options[i], values[key]); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) value(at []string, o *option, v any) error {
	if !o.kind.fits(v) {
		return &optionError{at, fmt.Sprintf("it is %s, and has to be %s", describe(v), o.kind)}
	}
	if o.kind == asFilter && !slices.ContainsFunc(strings.Split(v.(string), ","), func(s string) bool { return strings.TrimSpace(s) != "" }) {
		return &optionError{at, "it names nothing"}
	}
	if o.ignored != "" && v != false {
		c.warnings = append(c.warnings, fmt.Sprintf("%s has no effect: %s", strings.Join(at, "."), o.ignored))
	}
	if o.kind == asTable {
		return c.keys(at, "in "+o.key, v.(map[string]any), o.of)
	}
	return nil
}

// fits says whether a decoded value is of the kind.
func (k kind) fits(v any) bool {
	switch v := v.(type) {
	case string:
		return k == asText || k == asFilter
	case bool:
		return k == asTruth
	case int, int64:
		return k == asNumber
	case float64:
		return k == asNumber && v == float64(int(v))
	case []any:
		return k == asTexts && !slices.ContainsFunc(v, func(it any) bool { _, ok := it.(string); return !ok })
	case map[string]any:
		return k == asTable || k == asSections && allSections(v)
	}
	return false
}

func allSections(v map[string]any) bool {
	for _, section := range v {
		s, ok := section.(map[string]any)
		if !ok {
			return false
		}
		for _, value := range s {
			switch value.(type) {
			case string, bool, int, int64, float64:
			default:
				return false
			}
		}
	}
	return true
}

// describe names a decoded value for a message.
func describe(v any) string {
	switch v := v.(type) {
	case string:
		return fmt.Sprintf("the string %q", clip(v))
	case []any:
		return "a list"
	case map[string]any:
		return "a table"
	}
	return clip(fmt.Sprint(v))
}

// clip shortens text for a message.
func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "…"
	}
	return s
}

// rules are what Hermeto asks for beyond the kinds of the values.
func (o *InputOptions) rules(typ string) error {
	for _, p := range slices.Concat(o.RequirementsFiles, o.RequirementsBuildFiles) {
		if err := saneRelative(p); err != nil {
			return &optionError{[]string{"requirements_files"}, err.Error()}
		}
	}
	for id, options := range o.Options.DNF {
		for key, value := range options {
			if !dnfKey.MatchString(key) || strings.ContainsAny(fmt.Sprint(value), "\r\n\x00") {
				return &optionError{[]string{"options", "dnf", id, key}, "this can't be a line of a .repo file"}
			}
		}
	}
	b := o.Binary
	if typ != "pip" || b == nil || b.Platform == "" {
		return nil
	}
	if b.OS != "" && b.OS != "linux" || b.Arch != "" && b.Arch != "x86_64" {
		return &optionError{[]string{"binary", "platform"}, "it cannot stand beside os or arch"}
	}
	if _, err := regexp.Compile(b.Platform); err != nil {
		return &optionError{[]string{"binary", "platform"}, fmt.Sprintf("it is no regular expression: %v", err)}
	}
	return nil
}

// dnfKey is how dnf's settings are named (dnf.conf(5)).
var dnfKey = regexp.MustCompile(`^[A-Za-z][A-Za-z0-9_]*$`)

// saneRelative refuses paths that lead out of the directory at which they start.
func saneRelative(p string) error {
	if strings.HasPrefix(p, "/") {
		return fmt.Errorf("the path %q is absolute; it has to start at the repository's root", clip(p))
	}
	if slices.Contains(strings.Split(p, "/"), "..") {
		return fmt.Errorf(`the path %q holds ".."`, clip(p))
	}
	return nil
}
