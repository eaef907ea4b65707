//go:build linux

package show

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// Machine says on what and with what the measurements were made; binary is the
// lazybuild that was measured.
func Machine(ctx context.Context, binary string) (lines []string) {
	var u unix.Utsname
	_ = unix.Uname(&u)
	lines = append(lines, fmt.Sprintf("%d × %s, %s, Linux %s", runtime.NumCPU(), field("/proc/cpuinfo", "model name"),
		field("/proc/meminfo", "MemTotal"), unix.ByteSliceToString(u.Release[:])))
	if load, err := os.ReadFile("/proc/loadavg"); err == nil {
		lines = append(lines, "load before the start: "+strings.Join(strings.Fields(string(load))[:3], " "))
	}
	for _, args := range [][]string{{binary, "version"}, {"podman", "--version"}, {"git", "describe", "--always", "--dirty"}} {
		out, err := exec.CommandContext(ctx, args[0], args[1:]...).Output()
		if err == nil {
			first, _, _ := bytes.Cut(out, []byte("\n"))
			lines = append(lines, string(first))
		}
	}
	return lines
}

// FileSystem is the type of the file system that dir is on, "ext4" for example.
func FileSystem(dir string) string {
	mounts, err := mountinfo.GetMounts(mountinfo.ParentsFilter(dir))
	if err != nil || len(mounts) == 0 {
		return "?"
	}
	// The longest mount point is the nearest; of several there, the last one covers the others.
	nearest := slices.MaxFunc(mounts, func(a, b *mountinfo.Info) int { return cmp.Compare(len(a.Mountpoint), len(b.Mountpoint)) })
	for _, m := range mounts {
		if m.Mountpoint == nearest.Mountpoint {
			nearest = m
		}
	}
	return nearest.FSType
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

// Head begins a page: what was measured, by which command, on what.
func Head(ctx context.Context, title, command, binary string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s, measured on %s\n\nWritten by `%s`; see [README.md](README.md).\n\n", title, time.Now().UTC().Format(time.DateOnly), command)
	for _, line := range Machine(ctx, binary) {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	return b.String()
}

// Out prints a page, and writes it to a file if that has a name.
func Out(page, file string) error {
	fmt.Print(page)
	if file == "" {
		return nil
	}
	return os.WriteFile(file, []byte(page), 0o644)
}
