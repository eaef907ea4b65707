package rpm

import "strings"

// DepKind is a kind of dependency, in the order in which primary lists them.
type DepKind int

// The kinds of Dependency, and their number.
const (
	Provides DepKind = iota
	Requires
	Conflicts
	Obsoletes
	Suggests
	Enhances
	Recommends
	Supplements
	DepKinds
)

// Dependency is one entry of a dependency list.
type Dependency struct {
	Name string
	// Flags is the comparison: "LT", "GT", "EQ", "LE", "GE", or "" for any version.
	Flags string
	// Epoch, Version and Release are what is compared with; empty when Flags is.
	Epoch, Version, Release string
	// Pre says that a requirement must hold before the package's scriptlets run.
	Pre bool
}

// The bits of a dependency's flags (rpmds.h) that matter here.
const (
	senseCompare    = 0xf
	sensePrereq     = 1 << 6
	senseScriptPre  = 1 << 9
	senseScriptPost = 1 << 10
	senseMissingOK  = 1 << 19
	senseStrong     = 1 << 27
)

// depSource says in which tags a kind of dependency stands.
type depSource struct {
	name, flags, version tag
	kind                 DepKind
	strong               DepKind // the kind of entries with senseStrong
}

// depSources are in the order in which they are read: requirements are checked
// against what was provided, and old weak dependencies follow the new.
var depSources = [...]depSource{
	{1047, 1112, 1113, Provides, Provides},
	{1054, 1053, 1055, Conflicts, Conflicts},
	{1090, 1114, 1115, Obsoletes, Obsoletes},
	{1049, 1048, 1050, Requires, Requires},
	{5049, 5051, 5050, Suggests, Suggests},
	{5055, 5057, 5056, Enhances, Enhances},
	{5046, 5048, 5047, Recommends, Recommends},
	{5052, 5054, 5053, Supplements, Supplements},
	{1156, 1158, 1157, Suggests, Recommends},  // before RPM 4.12
	{1159, 1161, 1160, Enhances, Supplements}, // before RPM 4.12
}

// depReader collects dependencies under createrepo_c's rules.
type depReader struct {
	out      [DepKinds][]Dependency
	owned    func(path string) bool
	provided map[string]bool // name, flags and version in one string
	required map[string]seenRequire
	libc     *Dependency // the requirement of libc.so.6 with the highest version
}

type seenRequire struct {
	flags, version string
	pre            bool
}

func readDeps(h *header, p *Package) [DepKinds][]Dependency {
	r := &depReader{provided: make(map[string]bool), required: make(map[string]seenRequire), owned: ownedBy(p)}
	for _, src := range depSources {
		names, versions := h.strs(src.name), h.strs(src.version)
		flags := h.column(src.flags)
		for i := range min(len(names), len(versions), flags.count) {
			r.add(src, names[i], flags.at(i), versions[i])
		}
		if src.kind == Requires && r.libc != nil {
			r.out[Requires] = append(r.out[Requires], *r.libc)
		}
	}
	return r.out
}

func (r *depReader) add(src depSource, name string, bits uint64, version string) {
	flags := compareFlags(bits)
	if src.kind == Requires && r.dropRequire(name, flags, version, isPre(bits)) {
		return
	}
	d := Dependency{Name: name, Flags: flags}
	epoch, ver, rel, ok := splitEVR(version)
	if !ok {
		return // "a:1.0" is no version; createrepo_c leaves the dependency out
	}
	if flags != "" {
		d.Epoch, d.Version, d.Release = epoch, ver, rel
	}
	kind := src.kind
	switch {
	case kind == Requires && bits&senseMissingOK != 0:
		kind = Recommends // how RPM spelled weak dependencies before 4.12
	case kind == Requires:
		r.require(d, version, isPre(bits))
		return
	case bits&senseStrong != 0:
		kind = src.strong
	}
	if kind == Provides {
		r.provided[name+flags+version] = true
	}
	r.out[kind] = append(r.out[kind], d)
}

// dropRequire says whether a requirement is left out of repodata: rpmlib
// features, the package's own primary files, what it provides itself in the
// same words, and a repetition of the last requirement of that name.
func (r *depReader) dropRequire(name, flags, version string, pre bool) bool {
	if strings.HasPrefix(name, "rpmlib(") || r.provided[name+flags+version] {
		return true
	}
	if strings.HasPrefix(name, "/") && isPrimary(name) && r.owned(name) {
		return true
	}
	last, seen := r.required[name]
	return seen && last == seenRequire{flags, version, pre}
}

func (r *depReader) require(d Dependency, version string, pre bool) {
	d.Pre = pre
	if strings.HasPrefix(d.Name, "libc.so.6") {
		if r.libc == nil || libcLess(r.libc.Name, d.Name) {
			r.libc = &d
		}
		return
	}
	r.out[Requires] = append(r.out[Requires], d)
	r.required[d.Name] = seenRequire{d.Flags, version, pre}
}

// ownedBy tells whether the package owns a path; the set is made on first use,
// since few packages require a path.
func ownedBy(p *Package) func(string) bool {
	var paths map[string]bool
	return func(path string) bool {
		if paths == nil {
			paths = make(map[string]bool, len(p.Files))
			for _, f := range p.Files {
				paths[p.Dirs[f.Dir]+f.Base] = true
			}
		}
		return paths[path]
	}
}

func isPre(bits uint64) bool { return bits&(sensePrereq|senseScriptPre|senseScriptPost) != 0 }

func compareFlags(bits uint64) string {
	switch bits & senseCompare {
	case 2:
		return "LT"
	case 4:
		return "GT"
	case 8:
		return "EQ"
	case 10:
		return "LE"
	case 12:
		return "GE"
	}
	return ""
}
