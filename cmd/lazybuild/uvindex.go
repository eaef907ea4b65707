package main

import (
	"cmp"
	"path/filepath"

	"github.com/lazybuild/lazybuild/internal/untrusted"
)

// uvSettings are uv's keys about indexes (uv's documentation, "Settings").
type uvSettings struct {
	Index []struct {
		URL     string `toml:"url"`
		Default bool   `toml:"default"`
	} `toml:"index"`
	IndexURL      string   `toml:"index-url"`
	ExtraIndexURL []string `toml:"extra-index-url"`
	Pip           struct {
		IndexURL      string   `toml:"index-url"`
		ExtraIndexURL []string `toml:"extra-index-url"`
	} `toml:"pip"`
}

// uvConfig reads uv's configuration files; the project's win over the user's,
// those over the system's. What cannot be read says nothing: uv itself complains
// about it better.
func (p pipIndexes) uvConfig() indexConfig {
	var c indexConfig
	for _, file := range []string{
		filepath.Join(p.context, "uv.toml"), filepath.Join(p.context, "pyproject.toml"),
		filepath.Join(cmp.Or(p.getenv("XDG_CONFIG_HOME"), filepath.Join(p.home, ".config")), "uv/uv.toml"),
		filepath.Join(p.root, "etc/uv/uv.toml"),
	} {
		s := readUVSettings(file)
		for _, x := range s.Index {
			if x.Default {
				c.index = cmp.Or(c.index, x.URL)
			} else {
				c.extra = append(c.extra, x.URL)
			}
		}
		c.index = cmp.Or(c.index, s.Pip.IndexURL, s.IndexURL)
		c.extra = append(append(c.extra, s.Pip.ExtraIndexURL...), s.ExtraIndexURL...)
	}
	return c
}

// readUVSettings returns what can be read, which may be nothing.
func readUVSettings(file string) uvSettings {
	data, err := untrusted.ReadFile(file, untrusted.MaxConfig)
	if err != nil {
		return uvSettings{}
	}
	if filepath.Base(file) == "pyproject.toml" {
		var project struct {
			Tool struct {
				UV uvSettings `toml:"uv"`
			} `toml:"tool"`
		}
		_, _ = untrusted.DecodeTOML(string(data), &project)
		return project.Tool.UV
	}
	var s uvSettings
	_, _ = untrusted.DecodeTOML(string(data), &s)
	return s
}
