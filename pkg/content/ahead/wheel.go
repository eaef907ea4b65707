package ahead

import (
	"path"
	"slices"
	"strconv"
	"strings"
)

// wheel is what a wheel's file name says (PEP 427, PEP 425). Each of the three
// tags may be a set: "py2.py3-none-any".
type wheel struct {
	name, version           string // the distribution, normalised (PEP 503)
	pythons, abis, platform []string
}

// parseWheel reads a file name. false for files that are no wheels.
func parseWheel(file string) (wheel, bool) {
	stem, ok := strings.CutSuffix(path.Base(file), ".whl")
	if !ok {
		return wheel{}, false
	}
	parts := strings.Split(stem, "-")
	if n := len(parts); n != 5 && n != 6 { // six with a build tag
		return wheel{}, false
	}
	tags := parts[len(parts)-3:]
	set := func(s string) []string { return strings.Split(s, ".") }
	return wheel{normalise(parts[0]), parts[1], set(tags[0]), set(tags[1]), set(tags[2])}, true
}

// normalise makes one name of all spellings of a distribution's name (PEP 503).
func normalise(name string) string {
	return strings.Join(strings.FieldsFunc(strings.ToLower(name), func(r rune) bool { return strings.ContainsRune("-_.", r) }), "-")
}

// python is one interpreter: "cp" or "pp" for CPython and PyPy, 3.minor.
type python struct {
	impl     string
	minor    int
	threaded bool // free-threaded, ABI "cp313t"
}

// parsePython reads a python tag of one version: "cp312". false for those of
// many ("py3") and of Python 2.
func parsePython(tag string) (python, bool) {
	for _, impl := range []string{"cp", "pp"} {
		if digits, ok := strings.CutPrefix(tag, impl+"3"); ok {
			minor, err := strconv.Atoi(digits)
			return python{impl: impl, minor: minor}, err == nil && minor >= 0
		}
	}
	return python{}, false
}

// exact is the one interpreter that can use the wheel, if it is one: a wheel
// with a stable or no ABI, or for several interpreters, does not tell.
func (w *wheel) exact() (python, bool) {
	if len(w.pythons) != 1 || slices.Contains(w.abis, "abi3") {
		return python{}, false
	}
	p, ok := parsePython(w.pythons[0])
	p.threaded = len(w.abis) == 1 && w.abis[0] == w.pythons[0]+"t"
	return p, ok
}

// Preference of a wheel, less is better, in the order of the tags that pip
// tries (packaging.tags.sys_tags, which uv follows): the interpreter's own ABI,
// the stable ABI, no ABI, older stable ABIs; then wheels for any interpreter,
// those of one platform first.
const (
	ownABI     = 0
	stableABI  = 1
	noABI      = 2
	oldStable  = 3    // more for each version
	anyPython  = 1000 // more for each version
	anySystem  = 2000 // the same again
	notForThis = -1
)

// preference is how much an interpreter wants the wheel, or notForThis.
func (w *wheel) preference(p python) int {
	best := notForThis
	for _, py := range w.pythons {
		for _, abi := range w.abis {
			n := tagPreference(py, abi, p)
			if n != notForThis && abi == "none" && slices.Contains(w.platform, "any") {
				n += anySystem
				if n < anySystem+anyPython { // cp312-none-any comes before py312-none-any
					n += anyPython - noABI - 1
				}
			}
			if n != notForThis && (best == notForThis || n < best) {
				best = n
			}
		}
	}
	return best
}

func tagPreference(py, abi string, p python) int {
	if minor, ok := genericPython(py); ok && abi == "none" {
		switch {
		case minor == p.minor:
			return anyPython
		case minor < 0: // "py3" comes right after the own version, then the older ones
			return anyPython + 1
		case minor < p.minor:
			return anyPython + 1 + p.minor - minor
		}
		return notForThis
	}
	q, ok := parsePython(py)
	switch {
	case !ok || q.impl != p.impl || q.minor > p.minor:
		return notForThis
	case abi == "abi3":
		switch {
		case p.impl != "cp" || p.threaded:
			return notForThis
		case q.minor == p.minor:
			return stableABI
		}
		return oldStable + p.minor - q.minor
	case q.minor != p.minor:
		return notForThis
	case abi == "none":
		return noABI
	case p.impl == "pp" && strings.HasPrefix(abi, "pypy"):
		return ownABI
	case p.impl == "cp" && (abi == py && !p.threaded || abi == py+"t" && p.threaded):
		return ownABI
	}
	return notForThis
}

// genericPython reads "py3" (minor -1) and "py311".
func genericPython(tag string) (minor int, ok bool) {
	digits, ok := strings.CutPrefix(tag, "py3")
	if !ok {
		return 0, false
	}
	if digits == "" {
		return -1, true
	}
	minor, err := strconv.Atoi(digits)
	return minor, err == nil && minor >= 0
}

// libc is the highest C library version 2.N (musl: 1.N) among the wheel's
// platform tags that a system with 2.limit has; pip takes the wheel with the
// highest. false when none fits.
func (w *wheel) libc(limit int) (int, bool) {
	best, ok := 0, false
	for _, tag := range w.platform {
		if n := tagLibc(tag); n <= limit && (!ok || n > best) {
			best, ok = n, true
		}
	}
	return best, ok
}

// needsLibc is the least of the wheel's versions: whoever opens it has that.
func (w *wheel) needsLibc() int {
	least := tagLibc(w.platform[0])
	for _, tag := range w.platform {
		least = min(least, tagLibc(tag))
	}
	return least
}

// tagLibc is N of "manylinux_2_N_x86_64" (PEP 600) or of its old names; 0 where
// the tag names no version.
func tagLibc(tag string) int {
	for _, old := range []struct {
		prefix string
		n      int
	}{{"manylinux1_", 5}, {"manylinux2010_", 12}, {"manylinux2014_", 17}} {
		if strings.HasPrefix(tag, old.prefix) {
			return old.n
		}
	}
	for _, prefix := range []string{"manylinux_2_", "musllinux_1_"} {
		if rest, ok := strings.CutPrefix(tag, prefix); ok {
			digits, _, _ := strings.Cut(rest, "_")
			if n, err := strconv.Atoi(digits); err == nil && n >= 0 {
				return n
			}
		}
	}
	return 0
}
