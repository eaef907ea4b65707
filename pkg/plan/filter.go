package plan

import (
	"fmt"
	"slices"

	"github.com/lazybuild/lazybuild/pkg/locks"
)

// filter leaves out of a lock what the input's binary filter does not want. It
// says so where nothing of a package is left that this build could use.
func (b *builder) filter(lock *locks.Lock, o *InputOptions) {
	if o == nil || lock.Type != "pip" {
		return
	}
	w := newWheels(o)
	if w == nil {
		return
	}
	left := map[release]bool{}
	for i := range lock.Artifacts {
		if a := &lock.Artifacts[i]; w.keeps(a) {
			left[release{a.Name, a.Version}] = true
		}
	}
	wanted := func(marker string) bool {
		return marker == "" || slices.ContainsFunc(b.targets, func(p Platform) bool { return p.markers()(marker) != no })
	}
	var lost []release
	lock.Artifacts = slices.DeleteFunc(lock.Artifacts, func(a locks.Artifact) bool {
		r := release{a.Name, a.Version}
		if !left[r] && !slices.Contains(lost, r) && wanted(a.Only.Marker) {
			lost = append(lost, r)
		}
		return !w.keeps(&a)
	})
	if len(lost) > 0 {
		lock.Warnings = append(lock.Warnings, fmt.Sprintf(
			"the input's binary filter leaves no file of %d packages (%s %s first)", len(lost), lost[0].name, lost[0].version))
	}
}

// rpmArches are the architectures whose RPMs the build gets: the targets', if the
// input's filter lets them in. Empty means that there are none for this build.
func (b *builder) rpmArches(lock string, in *found) []string {
	arches := rpmArches(b.targets)
	if in.typ != "rpm" || in.options == nil || in.options.Binary == nil {
		return arches
	}
	allowed := commas(in.options.Binary.Arch)
	var kept []string
	for _, a := range arches {
		if allowed == nil || slices.Contains(allowed, a) {
			kept = append(kept, a)
			continue
		}
		b.warn(lock, fmt.Sprintf("the input's binary.arch leaves out %s: builds for it get none of its packages", a))
	}
	return kept
}
