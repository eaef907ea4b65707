//go:build linux

package mount

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/hanwen/go-fuse/v2/fuse"
	"golang.org/x/sys/unix"
)

// probePassthrough registers an unnamed file as passthrough's first use would, and
// returns why that fails, or "". Not to probe would mean to find out with the
// first program's open.
func probePassthrough(k *fuse.Server, dir string) string {
	if k.KernelSettings().Flags64()&fuse.CAP_PASSTHROUGH == 0 {
		return "the kernel has no FUSE passthrough (Linux 6.9 or later, CONFIG_FUSE_PASSTHROUGH)"
	}
	f, err := probeFile(dir)
	if err != nil {
		return fmt.Sprintf("making a file to probe with: %v", err)
	}
	defer f.Close()
	id, errno := k.RegisterBackingFd(&fuse.BackingMap{Fd: int32(f.Fd())})
	switch errno {
	case 0:
		_ = k.UnregisterBackingFd(id)
		return ""
	case unix.EPERM:
		return "passthrough needs CAP_SYS_ADMIN in the initial user namespace (rootful, not rootless)"
	case unix.ELOOP:
		return "the content lies on a stacked file system (overlayfs); put the store on a real one"
	}
	return fmt.Sprintf("the kernel refuses passthrough for files in %q: %v", dir, errno)
}

// probeFile returns an unnamed regular file: it needs no removal, whatever happens.
func probeFile(dir string) (*os.File, error) {
	if dir == "" {
		fd, err := unix.MemfdCreate("lazybuild-probe", unix.MFD_CLOEXEC)
		if err != nil {
			return nil, fmt.Errorf("making a file in memory: %w", err)
		}
		return os.NewFile(uintptr(fd), "lazybuild-probe"), nil
	}
	fd, err := unix.Open(dir, unix.O_TMPFILE|unix.O_RDWR|unix.O_CLOEXEC, 0o600)
	if err == nil {
		return os.NewFile(uintptr(fd), dir), nil
	}
	if !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EISDIR) {
		return nil, fmt.Errorf("making a file in %q: %w", dir, err)
	}
	f, err := os.CreateTemp(dir, "lazybuild-probe-*")
	if err != nil {
		return nil, err
	}
	return f, os.Remove(f.Name())
}

// hostWarnings are settings of this host that can end a mount during a long wait.
func hostWarnings(readFile func(string) ([]byte, error)) []string {
	var warnings []string
	for _, name := range []string{"default_request_timeout", "max_request_timeout"} {
		b, err := readFile("/proc/sys/fs/fuse/" + name)
		if err != nil {
			continue // before Linux 6.15
		}
		if v := strings.TrimSpace(string(b)); v != "0" {
			warnings = append(warnings, fmt.Sprintf(
				"sysctl fs.fuse.%s is %s s: the kernel ends the mount when a download takes longer; set it to 0", name, v))
		}
	}
	if !procIsThere() {
		warnings = append(warnings, "/proc is not mounted: a killed program ends only when the download that it waits for does")
	}
	return warnings
}
