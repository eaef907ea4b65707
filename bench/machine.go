//go:build linux

package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"
)

// describe says on what and with what the measurements were made.
func describe(ctx context.Context, c config) (lines []string) {
	var u unix.Utsname
	_ = unix.Uname(&u)
	lines = append(lines, fmt.Sprintf("%d × %s, %s, Linux %s", runtime.NumCPU(), field("/proc/cpuinfo", "model name"),
		field("/proc/meminfo", "MemTotal"), unix.ByteSliceToString(u.Release[:])))
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		lines = append(lines, "load before the start: "+strings.Join(strings.Fields(string(load))[:3], " "))
	}
	for _, args := range [][]string{{c.binary, "version"}, {"podman", "--version"}, {"git", "describe", "--always", "--dirty"}} {
		out, err := exec.CommandContext(ctx, args[0], args[1:]...).Output()
		if err == nil {
			first, _, _ := bytes.Cut(out, []byte("\n"))
			lines = append(lines, string(first))
		}
	}
	return lines
}

// field is the value of the first "name: value" in a file.
func field(file, name string) string {
	data, _ := os.ReadFile(file)
	for line := range strings.SplitSeq(string(data), "\n") {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "?"
}
