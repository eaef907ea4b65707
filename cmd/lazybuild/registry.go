package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// registries finds the base URL of the user's own package registry, for locks
// that leave it out (npm's omit-lockfile-registry-resolved). It asks where the
// user's own tools would look: the environment, the project's .npmrc, the
// user's, and at last npm itself, which knows its default. context is the
// project's directory.
func registries(context string) func(format string) string {
	npm := sync.OnceValue(func() string {
		for _, name := range []string{"npm_config_registry", "NPM_CONFIG_REGISTRY"} {
			if v := os.Getenv(name); v != "" {
				return v
			}
		}
		home, _ := os.UserHomeDir()
		for _, file := range []string{filepath.Join(context, ".npmrc"), filepath.Join(home, ".npmrc")} {
			if v := npmrcValue(file, "registry"); v != "" {
				return v
			}
		}
		cmd := exec.Command("npm", "config", "get", "registry")
		cmd.Dir = context
		out, err := cmd.Output()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(out))
	})
	return func(format string) string {
		if format == "npm" {
			return npm()
		}
		return ""
	}
}

// npmrcValue reads one key of an ini file as npm writes it.
func npmrcValue(file, key string) string {
	data, err := os.ReadFile(file)
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
