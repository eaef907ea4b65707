package main

import (
	"context"
	"fmt"
	"os/exec"
	"runtime"
	"strings"
)

// machine is the target's architecture as wheels name it.
func machine() string {
	if runtime.GOARCH == "arm64" {
		return "aarch64"
	}
	return "x86_64"
}

// podman runs podman and returns what it prints; its complaints are in the error.
func podman(ctx context.Context, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "podman", args...)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("podman %s: %w\n%s%s", args[0], err, tail(string(out)), tail(errs.String()))
	}
	return strings.TrimSpace(string(out)), nil
}

// tail is the part of a build's output in which its failure stands.
func tail(s string) string {
	const most = 4000
	if len(s) > most {
		return "…" + s[len(s)-most:]
	}
	return s
}
