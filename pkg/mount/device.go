//go:build linux

package mount

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// maxRead is the largest request in bytes. With 1 MiB, the kernel's limit, the
// reply with its header is larger than a pipe may be, and go-fuse cannot splice.
const maxRead = 960 << 10

// fsType is what mountinfo shows; the kernel accepts any "fuse.<name>".
const fsType = "fuse.lazybuild"

func sourceName(id string) string { return "lazybuild-" + id }

// A device is the open /dev/fuse of one mount.
type device struct{ fd int }

// openDevice opens /dev/fuse and mounts it on dir.
//
// mount(2) is called here rather than by go-fuse, because a second descriptor of the
// device is needed to see that the connection has been cut. Who may not mount
// goes through fusermount3.
func openDevice(dir string, o Options) (*device, error) {
	fd, err := unix.Open("/dev/fuse", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("opening /dev/fuse: %w%s", err, deviceHint(err))
	}
	options := []string{
		fmt.Sprintf("fd=%d", fd),
		fmt.Sprintf("rootmode=%o", unix.S_IFDIR),
		fmt.Sprintf("user_id=%d", os.Geteuid()),
		fmt.Sprintf("group_id=%d", os.Getegid()),
		fmt.Sprintf("max_read=%d", maxRead),
	}
	options = append(options, permissionOptions(o)...)
	if o.AllowOther {
		options = append(options, "allow_other")
	}
	const flags = unix.MS_RDONLY | unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOATIME
	if err := unix.Mount(sourceName(o.ID), dir, fsType, flags, strings.Join(options, ",")); err != nil {
		unix.Close(fd)
		if errors.Is(err, unix.EPERM) {
			if d, ferr := viaFusermount(dir, o); !errors.Is(ferr, errNoFusermount) {
				return d, ferr
			}
		}
		return nil, fmt.Errorf("mounting FUSE on %q: %w%s", dir, err, mountHint(err))
	}
	return &device{fd: fd}, nil
}

// permissionOptions have the kernel check modes itself. Below an overlay it does
// so there, by the overlay's own attributes. The mount's would be asked for anew
// at each open while the size is not known (their timeout is none then), and that
// answer waits for the size: npm opens some files twice, and four such opens take
// all the threads that it has for files.
func permissionOptions(o Options) []string {
	if o.UnderOverlay {
		return nil
	}
	return []string{"default_permissions"}
}

// dup returns another descriptor of the same connection.
func (d *device) dup() (int, error) {
	fd, err := unix.FcntlInt(uintptr(d.fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return -1, fmt.Errorf("duplicating /dev/fuse: %w", err)
	}
	return fd, nil
}

// disconnected says whether the connection is gone: unmounted by somebody, or
// aborted through fusectl (fuse_dev_poll answers EPOLLERR then).
func (d *device) disconnected() bool {
	fds := []unix.PollFd{{Fd: int32(d.fd)}}
	_, err := unix.Poll(fds, 0)
	return err == nil && fds[0].Revents&(unix.POLLERR|unix.POLLNVAL) != 0
}

func (d *device) close() { unix.Close(d.fd) }

func deviceHint(err error) string {
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENODEV):
		return " (the kernel's fuse module is not loaded, or the container has no --device /dev/fuse)"
	case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
		return " (this user may not use /dev/fuse, or the container has no --device /dev/fuse)"
	}
	return ""
}

func mountHint(err error) string {
	switch {
	case errors.Is(err, unix.ENOTCONN):
		return " (the mount of a server that has died is still there: umount -l it)"
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return " (mounting needs CAP_SYS_ADMIN in the user namespace; in a container: --cap-add SYS_ADMIN and label=disable; users need fusermount3, of the package fuse3)"
	}
	return ""
}
