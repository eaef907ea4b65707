package index

import (
	"strings"

	"github.com/lazybuild/lazybuild/pkg/locks"
)

// sdistEndings are those of source archives that pip takes.
var sdistEndings = []string{".tar.gz", ".zip", ".tar.bz2", ".tar.xz", ".tar.Z", ".tar"}

func isWheel(file string) bool { return strings.HasSuffix(file, ".whl") }

// versionOf is the version in the name of a file of the project (a normalized
// name); ok is false for files of other projects, and for those that pip would
// not take.
func versionOf(file, project string) (version string, ok bool) {
	if base, wheel := strings.CutSuffix(file, ".whl"); wheel {
		parts := strings.Split(base, "-") // PEP 427
		if len(parts) != 5 && len(parts) != 6 || locks.NormalizePyName(parts[0]) != project {
			return "", false
		}
		return parts[1], true
	}
	for _, ending := range sdistEndings {
		base, is := strings.CutSuffix(file, ending)
		if !is {
			continue
		}
		// Old archives have hyphens in the project's name.
		for i := range len(base) {
			if base[i] == '-' && locks.NormalizePyName(base[:i]) == project {
				return base[i+1:], true
			}
		}
	}
	return "", false
}
