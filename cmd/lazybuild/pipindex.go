package main

import (
	"cmp"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/lazybuild/lazybuild/internal/ini"
	"github.com/lazybuild/lazybuild/pkg/locks"
	"github.com/lazybuild/lazybuild/pkg/plan"
)

// pipIndexes finds the package indexes that a lock's packages are looked up in:
//
//  1. those that the lock names, if it names one with --index-url;
//  2. registries.pip of lazybuild.toml, one or several;
//  3. PIP_INDEX_URL, UV_DEFAULT_INDEX, UV_INDEX_URL;
//  4. pip's and uv's configuration files;
//  5. what the pip, or the uv, of this machine says that its default is.
//
// UV_INDEX comes before what 3 to 5 find, and the extra indexes of the
// environment and of the configuration files behind. No index is known by name
// here.
type pipIndexes struct {
	context string // the project's directory
	config  *plan.Config
	home    string
	cache   string // where the tool's own default is remembered; may be empty
	getenv  func(string) string
	root    string // of absolute configuration files; for tests
}

func (o *lazyOptions) pipIndexes(context string, c *plan.Config) pipIndexes {
	home, _ := os.UserHomeDir()
	return pipIndexes{context: context, config: c, home: home, cache: o.indexDir(), getenv: os.Getenv, root: "/"}
}

// forLock is the list for one lock.
func (p pipIndexes) forLock(own []locks.Index) []locks.Index {
	named := false
	all := make([]locks.Index, len(own))
	for i, x := range own {
		named = named || x.Kind == "index"
		x.URL = p.expand(x.URL)
		all[i] = x
	}
	if named {
		return all
	}
	return append(p.standard(), all...)
}

// pipVariable is how pip lets requirements files name environment variables.
var pipVariable = regexp.MustCompile(`\$\{([A-Z0-9_]+)\}`)

func (p pipIndexes) expand(s string) string {
	return pipVariable.ReplaceAllStringFunc(s, func(v string) string {
		return cmp.Or(p.getenv(v[2:len(v)-1]), v)
	})
}

// standard is the list for a lock that names no index.
func (p pipIndexes) standard() []locks.Index {
	if p.config != nil {
		if own := strings.Fields(p.config.Registries["pip"]); len(own) > 0 {
			return indexList(nil, own[0], own[1:])
		}
	}
	pip, uv := p.pipConfig(), p.uvConfig()
	base := cmp.Or(p.getenv("PIP_INDEX_URL"), p.getenv("UV_DEFAULT_INDEX"), p.getenv("UV_INDEX_URL"), pip.index, uv.index)
	if base == "" {
		base = p.toolDefault()
	}
	var extra []string
	for _, list := range [][]string{
		strings.Fields(p.getenv("PIP_EXTRA_INDEX_URL")), strings.Fields(p.getenv("UV_EXTRA_INDEX_URL")), pip.extra, uv.extra,
	} {
		extra = append(extra, list...)
	}
	return indexList(strings.Fields(p.getenv("UV_INDEX")), base, extra)
}

// indexList joins the three kinds, each URL once. uv writes "name=URL".
func indexList(first []string, base string, extra []string) []locks.Index {
	var all []locks.Index
	seen := map[string]bool{"": true}
	add := func(kind, u string) {
		if name, rest, ok := strings.Cut(u, "="); ok && !strings.Contains(name, ":") {
			u = rest
		}
		if !seen[u] {
			all = append(all, locks.Index{Kind: kind, URL: u})
		}
		seen[u] = true
	}
	for _, u := range first {
		add("index", u)
	}
	add("index", base)
	for _, u := range extra {
		add("extra-index", u)
	}
	return all
}

// indexConfig is what one tool's configuration says.
type indexConfig struct {
	index string
	extra []string
}

// pipConfig reads pip's configuration files (pip's documentation,
// "Configuration Files"): a later one wins over an earlier one.
func (p pipIndexes) pipConfig() indexConfig {
	only := p.getenv("PIP_CONFIG_FILE")
	if only == os.DevNull {
		return indexConfig{}
	}
	var files []string
	for _, dir := range filepath.SplitList(cmp.Or(p.getenv("XDG_CONFIG_DIRS"), filepath.Join(p.root, "etc/xdg"))) {
		files = append(files, filepath.Join(dir, "pip/pip.conf"))
	}
	files = append(files, filepath.Join(p.root, "etc/pip.conf"), filepath.Join(p.home, ".pip/pip.conf"),
		filepath.Join(cmp.Or(p.getenv("XDG_CONFIG_HOME"), filepath.Join(p.home, ".config")), "pip/pip.conf"))
	if venv := p.getenv("VIRTUAL_ENV"); venv != "" {
		files = append(files, filepath.Join(venv, "pip.conf"))
	}
	values := map[string]string{}
	for _, file := range append(files, only) {
		if file == "" {
			continue
		}
		if data, err := os.ReadFile(file); err == nil {
			for s := range ini.Settings(string(data)) {
				values[s.Section+"."+strings.ReplaceAll(s.Key, "_", "-")] = s.Value
			}
		}
	}
	value := func(key string) string { return cmp.Or(values["install."+key], values["global."+key]) }
	return indexConfig{index: value("index-url"), extra: strings.Fields(value("extra-index-url"))}
}
