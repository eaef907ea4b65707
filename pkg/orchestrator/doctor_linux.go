package orchestrator

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// checkHost looks at this machine, where a local podman's builds run.
func checkHost(c Checkup) []Finding {
	found := []Finding{checkFuse("/dev/fuse"), checkBase(c.Base), checkPassthrough(c.Store)}
	return append(found, checkTimeouts("/proc/sys/fs/fuse")...)
}

func checkFuse(dev string) Finding {
	f, err := os.OpenFile(dev, os.O_RDWR, 0)
	if err != nil {
		return finding("fuse", FindingFail, "load the kernel module fuse (modprobe fuse); in a container, pass the device in", "opening the FUSE device: %v", err)
	}
	f.Close()
	return finding("fuse", FindingOK, "", "%s can be opened", dev)
}

// checkBase says whether mounts made in a container will be seen here. A base
// that is not shared is made so by the next build; it is only told.
func checkBase(base string) Finding {
	dir := base
	for {
		if _, err := os.Stat(dir); err == nil || dir == filepath.Dir(dir) {
			break
		}
		dir = filepath.Dir(dir)
	}
	st, err := os.Stat(base)
	if err == nil {
		if s, ok := st.Sys().(*syscall.Stat_t); ok && int(s.Uid) != os.Geteuid() {
			return finding("propagation", FindingFail, "remove it, or set LAZYBUILD_RUNDIR to a directory of your own", "%s is not a directory of this user", base)
		}
	}
	shared, err := isShared(dir)
	switch {
	case err != nil:
		return finding("propagation", FindingWarn, "", "looking at the mount of %s: %v", base, err)
	case shared:
		return finding("propagation", FindingOK, "", "mounts made in a container are seen below %s", base)
	}
	return finding("propagation", FindingOK, "", "the mount that carries %s is private; a build makes it a shared mount of its own", base)
}

// overlayMagic is statfs' type of overlayfs (linux/magic.h).
const overlayMagic = 0x794c7630

// checkPassthrough says whether the kernel will read stored files without the
// proxy. What the proxy finds when it tries counts; --lazy-verbose says that.
func checkPassthrough(store string) Finding {
	why := ""
	var u unix.Utsname
	release := ""
	if unix.Uname(&u) == nil {
		release = unix.ByteSliceToString(u.Release[:])
	}
	var st unix.Statfs_t
	switch {
	case versionBefore(release, [2]int{6, 9}):
		why = "kernel " + release + " has none (6.9 and later have it)"
	case os.Geteuid() != 0:
		why = "it needs a rootful podman"
	case unix.Statfs(store, &st) == nil && int64(st.Type) == overlayMagic:
		why = store + " is on overlayfs; put the store on a real file system (--lazy-store)"
	}
	if why != "" {
		return finding("passthrough", FindingWarn, "", "FUSE passthrough is off, reads are slower: %s", why)
	}
	return finding("passthrough", FindingOK, "", "FUSE passthrough can be used (kernel %s)", release)
}

// checkTimeouts looks at the sysctls that end a mount which waits long.
func checkTimeouts(dir string) []Finding {
	var found []Finding
	for _, name := range []string{"default_request_timeout", "max_request_timeout"} {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if v := strings.TrimSpace(string(data)); err == nil && v != "0" {
			found = append(found, finding("timeouts", FindingWarn, "sysctl -w fs.fuse."+name+"=0",
				"fs.fuse.%s is %s s: the kernel ends the mount when a download takes longer", name, v))
		}
	}
	if len(found) == 0 {
		found = append(found, finding("timeouts", FindingOK, "", "the kernel lets FUSE requests wait"))
	}
	return found
}

// beforeBoot says whether a directory was last changed before this machine was
// started: nothing that runs has made it.
func beforeBoot(path string) bool {
	info, err := os.Lstat(path)
	boot, berr := bootTime()
	return err == nil && berr == nil && info.ModTime().Before(boot)
}

// bootTime is when the kernel was started (proc(5), btime).
func bootTime() (time.Time, error) {
	data, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}, err
	}
	for line := range bytes.Lines(data) {
		if text, ok := bytes.CutPrefix(line, []byte("btime ")); ok {
			seconds, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
			return time.Unix(seconds, 0), err
		}
	}
	return time.Time{}, fmt.Errorf("/proc/stat has no btime")
}
