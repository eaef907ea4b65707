package plan

import (
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"slices"
	"strings"
)

// Describe prints what the configuration sets, one setting per line, as the
// matching flags or keys; a file that sets nothing is said to. Inputs and
// directories that are not there are an error, after everything else has been
// printed: with a path that does not depend on the build they can be looked for.
func (c *Config) Describe(w io.Writer) error {
	var lines []string
	add := func(key string, value any) { lines = append(lines, fmt.Sprintf("%s = %v", key, value)) }
	for _, s := range []struct{ key, value string }{
		{"store", c.Store}, {"readahead", c.ReadAhead}, {"allow-unverified", c.AllowUnverified}, {"rpm-metadata", c.RPMMetadata},
	} {
		if s.value != "" {
			add(s.key, s.value)
		}
	}
	for _, s := range []struct {
		key   string
		value *bool
	}{{"rpm-source", c.RPMSource}, {"yum-repos", c.YumRepos}, {"read-only", c.ReadOnly}, {"hermetic", c.Hermetic}} {
		if s.value != nil {
			add(s.key, *s.value)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(c.Registries)) {
		add("registries."+key, redacted(c.Registries[key]))
	}
	for _, dir := range c.ReposD {
		add("repos-d", dir)
	}
	missing := c.describeInputs(&lines)
	if len(lines) == 0 {
		lines = []string{"nothing is set: all settings have their defaults"}
	}
	if _, err := fmt.Fprintf(w, "%s: valid\n%s\n", c.path, "  "+strings.Join(lines, "\n  ")); err != nil {
		return err
	}
	return missing
}

// describeInputs appends a line for each lock file that an input means. Those
// without a path depend on the build.
func (c *Config) describeInputs(lines *[]string) error {
	o := Options{Dir: c.dir}
	p := &Plan{}
	var firstErr error
	for _, in := range c.Inputs {
		if in.Path == "" && len(in.files()) == 0 {
			*lines = append(*lines, fmt.Sprintf("input %s: beside the Containerfile or in the context's root", in.Type))
			continue
		}
		found, err := o.resolve([]Input{in}, c.dir, p)
		if err != nil && firstErr == nil {
			firstErr = err
		}
		for _, f := range found {
			*lines = append(*lines, fmt.Sprintf("input %s: %s", in.Type, filepath.ToSlash(o.display(f.path))))
		}
	}
	for _, w := range p.Warnings {
		*lines = append(*lines, "warning: "+w)
	}
	return firstErr
}
