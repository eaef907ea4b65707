package main

import (
	"cmp"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/lazybuild/lazybuild/internal/untrusted"
	"github.com/lazybuild/lazybuild/pkg/plan"
)

// registries are the user's own package registries, as the user's own tools
// would find them.
type registries struct {
	context string            // the project's directory
	config  map[string]string // lazybuild.toml's, by format
	files   []string          // .npmrc files, the project's first
	npm     func() string
	cargo   *cargoRegistries
}

// registriesOf prepares to look; context is the project's directory, c its
// configuration or nil, cache where answers of registries are kept ("": nowhere),
// warn tells the user.
func registriesOf(context string, c *plan.Config, cache string, warn func(format string, args ...any)) registries {
	if c == nil {
		c = &plan.Config{}
	}
	home, _ := os.UserHomeDir()
	return registries{
		context: context, config: c.Registries,
		cargo: &cargoRegistries{
			context: context, config: c.Registries, cache: cache, get: getSmall, warn: warn,
			failed: map[string]bool{},
			home:   cmp.Or(os.Getenv("CARGO_HOME"), filepath.Join(home, ".cargo")),
		},
		files: []string{filepath.Join(context, ".npmrc"), filepath.Join(home, ".npmrc")},
		npm:   sync.OnceValue(npmDefault{context, cache, os.Environ(), exec.LookPath}.registry),
	}
}

// configured is the registry that the user has configured for "npm" or for a
// scope ("npm:@scope"); "" when there is none.
func (r registries) configured(format string) string {
	if v := r.config[format]; v != "" {
		return v
	}
	tool, scope, _ := strings.Cut(format, ":")
	if format == "gomod" {
		return configuredGoProxy()
	}
	if tool != "npm" {
		return ""
	}
	key := "registry"
	if scope != "" {
		key = scope + ":registry"
	} else {
		for _, name := range []string{"npm_config_registry", "NPM_CONFIG_REGISTRY"} {
			if v := os.Getenv(name); v != "" {
				return v
			}
		}
	}
	for _, file := range r.files {
		if v := npmrcValue(file, key); v != "" {
			return v
		}
	}
	return ""
}

// url is configured, or else what npm itself says, for locks that leave the
// registry out.
func (r registries) url(format string) string {
	if v := r.configured(format); v != "" {
		return v
	}
	switch format {
	case "npm":
		return r.npm()
	case "gomod":
		return goProxy(r.context)
	}
	if source, ok := strings.CutPrefix(format, "cargo:"); ok {
		return r.cargo.download(source)
	}
	return ""
}

// npmrcValue reads one key of an ini file as npm writes it.
func npmrcValue(file, key string) string {
	data, err := untrusted.ReadFile(file, untrusted.MaxConfig)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		k, v, ok := strings.Cut(strings.TrimSpace(line), "=")
		if ok && strings.TrimSpace(k) == key {
			return os.ExpandEnv(strings.Trim(strings.TrimSpace(v), `"`))
		}
	}
	return ""
}
