package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// goproxy is where lazybuild takes Go modules from when nobody says it: the default
// of the go command that `make` has built it with, whatever the builder's own
// setting; empty in other builds.
var goproxy string

// configuredGoProxy is the GOPROXY that the user has set, in the environment or
// with `go env -w`; "" when there is none.
func configuredGoProxy() string {
	if v := os.Getenv("GOPROXY"); v != "" {
		return v
	}
	file := os.Getenv("GOENV")
	if file == "off" {
		return ""
	}
	if file == "" {
		dir, err := os.UserConfigDir()
		if err != nil {
			return ""
		}
		file = filepath.Join(dir, "go", "env")
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return ""
	}
	for line := range strings.Lines(string(data)) {
		if v, ok := strings.CutPrefix(strings.TrimSpace(line), "GOPROXY="); ok {
			return v
		}
	}
	return ""
}

// goProxy is configuredGoProxy, or else what the go command says, or else what
// this program was built with.
func goProxy(dir string) string {
	if v := configuredGoProxy(); v != "" {
		return v
	}
	cmd := exec.Command("go", "env", "GOPROXY")
	cmd.Dir = dir
	// The project's toolchain line must not make go download another Go.
	cmd.Env = append(os.Environ(), "GOTOOLCHAIN=local", "GOFLAGS=", "GOWORK=off")
	if out, err := cmd.Output(); err == nil && len(strings.TrimSpace(string(out))) > 0 {
		return strings.TrimSpace(string(out))
	}
	return goproxy
}
