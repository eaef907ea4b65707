package plan

import (
	"cmp"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/locks"
)

// wheels is pip's binary filter (Hermeto's documentation, "pip", "Distribution
// formats"). Without one, all wheels and sdists are in the tree.
//
// All packages, or none, are named in "packages": of those that are, the tree
// has wheels alone; of the others sdists alone; with ":all:" both. A wheel fits
// when one of its tags does.
type wheels struct {
	packages      []string // normalized; nil for all
	arch, os      []string // nil for all
	impl, abi     []string
	version       int // 312 for Python 3.12; 0 for all
	platformRegex *regexp.Regexp
}

// newWheels makes the filter of an input; nil when it filters nothing. What the
// input leaves out is CPython on Linux on x86_64, as in Hermeto.
func newWheels(o *InputOptions) *wheels {
	b := o.Binary
	if b == nil {
		return nil
	}
	w := &wheels{
		packages: commas(b.Packages), arch: commas(cmp.Or(b.Arch, "x86_64")), os: commas(cmp.Or(b.OS, "linux")),
		impl: commas(cmp.Or(b.PyImpl, "cp")), abi: commas(b.ABI), version: b.PyVersion,
	}
	for i, p := range w.packages {
		w.packages[i] = normalName(p)
	}
	if b.Platform != "" {
		w.platformRegex, _ = regexp.Compile(b.Platform) // checked with the options
	}
	return w
}

// commas cuts a filter's list; nil means everything.
func commas(s string) []string {
	var list []string
	for part := range strings.SplitSeq(s, ",") {
		switch part = strings.TrimSpace(part); part {
		case ":all:":
			return nil
		case "":
		default:
			list = append(list, part)
		}
	}
	return list
}

var nameSeparators = regexp.MustCompile(`[-_.]+`)

// normalName is PEP 503's normalized name of a package.
func normalName(s string) string {
	return strings.ToLower(nameSeparators.ReplaceAllString(s, "-"))
}

// keeps says whether a file of a Python lock stays in the tree.
func (w *wheels) keeps(a *locks.Artifact) bool {
	stem, isWheel := strings.CutSuffix(path.Base(a.Path), ".whl")
	switch {
	case w.packages == nil:
		return !isWheel || w.fits(stem)
	case slices.Contains(w.packages, normalName(a.Name)):
		return isWheel && w.fits(stem)
	}
	return !isWheel
}

// fits holds the tags in a wheel's name (PEP 427: three parts at its end, each
// of which may be a set with dots between) against the filter.
func (w *wheels) fits(stem string) bool {
	parts := strings.Split(stem, "-")
	if len(parts) < 5 {
		return false
	}
	tags := parts[len(parts)-3:]
	for abi := range strings.SplitSeq(tags[1], ".") {
		if w.abi != nil && !plainABI(abi) && !containsAny(abi, w.abi) {
			continue
		}
		for python := range strings.SplitSeq(tags[0], ".") {
			if w.fitsPython(python, abi) && slices.ContainsFunc(strings.Split(tags[2], "."), w.fitsPlatform) {
				return true
			}
		}
	}
	return false
}

// plainABI says that a wheel of this ABI runs on later Pythons too.
func plainABI(abi string) bool { return abi == "abi3" || abi == "none" }

func (w *wheels) fitsPython(tag, abi string) bool {
	if w.impl != nil && !strings.Contains(tag, "py3") && !containsAny(tag, w.impl) {
		return false
	}
	if w.version == 0 {
		return true
	}
	digits := strings.TrimLeft(tag, "abcdefghijklmnopqrstuvwxyz")
	v, err := strconv.Atoi(digits)
	if err != nil || digits[0] != strconv.Itoa(w.version)[0] {
		return false
	}
	return v == w.version || v < w.version && plainABI(abi)
}

func (w *wheels) fitsPlatform(tag string) bool {
	if w.platformRegex != nil {
		return w.platformRegex.MatchString(tag)
	}
	return tag == "any" || (w.arch == nil || containsAny(tag, w.arch)) && (w.os == nil || containsAny(tag, w.os))
}

func containsAny(s string, parts []string) bool {
	return slices.ContainsFunc(parts, func(p string) bool { return strings.Contains(s, p) })
}
