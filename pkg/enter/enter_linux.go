// Package enter lets lazybuild in a container go on in the mount namespace of
// podman itself.
//
// A mount that is made in a container reaches a build only where the host's
// mounts are shared, all the way to podman's own mount namespace. In the user
// namespace of a rootless podman they are private, and on another machine
// nobody here can change that. So the process does not mount in its container:
// it joins the mount namespace of the process that started the container
// (conmon, which podman starts and which never leaves podman's namespace) and
// replaces itself. What it mounts then is where builds look, and every path
// means what it means to podman.
//
// The container needs the host's PID namespace, to see its parent, and
// CAP_SYS_ADMIN, CAP_SYS_CHROOT and CAP_SYS_PTRACE. It keeps the container's
// life: the attached stdin, the limits, the removal at the end.
package enter

import (
	"fmt"
	"os"
	"runtime"

	"golang.org/x/sys/unix"
)

// Parent replaces this process by the same program, with args behind its name,
// in the mount namespace and the root directory of its parent process. It
// returns only when that was not possible. Whatever was read from stdin so far
// is lost, so call it first.
func Parent(args []string) error {
	// The kernel moves one thread, and only one that shares its root and working
	// directory with no other. exec makes that thread the process.
	runtime.LockOSThread()
	parent := os.Getppid()
	if parent <= 1 {
		return fmt.Errorf("entering the mount namespace of podman: the parent has the PID %d: this container has a PID namespace of its own", parent)
	}
	// Opened before the root changes: the container's files are not there then.
	self, err := os.Open("/proc/self/exe")
	if err != nil {
		return fmt.Errorf("opening lazybuild's own executable: %w", err)
	}
	if err := join(fmt.Sprintf("/proc/%d", parent)); err != nil {
		return fmt.Errorf("entering the mount namespace of podman: %w", err)
	}
	err = unix.Exec(fmt.Sprintf("/proc/self/fd/%d", self.Fd()), append([]string{os.Args[0]}, args...), os.Environ())
	return fmt.Errorf("starting lazybuild again in the mount namespace of podman: %w", err)
}

// join moves the calling thread to where the process of the /proc directory is.
func join(proc string) error {
	ns, err := os.Open(proc + "/ns/mnt")
	if err != nil {
		return err
	}
	// podman may run in a chroot: the namespace's root is not its root then.
	root, err := os.Open(proc + "/root")
	if err != nil {
		return err
	}
	if err := unix.Unshare(unix.CLONE_FS); err != nil {
		return os.NewSyscallError("unshare", err)
	}
	if err := unix.Setns(int(ns.Fd()), unix.CLONE_NEWNS); err != nil {
		return os.NewSyscallError("setns", err)
	}
	if err := unix.Fchdir(int(root.Fd())); err != nil {
		return os.NewSyscallError("fchdir", err)
	}
	if err := unix.Chroot("."); err != nil {
		return os.NewSyscallError("chroot", err)
	}
	return nil
}
