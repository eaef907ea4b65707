//go:build linux

package mount

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// Overlay mounts a kernel overlayfs on target: lower (a Mount's directory) made
// writable for every UID by way of upper and work, two directories that must be on one
// file system, which must not be an overlay itself. They are made where missing and
// hold what the build writes; throw them away after use, and never mount them again.
//
// userxattr is for a mount inside a user namespace (Linux 5.11). Without it, a
// chmod, chown or setxattr of a lower file copies its metadata only (metacopy), so
// that podman's :Z and :U on a volume download nothing; with it the kernel
// copies the content, which it has to read first.
//
// A file whose size is not known must not be changed through the overlay: the
// kernel would copy as many bytes as stat says, none.
func Overlay(lower, upper, work, target string, userxattr bool) error {
	for _, dir := range []string{lower, upper, work} {
		if strings.ContainsAny(dir, `:,\`) {
			return fmt.Errorf("mounting overlay on %q: the path %q has a character that mount options cannot hold", target, dir)
		}
	}
	for _, dir := range []string{upper, work} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return fmt.Errorf("mounting overlay on %q: %w", target, err)
		}
	}
	// The merged root takes its mode from upper. Chmod, because mkdir heeds the umask.
	if err := os.Chmod(upper, 0o777); err != nil {
		return fmt.Errorf("mounting overlay on %q: %w", target, err)
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work)
	if userxattr {
		options += ",userxattr"
	} else {
		options += ",metacopy=on"
	}
	if err := mountVolatile("overlay", target, options); err != nil {
		return fmt.Errorf("mounting overlay on %q: %w", target, err)
	}
	return nil
}

// mountVolatile mounts an overlayfs of which nothing outlives the build: no
// program's fsync need reach the disk, and the unmount need not write out all
// that the machine has in memory for the file system of upper (Linux 5.10).
func mountVolatile(source, target, options string) error {
	const flags = unix.MS_NOSUID | unix.MS_NODEV
	err := unix.Mount(source, target, "overlay", flags, options+",volatile")
	if errors.Is(err, unix.EINVAL) {
		err = unix.Mount(source, target, "overlay", flags, options)
	}
	return err
}

// Carrier mounts an empty file system on target, whose directories others may
// pass. UnmountOverlay takes it away. id names the build in every mountinfo.
func Carrier(target, id string) error {
	if err := unix.Mount("lazybuild-"+id, target, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=711,size=16m"); err != nil {
		return fmt.Errorf("mounting a file system on %q: %w", target, err)
	}
	return nil
}

// UnmountOverlay detaches the overlay from target at once; files that programs
// still have open stay readable. No mount there is no error.
func UnmountOverlay(target string) error {
	err := unix.Unmount(target, unix.MNT_DETACH|unix.UMOUNT_NOFOLLOW)
	if err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, unix.ENOENT) {
		return fmt.Errorf("unmounting overlay %q: %w", target, err)
	}
	return nil
}
