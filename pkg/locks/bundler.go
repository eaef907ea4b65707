package locks

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

const (
	// bundlerDir is where Hermeto puts gems.
	bundlerDir = "deps/bundler"
	// bundlerConfig is the directory of Hermeto's configuration for Bundler.
	bundlerConfig = "bundler/config_override"
)

// parseBundler reads a Gemfile.lock. Every gem of every platform is in the tree,
// also those for other platforms, which Hermeto leaves out unless it is asked:
// Bundler takes what the lock names for the platform of the build, and a file
// that nothing reads costs nothing. Gems from a directory of the project (PATH)
// are the project's own files.
func parseBundler(src Source, b *builder) error {
	lock, err := readGemLock(src.Data)
	if err != nil {
		return err
	}
	for i := range lock.gems {
		a, err := gemArtifact(lock, &lock.gems[i])
		if err != nil {
			return err
		}
		if err := b.add(a); err != nil {
			return err
		}
	}
	markSources(b.lock.Artifacts)
	config, err := bundleConfig(src)
	if err != nil {
		return err
	}
	b.lock.Texts = map[string][]byte{bundlerConfig + "/config": config}
	b.env("BUNDLE_APP_CONFIG", inOutput(src, bundlerConfig))
	return addGemRepos(src, b, lock)
}

func gemArtifact(lock *gemLock, g *gemSpec) (Artifact, error) {
	file := g.file()
	for _, part := range []string{g.name, g.version, file} {
		if err := checkName(part); err != nil {
			return Artifact{}, errAt(g.line, "the gem %q: %w", clip(file), err)
		}
	}
	a := Artifact{
		Name: g.name, Version: g.version, Path: bundlerDir + "/" + file + ".gem", Size: SizeUnknown,
		Only: gemPlatform(g.platform), Line: g.line,
		PURL: purl("gem", "", g.name, g.version, map[string]string{"platform": g.platform}),
	}
	for _, remote := range g.remotes {
		if _, err := parseURL(remote); err != nil {
			return a, errAt(g.remoteLine, "the remote: %w", err)
		}
		a.URLs = append(a.URLs, strings.TrimRight(remote, "/")+"/gems/"+gemEscaper.Replace(file)+".gem")
	}
	var err error
	a.Digest, err = gemDigest(lock.checksums[file])
	return a, err
}

var gemEscaper = strings.NewReplacer("%", "%25", "#", "%23", "?", "%3F", " ", "%20")

// gemDigest is the strongest of "sha256=…,sha512=…", empty for none.
func gemDigest(sum gemSum) (digest.Digest, error) {
	var best digest.Digest
	if sum.text == "" {
		return "", nil
	}
	for one := range strings.SplitSeq(sum.text, ",") {
		algo, value, ok := strings.Cut(one, "=")
		if !ok {
			return "", errAt(sum.line, "the checksum %q is not <algorithm>=<hex>", clip(one))
		}
		d, err := digest.New(algo, value)
		if err != nil {
			return "", errAt(sum.line, "%w", err)
		}
		if d.Strength() > best.Strength() {
			best = d
		}
	}
	return best, nil
}

// gemPlatform says where a gem with the given platform can be used (RubyGems'
// Gem::Platform: cpu-os[-version]). What isn't known restricts nothing.
func gemPlatform(platform string) Constraint {
	var c Constraint
	if platform == "java" || platform == "jruby" {
		// For another Ruby, not for another system; no system has that name, so
		// such gems are not read ahead.
		c.OS = []string{"java"}
		return c
	}
	cpu, rest, ok := strings.Cut(platform, "-")
	if !ok {
		return c
	}
	system, version, _ := strings.Cut(rest, "-")
	c.CPU, c.OS = gemCPU(cpu), gemSystem(system)
	// "linux" without a version is glibc or any, as the gem's author meant it.
	switch {
	case system == "linux" && strings.HasPrefix(version, "musl"):
		c.Libc = []string{"musl"}
	case system == "linux" && strings.HasPrefix(version, "gnu"):
		c.Libc = []string{"glibc"}
	}
	return c
}

// gemCPU is Node's name for RubyGems' name of a processor.
func gemCPU(cpu string) []string {
	switch cpu {
	case "x86_64", "x64":
		return []string{"x64"}
	case "aarch64", "arm64":
		return []string{"arm64"}
	case "x86", "i386", "i686":
		return []string{"ia32"}
	case "ppc64le", "powerpc64le":
		return []string{"ppc64"}
	case "arm", "s390x", "riscv64":
		return []string{cpu}
	}
	return nil
}

// gemSystem is Node's name for RubyGems' name of a system.
func gemSystem(system string) []string {
	switch {
	case strings.HasPrefix(system, "mingw"), strings.HasPrefix(system, "mswin"):
		return []string{"win32"}
	case strings.HasPrefix(system, "darwin"):
		return []string{"darwin"}
	case system == "linux", system == "freebsd":
		return []string{system}
	}
	return nil
}

// markSources notes the gems that have an alternative built for Linux in the
// same lock: Bundler prefers that, where it fits.
func markSources(gems []Artifact) {
	type release struct{ name, version string }
	built := make(map[release]bool)
	isSource := func(a *Artifact) bool { return a.Path == bundlerDir+"/"+a.Name+"-"+a.Version+".gem" }
	for i := range gems {
		if a := &gems[i]; !isSource(a) && slices.Contains(a.Only.OS, "linux") {
			built[release{a.Name, a.Version}] = true
		}
	}
	for i := range gems {
		a := &gems[i]
		a.Only.Source = isSource(a) && built[release{a.Name, a.Version}]
	}
}

// bundleSettings make Bundler install from the tree alone. They are Hermeto's.
const bundleSettings = `BUNDLE_CACHE_PATH: "%s"
BUNDLE_DEPLOYMENT: "true"
BUNDLE_NO_PRUNE: "true"
BUNDLE_ALLOW_OFFLINE_INSTALL: "true"
BUNDLE_DISABLE_VERSION_CHECK: "true"
BUNDLE_VERSION: "system"
`

// bundleConfig is the project's .bundle/config, which BUNDLE_APP_CONFIG hides,
// with settings behind it; the last of two lines with one key counts.
func bundleConfig(src Source) ([]byte, error) {
	const name = ".bundle/config"
	var own []byte
	if src.Sibling != nil {
		data, err := src.Sibling(name)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, &Error{File: sibling(src, name), Msg: fmt.Sprintf("reading the file: %v", err), Err: err}
		}
		own = append(own, data...)
	}
	if len(own) > 0 && own[len(own)-1] != '\n' {
		own = append(own, '\n')
	}
	return fmt.Appendf(own, bundleSettings, inOutput(src, bundlerDir)), nil
}
