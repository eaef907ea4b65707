package plan

import (
	"path"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/locks"
)

// chooser is Platform.chooser for a build of several platforms: what one of
// them can use, the build can.
func chooser(targets []Platform, lock *locks.Lock) func(*locks.Artifact) bool {
	fits := make([]func(*locks.Artifact) bool, len(targets))
	for i, p := range targets {
		fits[i] = p.chooser(lock)
	}
	return func(a *locks.Artifact) bool {
		return slices.ContainsFunc(fits, func(f func(*locks.Artifact) bool) bool { return f(a) })
	}
}

// chooser returns a function that says whether the target can use an artifact
// of the lock, which is what read-ahead may fetch. A wrong yes costs bytes, a
// wrong no costs only the head start. So it says yes to what it cannot know
// (the image's Python) and no to what has a better alternative in the same lock.
// The function is for one goroutine.
func (p Platform) chooser(lock *locks.Lock) func(*locks.Artifact) bool {
	markers := p.markers()
	glibc := p.withManylinux(lock)
	return func(a *locks.Artifact) bool {
		if a.Only.Source || a.Spare || !p.fitsNode(&a.Only) || !p.fitsRPM(a.Only.Arch) {
			return false
		}
		if a.Only.Marker != "" && markers(a.Only.Marker) == no {
			return false
		}
		tags := wheelPlatforms(a.Path)
		if tags == nil {
			return true
		}
		// Wheels for musl beside wheels for glibc are for another base image.
		musl := !glibc[release{a.Name, a.Version}]
		return slices.ContainsFunc(tags, func(tag string) bool {
			return p.fitsWheel(tag) && (musl || !strings.HasPrefix(tag, "musllinux"))
		})
	}
}

// release is one package in one version: its wheels are alternatives.
type release struct{ name, version string }

// withManylinux finds the releases that have a wheel for the target with glibc.
func (p Platform) withManylinux(lock *locks.Lock) map[release]bool {
	found := map[release]bool{}
	for i := range lock.Artifacts {
		a := &lock.Artifacts[i]
		for _, tag := range wheelPlatforms(a.Path) {
			if strings.HasPrefix(tag, "manylinux") && p.fitsWheel(tag) {
				found[release{a.Name, a.Version}] = true
			}
		}
	}
	return found
}

// wheelPlatforms are the platform tags of a wheel's file name, nil for other
// files (PEP 427: name-version[-build]-python-abi-platform.whl; PEP 425: a "."
// joins several tags).
func wheelPlatforms(file string) []string {
	name, ok := strings.CutSuffix(path.Base(file), ".whl")
	if !ok {
		return nil
	}
	return strings.Split(name[strings.LastIndexByte(name, '-')+1:], ".")
}

// fitsWheel holds one platform tag (PEP 425, 513, 571, 599, 600, 656) against the target.
func (p Platform) fitsWheel(tag string) bool {
	if tag == "any" {
		return true
	}
	if p.OS != "linux" || !strings.HasSuffix(tag, "_"+p.RPM()) {
		return false
	}
	return strings.HasPrefix(tag, "linux_") || strings.HasPrefix(tag, "manylinux") || strings.HasPrefix(tag, "musllinux_")
}

// fitsRPM holds an RPM architecture against the target.
func (p Platform) fitsRPM(arch string) bool {
	return arch == "" || arch == "noarch" || arch == p.RPM()
}

// fitsNode evaluates npm's os, cpu and libc lists (npm's documentation,
// "package.json"). The image's libc is not known; the base images of hermetic
// builds have glibc.
func (p Platform) fitsNode(c *locks.Constraint) bool {
	return fitsList(c.OS, p.OS) && fitsList(c.CPU, p.node()) && fitsList(c.Libc, "glibc")
}

// fitsList is npm's rule: an entry with "!" that matches excludes; without
// positive entries everything else fits.
func fitsList(list []string, value string) bool {
	fits := true
	for _, l := range list {
		if excluded, ok := strings.CutPrefix(l, "!"); !ok {
			fits = false
		} else if excluded == value {
			return false
		}
	}
	return fits || slices.Contains(list, value) || slices.Contains(list, "any")
}

// markers evaluates markers for the platform, each distinct one once: a lock
// repeats a few of them over all its packages.
func (p Platform) markers() func(string) truth {
	env, known := p.markerEnv(), map[string]truth{}
	return func(s string) truth {
		t, ok := known[s]
		if !ok {
			t = marker(s, env)
			known[s] = t
		}
		return t
	}
}

// markerEnv is what the platform decides of PEP 508's environment.
func (p Platform) markerEnv() map[string]string {
	if p.OS != "linux" {
		return nil
	}
	return map[string]string{
		"sys_platform": "linux", "platform_system": "Linux", "os_name": "posix", "platform_machine": p.RPM(),
	}
}
