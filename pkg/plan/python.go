package plan

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
)

// onePython leaves one kind of Python lock per directory: pylock.toml and
// pylock.<name>.toml, else uv.lock, else requirements.txt. They are exports of
// one another, and the better one states sizes and URLs, so that the worse one
// would only cost questions to the index. A requirements-build.txt stays beside
// any of them: it is about other packages.
func (o *Options) onePython(all []found) []found {
	best := map[string]int{}
	for _, f := range all {
		if r := pythonRank(f); r > 0 {
			dir := filepath.Dir(f.path)
			best[dir] = max(best[dir], r)
		}
	}
	var dropped []string
	var kept []found
	for _, f := range all {
		if r := pythonRank(f); r > 0 && r < best[filepath.Dir(f.path)] {
			dropped = append(dropped, f.path)
			continue
		}
		kept = append(kept, f)
	}
	for i, f := range kept {
		var others []string
		for _, d := range dropped {
			if filepath.Dir(d) == filepath.Dir(f.path) && pythonRank(f) > 0 {
				others = append(others, filepath.Base(d))
			}
		}
		if len(others) > 0 {
			slices.Sort(others)
			kept[i].note = fmt.Sprintf("used, and %s beside it is not; --lazy-input pip:PATH names another", strings.Join(others, ", "))
		}
	}
	return kept
}

// pythonRank orders the Python locks of a directory, the best highest; 0 for
// files that are no rivals.
func pythonRank(f found) int {
	base := filepath.Base(f.path)
	switch {
	case f.typ != "pip" || base == "requirements-build.txt":
		return 0
	case base == "requirements.txt":
		return 1
	case base == "uv.lock":
		return 2
	}
	return 3
}
