package orchestrator

import (
	"slices"
	"strings"
)

// without returns an environment without some variables. It is never nil, which
// would mean this process's own.
func without(env, names []string) []string {
	out := []string{}
	for _, e := range env {
		if name, _, _ := strings.Cut(e, "="); !slices.Contains(names, name) {
			out = append(out, e)
		}
	}
	return out
}
