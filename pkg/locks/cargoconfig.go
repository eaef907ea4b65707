package locks

import (
	"bytes"
	"slices"
	"strings"

	"github.com/BurntSushi/toml"
)

// cargoConfig is the project's cargo configuration with the sources replaced by
// the tree. As in Hermeto, the project's own [source] tables give way: they say
// how to reach registries from another network. All else stays.
func cargoConfig(src Source, sources []*cargoSource) (Rewrite, error) {
	name := ".cargo/config" // takes precedence, where it is there
	own, err := readSibling(src, name)
	if own == nil && err == nil {
		name = ".cargo/config.toml"
		own, err = readSibling(src, name)
	}
	if err != nil {
		return Rewrite{}, err
	}
	if own, err = withoutSources(own); err != nil {
		return Rewrite{}, inFile(sibling(src, name), err)
	}
	out := append(own, replacedSources(src, sources)...)
	return Rewrite{Path: sibling(src, name), Content: out}, nil
}

// withoutSources takes the [source] tables out. Where there are none the file
// stays as it is, comments and all.
func withoutSources(config []byte) ([]byte, error) {
	root, err := readTOML(config)
	if err != nil {
		return nil, err
	}
	if root.find("source") < 0 {
		config = bytes.TrimRight(slices.Clone(config), "\n")
		if len(config) > 0 {
			config = append(config, "\n\n"...)
		}
		return config, nil
	}
	var all map[string]any
	if err := toml.Unmarshal(config, &all); err != nil {
		return nil, errAt(0, "the file is not valid TOML: %w", err)
	}
	delete(all, "source")
	var out bytes.Buffer
	enc := toml.NewEncoder(&out)
	enc.Indent = ""
	if err := enc.Encode(all); err != nil {
		return nil, errAt(0, "writing the file anew: %w", err)
	}
	if out.Len() > 0 {
		out.WriteByte('\n')
	}
	return out.Bytes(), nil
}

// vendored is the name that `cargo vendor` proposes for the directory.
const vendored = "vendored-sources"

// replacedSources are the tables that `cargo vendor` prints.
func replacedSources(src Source, sources []*cargoSource) string {
	sources = slices.Clone(sources)
	slices.SortFunc(sources, func(a, b *cargoSource) int { return strings.Compare(a.table(), b.table()) })
	var b strings.Builder
	for i, s := range sources {
		if i > 0 && s.table() == sources[i-1].table() {
			continue
		}
		b.WriteString("[source." + s.table() + "]\n")
		switch {
		case s.isDefault:
		case s.kind == "git":
			b.WriteString("git = " + quoteJSON(s.url) + "\n")
			if s.ref != "" {
				b.WriteString(s.ref + " = " + quoteJSON(s.name) + "\n")
			}
		default:
			b.WriteString("registry = " + quoteJSON(s.url) + "\n")
		}
		b.WriteString("replace-with = \"" + vendored + "\"\n\n")
	}
	b.WriteString("[source." + vendored + "]\ndirectory = " + quoteJSON(inOutput(src, cargoDir)) + "\n")
	return b.String()
}

// table is the name of the source's table.
func (s *cargoSource) table() string {
	if s.isDefault {
		return "crates-io"
	}
	return quoteJSON(s.text)
}
