// Package sbom writes the bom.json that Hermeto leaves beside the files that it
// has fetched: CycloneDX 1.6, one flat list of components, and for every backend
// an annotation that lists its components.
//
// The keys, their order and the names of the properties are Hermeto's
// (its documentation, "SBOM"), because programs behind the build merge such files
// and refuse what they do not know. What says who made the file says lazybuild.
// The text depends on the components alone: there is no time, no random serial
// number and no place of this machine in it, so equal locks give equal bytes.
package sbom

import (
	"cmp"
	"slices"
	"strings"
)

// Component is one package, or one file of no package.
type Component struct {
	// Name and Version as the lock spells them; Version may be empty.
	Name, Version string
	// PURL names the component; there is one of each in the file.
	PURL string
	// File says that it is a file and no package.
	File bool
	// URL is where it is distributed, for components that Hermeto says it of;
	// may be empty. It must not carry credentials.
	URL string
	// Wheel and Gem say that it is a package built for a platform.
	Wheel, Gem bool
	// BuildOnly says that it is needed to build Python packages alone, Development
	// that it is for the development of an npm project alone.
	BuildOnly, Development bool
	// NoHash is the lock file that states no checksum for it; empty when one does.
	NoHash string
}

// Backend is what one backend provides. Several of one type are one.
type Backend struct {
	// Type is Hermeto's name: "pip", "x-maven".
	Type string
	// Components in any order; one may be there several times.
	Components []Component
}

// merged is a component with all that several mentions of it say.
type merged struct {
	Component
	noHash []string
	// types has a bit for each backend type, by its place in types.
	types uint64
}

// bom is what will be written.
type bom struct {
	all []merged
	// order is that of the PURLs. Numbers are sorted, because moving the large
	// structs took most of the time.
	order []int32
	types []string
}

// Write returns the file's text. Of components with one PURL, in whatever
// backends, there will be one.
func Write(backends []Backend) []byte {
	n := 0
	for i := range backends {
		n += len(backends[i].Components)
	}
	b := bom{all: make([]merged, 0, n)}
	index := make(map[string]int32, n)
	for _, from := range backends {
		if len(from.Components) == 0 {
			continue
		}
		if !slices.Contains(b.types, from.Type) {
			b.types = append(b.types, from.Type)
		}
		bit := uint64(1) << slices.Index(b.types, from.Type)
		for i := range from.Components {
			c := &from.Components[i]
			at, ok := index[c.PURL]
			if !ok {
				at = int32(len(b.all))
				index[c.PURL] = at
				b.all = append(b.all, merged{Component: *c})
				b.order = append(b.order, at)
			}
			b.all[at].merge(c)
			b.all[at].types |= bit
		}
	}
	slices.SortFunc(b.order, func(x, y int32) int { return strings.Compare(b.all[x].PURL, b.all[y].PURL) })
	return b.write()
}

// merge adds what another mention says, by Hermeto's rules: a property that
// restricts holds when it always does, every other one when it once does.
func (m *merged) merge(c *Component) {
	m.Wheel = m.Wheel || c.Wheel
	m.Gem = m.Gem || c.Gem
	m.BuildOnly = m.BuildOnly && c.BuildOnly
	m.Development = m.Development && c.Development
	m.URL = cmp.Or(m.URL, c.URL)
	if c.NoHash != "" && !slices.Contains(m.noHash, c.NoHash) {
		m.noHash = append(m.noHash, c.NoHash)
	}
}

// property is one of Hermeto's properties.
type property struct{ name, value string }

// properties in Hermeto's order: by name, then by value.
func (m *merged) properties(into []property) []property {
	add := func(name, value string) { into = append(into, property{name, value}) }
	if m.Development {
		add("cdx:npm:package:development", "true")
	}
	if m.Gem {
		add("hermeto:bundler:package:binary", "true")
	}
	add("hermeto:found_by", "lazybuild")
	slices.Sort(m.noHash)
	for _, file := range m.noHash {
		add("hermeto:missing_hash:in_file", file)
	}
	if m.Wheel {
		add("hermeto:pip:package:binary", "true")
	}
	if m.BuildOnly {
		add("hermeto:pip:package:build-dependency", "true")
	}
	return into
}

// backendText is what an annotation says: the backend, and whether Hermeto calls
// it an experiment.
func backendText(typ string) string {
	if strings.HasPrefix(typ, "x-") {
		return "hermeto:backend:experimental:" + typ
	}
	return "hermeto:backend:" + typ
}
