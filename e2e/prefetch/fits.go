package prefetch

import (
	"path"
	"strconv"
	"strings"
)

// Python is the interpreter of the test images, as in "cp311".
const Python = 311

// OnlyFitting leaves out what the target platform cannot use: wheels of other
// systems and interpreters, source archives of packages with a fitting wheel,
// npm packages for other systems (lock is the package-lock.json; nil when
// there is none). It is the best that a prefetch can do without knowing what
// the build will open. machine is "x86_64" or "aarch64".
func OnlyFitting(entries []Entry, lock []byte, machine string) ([]Entry, error) {
	foreign := map[string]bool{}
	if lock != nil {
		packages, err := parseLock(lock)
		if err != nil {
			return nil, err
		}
		cpu := map[string]string{"x86_64": "x64", "aarch64": "arm64"}[machine]
		for key, e := range packages {
			if !e.fits(cpu) {
				foreign[e.tarball(key)] = true
			}
		}
	}
	wheels := map[string]bool{}
	for _, e := range entries {
		if wheelFits(path.Base(e.Path), machine) {
			wheels[release(e.Path)] = true
		}
	}
	var kept []Entry
	for _, e := range entries {
		if foreign[e.Path] || isPip(e) && unneeded(e, wheels, machine) {
			continue
		}
		kept = append(kept, e)
	}
	return kept, nil
}

func isPip(e Entry) bool { return strings.HasPrefix(e.Path, "deps/pip/") }

func unneeded(e Entry, wheels map[string]bool, machine string) bool {
	if strings.HasSuffix(e.Path, ".whl") {
		return !wheelFits(path.Base(e.Path), machine)
	}
	return wheels[release(e.Path)]
}

// release is "name-version" of a wheel or a source archive, normalised.
func release(p string) string {
	base := strings.ToLower(path.Base(p))
	if strings.HasSuffix(base, ".whl") {
		parts := strings.SplitN(base, "-", 3)
		base = parts[0] + "-" + parts[1]
	}
	for _, ext := range []string{".tar.gz", ".tar.bz2", ".zip"} {
		base = strings.TrimSuffix(base, ext)
	}
	i := strings.LastIndex(base, "-")
	if i < 0 {
		return base
	}
	return strings.NewReplacer("-", "_", ".", "_").Replace(base[:i]) + base[i:]
}

// wheelFits reads the tags of a wheel's file name (PEP 425, PEP 600).
func wheelFits(name, machine string) bool {
	stem, ok := strings.CutSuffix(name, ".whl")
	parts := strings.Split(stem, "-")
	if !ok || len(parts) < 5 {
		return false
	}
	python, abi, platform := parts[len(parts)-3], parts[len(parts)-2], parts[len(parts)-1]
	return anyTag(python, func(t string) bool { return pythonFits(t, abi) }) &&
		anyTag(platform, func(t string) bool {
			return t == "any" || strings.HasSuffix(t, "linux_"+machine) ||
				strings.HasPrefix(t, "manylinux") && strings.HasSuffix(t, "_"+machine)
		})
}

// pythonFits accepts the interpreter's own tag, generic ones, and older
// versions where the wheel uses the stable or no ABI.
func pythonFits(tag, abi string) bool {
	if tag == "py3" {
		return true
	}
	version, err := strconv.Atoi(strings.TrimLeft(tag, "cpy"))
	if err != nil {
		return false
	}
	if strings.HasPrefix(tag, "cp") && abi != "abi3" && abi != "none" {
		return version == Python && !strings.HasSuffix(abi, "t")
	}
	return version <= Python && version >= 30
}

func anyTag(tags string, fits func(string) bool) bool {
	for tag := range strings.SplitSeq(tags, ".") {
		if fits(tag) {
			return true
		}
	}
	return false
}
