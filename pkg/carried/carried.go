// Package carried holds lazybuild for Linux on other architectures, for
// podmans on another machine than this: the proxy runs where podman is, and
// there it is a Linux program. Only what `make dist` builds carries any (build
// tag "carry"): in it, each Linux binary has those of the other architectures,
// and each macOS binary has all.
package carried

// Program returns lazybuild for Linux on the architecture (as Go names it),
// compressed with gzip, or nil when this binary does not carry it. The caller
// must not change it.
func Program(arch string) []byte { return programs()[arch] }
