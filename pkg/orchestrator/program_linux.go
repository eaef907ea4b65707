package orchestrator

import (
	"debug/elf"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"

	"golang.org/x/sys/unix"
)

// running is a path of the file that this process runs, also after it has been
// replaced (an update) or removed.
func running(string) string { return "/proc/self/exe" }

// mountable says why a podman whose API service has the PID server cannot mount
// the executable of this process, which is at path, for a container to run; nil
// if nothing is in the way. It looks at it where the service does: that may be in
// another mount namespace. What it cannot see (SELinux, groups that a container
// has not got) is found out by the attempt.
func mountable(path string, server int) error {
	if server == 0 {
		return errors.New("podman's service is in another PID namespace")
	}
	root, err := os.OpenRoot(fmt.Sprintf("/proc/%d/root", server))
	if err != nil {
		return fmt.Errorf("looking into podman's mount namespace: %w", err)
	}
	defer root.Close()
	f, err := root.Open(strings.TrimPrefix(path, "/"))
	if err != nil {
		return fmt.Errorf("looking for it in podman's mount namespace: %w", err)
	}
	defer f.Close()
	if err := isRunning(f); err != nil {
		return err
	}
	var fs unix.Statfs_t
	if err := unix.Fstatfs(int(f.Fd()), &fs); err != nil {
		return os.NewSyscallError("fstatfs", err)
	}
	return runsAnywhere(f, fs.Flags&unix.ST_NOEXEC != 0)
}

// isRunning says whether a file is what this process runs, and not an update.
func isRunning(f *os.File) error {
	there, err := f.Stat()
	if err != nil {
		return err
	}
	own, err := os.Stat(running(""))
	if err != nil {
		return err
	}
	if !os.SameFile(own, there) {
		return errors.New("where it was podman sees another file")
	}
	return nil
}

// runsAnywhere says whether a file can be executed where it is, which noexec
// forbids, and needs no other: the image has no loader and no libraries.
func runsAnywhere(f io.ReaderAt, noexec bool) error {
	if noexec {
		return errors.New("nothing may be executed on its file system (noexec)")
	}
	program, err := elf.NewFile(f)
	if err != nil {
		return fmt.Errorf("reading its header: %w", err)
	}
	for _, p := range program.Progs {
		if p.Type == elf.PT_INTERP {
			return errors.New("it is linked dynamically")
		}
	}
	return nil
}

// peerOf is the PID of the process that listens at the other end of a unix
// socket; 0 when it has none here (unix(7), SO_PEERCRED).
func peerOf(c net.Conn) int {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return 0
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return 0
	}
	pid := 0
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			pid = int(cred.Pid)
		}
	})
	return pid
}
