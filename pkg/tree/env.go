package tree

import (
	"fmt"
	"slices"
	"strings"
)

// Env is an environment variable for every RUN.
type Env struct {
	Name, Value string
}

// MergeEnv joins the lists, sorted by name. A variable that is malformed, or
// that two lists set to different values, is an error: a build that sees one
// package manager's value under the other's lock would be wrong silently.
func MergeEnv(lists ...[]Env) ([]Env, error) {
	all := slices.Concat(lists...)
	slices.SortStableFunc(all, func(a, b Env) int { return strings.Compare(a.Name, b.Name) })
	out := all[:0]
	for _, e := range all {
		if err := checkEnv(e); err != nil {
			return nil, err
		}
		if n := len(out); n > 0 && out[n-1].Name == e.Name {
			if out[n-1].Value != e.Value {
				return nil, fmt.Errorf("environment variable %s would be both %q and %q", e.Name, out[n-1].Value, e.Value)
			}
			continue
		}
		out = append(out, e)
	}
	return out, nil
}

// checkEnv refuses what a shell cannot export or a Containerfile's ARG cannot hold.
func checkEnv(e Env) error {
	for i := range len(e.Name) {
		c := e.Name[i]
		letter := c == '_' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return fmt.Errorf("%q is not the name of an environment variable", e.Name)
		}
	}
	if e.Name == "" {
		return fmt.Errorf("an environment variable has no name")
	}
	if strings.ContainsAny(e.Value, "\x00\n\r") {
		return fmt.Errorf("the value of environment variable %s holds a line break or NUL", e.Name)
	}
	return nil
}
