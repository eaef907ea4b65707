package orchestrator

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
	"github.com/moby/sys/mountinfo"
	"golang.org/x/sys/unix"
)

// shareBase makes sure that mounts made in a container under an rshared bind of
// base come back to this mount namespace. Where the mount that carries it is
// private (a VM without systemd, a CI container, WSL), podman gives no error and
// the mounts would silently stay in the container; so base then becomes a shared
// mount of its own. It may be called by many processes at once.
func shareBase(base string) error {
	shared, err := isShared(base)
	if err != nil || shared {
		return err
	}
	// One process makes it shared; the others wait and find it done. Two bind
	// mounts on top of each other would hide the first one's builds.
	lock := flock.New(base + ".lock")
	if err := lock.Lock(); err != nil {
		return fmt.Errorf("locking %s.lock: %w", base, err)
	}
	defer lock.Unlock()
	if shared, err = isShared(base); err != nil || shared {
		return err
	}
	if err := unix.Mount(base, base, "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("bind-mounting %s on itself: %w", base, err)
	}
	if err := unix.Mount("", base, "", unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("making %s a shared mount: %w", base, err)
	}
	return nil
}

// isShared says whether the mount that carries dir propagates mounts.
func isShared(dir string) (bool, error) {
	real, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return false, err
	}
	mounts, err := mountinfo.GetMounts(mountinfo.ParentsFilter(real))
	if err != nil {
		return false, fmt.Errorf("reading the mounts: %w", err)
	}
	var carrier *mountinfo.Info
	for _, m := range mounts {
		// The filter compares text: to it /run/lazybuild carries /run/lazybuild2.
		if !strings.HasPrefix(real+"/", strings.TrimSuffix(m.Mountpoint, "/")+"/") {
			continue
		}
		// The longest mount point carries dir; of two at the same place the later.
		if carrier == nil || len(m.Mountpoint) >= len(carrier.Mountpoint) {
			carrier = m
		}
	}
	return carrier != nil && strings.Contains(" "+carrier.Optional, " shared:"), nil
}

// isMounted says whether something is mounted exactly at dir, without touching
// the file system there: a stat on a hung FUSE mount blocks.
func isMounted(dir string) (bool, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.SingleEntryFilter(mountPath(dir)))
	return len(mounts) > 0, err
}

// mountedBelow says whether something is mounted at or below dir.
func mountedBelow(dir string) (bool, error) {
	mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(mountPath(dir)))
	return len(mounts) > 0, err
}

// mountPath is the path that dir has in mountinfo, where no symbolic link
// stands (/var/run is one). dir itself may be a mount point, so only what is
// above it is looked at.
func mountPath(dir string) string {
	parent, err := filepath.EvalSymlinks(filepath.Dir(dir))
	if err != nil {
		return dir
	}
	return filepath.Join(parent, filepath.Base(dir))
}

// detachBelow unmounts whatever is mounted at or below dir, deepest first,
// until nothing is left: FUSE mounts stack.
func detachBelow(dir string) error {
	dir = mountPath(dir)
	for range 100 {
		mounts, err := mountinfo.GetMounts(mountinfo.PrefixFilter(dir))
		if err != nil {
			return err
		}
		if len(mounts) == 0 {
			return nil
		}
		var failed error
		for i := len(mounts) - 1; i >= 0; i-- {
			err := unix.Unmount(mounts[i].Mountpoint, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
			if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, fs.ErrNotExist) {
				failed = fmt.Errorf("unmounting %s: %w", mounts[i].Mountpoint, err)
			}
		}
		if failed != nil {
			return failed
		}
	}
	return fmt.Errorf("unmounting below %s: new mounts keep appearing", dir)
}
