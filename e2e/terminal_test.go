//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// useTerminal gives the run a terminal of its own, as its controlling one; what
// it writes there counts as both stdout and stderr. Closing r.terminal is what
// closing the window does.
func (r *run) useTerminal() {
	r.t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	fd := int(master.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		r.t.Fatal(err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		r.t.Fatal(err)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|syscall.O_NOCTTY, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	// Fd has made it blocking, and then Close would wait for the reader.
	if err := unix.SetNonblock(fd, true); err != nil {
		r.t.Fatal(err)
	}
	// Not for the build: a terminal that it holds itself is never closed.
	again, err := unix.FcntlInt(uintptr(fd), unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		r.t.Fatal(err)
	}
	master.Close()
	r.terminal = os.NewFile(uintptr(again), "terminal")
	r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = slave, slave, slave
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Setctty: true, Ctty: 0}
	r.t.Cleanup(func() { slave.Close() })
	r.afterStart = func() {
		slave.Close()
		go func() { _, _ = io.Copy(io.MultiWriter(&r.out, &r.err), r.terminal) }()
	}
}
