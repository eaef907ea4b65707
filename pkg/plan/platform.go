package plan

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/locks"
)

// Platform is what is built for, in the words of OCI images.
type Platform struct {
	OS, Arch string
}

// ParsePlatform reads "os/arch[/variant]", as podman's --platform takes it.
// Empty means this machine.
func ParsePlatform(s string) (Platform, error) {
	if s == "" {
		return hostPlatform(), nil
	}
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 || parts[0] == "" || parts[1] == "" {
		return Platform{}, fmt.Errorf("platform %q is not OS/ARCH[/VARIANT]", s)
	}
	return Platform{OS: parts[0], Arch: parts[1]}, nil
}

// machines names architectures as the kernel and RPM do; nodes as Node.js does.
var (
	machines = map[string]string{"amd64": "x86_64", "arm64": "aarch64", "ppc64le": "ppc64le", "s390x": "s390x", "386": "i686", "arm": "armv7l", "riscv64": "riscv64"}
	nodes    = map[string]string{"amd64": "x64", "arm64": "arm64", "ppc64le": "ppc64", "s390x": "s390x", "386": "ia32", "arm": "arm", "riscv64": "riscv64"}
)

// RPM is the architecture in RPM's words.
func (p Platform) RPM() string {
	if m, ok := machines[p.Arch]; ok {
		return m
	}
	return p.Arch
}

// chooser returns a function that says whether the target can use an artifact,
// which is what read-ahead may fetch. It errs on the side of no for what has a
// better alternative in the same lock, and of yes for what it cannot know.
func (p Platform) chooser(lock *locks.Lock) func(*locks.Artifact) bool {
	// musl wheels beside manylinux ones of the same package are for another libc.
	manylinux := map[string]bool{}
	for i := range lock.Artifacts {
		a := &lock.Artifacts[i]
		if tags := wheelPlatforms(a.Path); p.anyFits(tags) && strings.Contains(strings.Join(tags, "."), "manylinux") {
			manylinux[a.Name+"\x00"+a.Version] = true
		}
	}
	return func(a *locks.Artifact) bool {
		if a.Only.Source || !p.fitsNode(a.Only) || a.Only.Arch != "" && a.Only.Arch != p.RPM() || !p.fitsMarker(a.Only.Marker) {
			return false
		}
		tags := wheelPlatforms(a.Path)
		if tags == nil {
			return true
		}
		if manylinux[a.Name+"\x00"+a.Version] {
			tags = slices.DeleteFunc(tags, func(t string) bool { return strings.HasPrefix(t, "musllinux") })
		}
		return p.anyFits(tags)
	}
}

// wheelPlatforms are the platform tags of a wheel's file name (PEP 425), nil
// for other files.
func wheelPlatforms(file string) []string {
	name, ok := strings.CutSuffix(path.Base(file), ".whl")
	if !ok {
		return nil
	}
	return strings.Split(name[strings.LastIndexByte(name, '-')+1:], ".")
}

func (p Platform) anyFits(tags []string) bool {
	return slices.ContainsFunc(tags, p.fitsWheel)
}

// fitsWheel holds one platform tag (PEP 425, 513, 600, 656) against the target.
func (p Platform) fitsWheel(tag string) bool {
	if tag == "any" {
		return true
	}
	linux := strings.HasPrefix(tag, "linux") || strings.HasPrefix(tag, "manylinux") || strings.HasPrefix(tag, "musllinux")
	return p.OS == "linux" && linux && strings.HasSuffix(tag, "_"+p.RPM())
}

// fitsNode evaluates npm's os, cpu and libc lists. Base images for hermetic
// builds have glibc.
func (p Platform) fitsNode(c locks.Constraint) bool {
	return fitsList(c.OS, p.OS) && fitsList(c.CPU, nodes[p.Arch]) && fitsList(c.Libc, "glibc")
}

// fitsList is npm's rule: a "!" entry that matches excludes; without positive
// entries everything else fits.
func fitsList(list []string, value string) bool {
	if len(list) == 0 {
		return true
	}
	positive, match := false, false
	for _, l := range list {
		if not, ok := strings.CutPrefix(l, "!"); ok {
			if not == value {
				return false
			}
			continue
		}
		positive = true
		match = match || l == value || l == "any"
	}
	return match || !positive
}

// fitsMarker looks at the parts of a PEP 508 marker that the platform decides.
// It says no only for a plain conjunction with a comparison that is false;
// everything else may fit.
func (p Platform) fitsMarker(marker string) bool {
	if marker == "" || strings.Contains(marker, " or ") || strings.ContainsAny(marker, "()") {
		return true
	}
	known := map[string]string{"sys_platform": p.OS, "platform_system": strings.ToUpper(p.OS[:1]) + p.OS[1:], "platform_machine": p.RPM(), "os_name": "posix"}
	for _, term := range strings.Split(marker, " and ") {
		fields := strings.Fields(term)
		if len(fields) != 3 {
			continue
		}
		have, ok := known[fields[0]]
		want := strings.Trim(fields[2], `'"`)
		if ok && (fields[1] == "==" && have != want || fields[1] == "!=" && have == want) {
			return false
		}
	}
	return true
}
