package plan

import (
	"cmp"
	"fmt"
	"runtime"
	"slices"
	"strings"
)

// Platform is what is built for, in the words of OCI images ("linux", "arm64").
type Platform struct {
	OS, Arch string
}

// ParsePlatform reads "OS[/ARCH[/VARIANT]]" or "local", as podman's --platform
// takes it. What is missing is this machine's; containers are Linux everywhere.
func ParsePlatform(s string) (Platform, error) {
	host := Platform{OS: "linux", Arch: runtime.GOARCH}
	if s == "" || s == "local" {
		return host, nil
	}
	parts := strings.Split(s, "/")
	for _, part := range parts {
		if part == "" || len(parts) > 3 {
			return Platform{}, fmt.Errorf("platform %q is not OS/ARCH[/VARIANT]; linux/amd64 is an example", s)
		}
	}
	p := Platform{OS: strings.ToLower(parts[0]), Arch: host.Arch}
	if len(parts) > 1 {
		p.Arch = strings.ToLower(parts[1])
		// podman knows the kernel's names too.
		p.Arch = cmp.Or(goArch(p.Arch), p.Arch)
	}
	return p, nil
}

// ParsePlatforms reads the platforms of one build, separated by commas, each as
// ParsePlatform reads it; none is this machine's. Each is there once.
func ParsePlatforms(s string) ([]Platform, error) {
	var ps []Platform
	for _, one := range strings.Split(s, ",") {
		p, err := ParsePlatform(one)
		if err != nil {
			return nil, err
		}
		if !slices.Contains(ps, p) {
			ps = append(ps, p)
		}
	}
	return ps, nil
}

// rpmArches are the platforms' architectures in RPM's words.
func rpmArches(ps []Platform) []string {
	var arches []string
	for _, p := range ps {
		arches = append(arches, p.RPM())
	}
	return arches
}

// machines names architectures as Go and OCI do, as the kernel and RPM do, and
// as Node.js does.
var machines = [...]struct{ arch, kernel, node string }{
	{"amd64", "x86_64", "x64"},
	{"arm64", "aarch64", "arm64"},
	{"ppc64le", "ppc64le", "ppc64"},
	{"s390x", "s390x", "s390x"},
	{"386", "i686", "ia32"},
	{"arm", "armv7l", "arm"},
	{"riscv64", "riscv64", "riscv64"},
}

// RPM is the architecture in the words of RPM, of the kernel and of wheel tags.
func (p Platform) RPM() string {
	for _, m := range machines {
		if m.arch == p.Arch {
			return m.kernel
		}
	}
	return p.Arch
}

// node is the architecture in Node.js's words.
func (p Platform) node() string {
	for _, m := range machines {
		if m.arch == p.Arch {
			return m.node
		}
	}
	return p.Arch
}

func goArch(kernel string) string {
	for _, m := range machines {
		if m.kernel == kernel {
			return m.arch
		}
	}
	return ""
}
