//go:build linux

package mount

import (
	"bufio"
	"context"
	"errors"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// recheck is how often an interrupted caller is looked at again. The kernel sends
// one interrupt per request only, so a kill -9 that follows a harmless signal
// is never announced.
const recheck = 100 * time.Millisecond

// wait runs f, which may block, on behalf of a request. f's context ends when
// the mount does, or when the caller is about to die; wait then returns EINTR
// or errKilled. It does not end on other signals: the kernel turns every signal
// (Go's own SIGURG, a shell's SIGCHLD, a terminal's SIGWINCH) into an interrupt,
// and an EINTR from a regular file is something that programs do not expect.
func (s *server) wait(cancel <-chan struct{}, tid uint32, f func(context.Context) error) error {
	ctx, stop := context.WithCancelCause(s.ctx)
	defer stop(nil)
	go s.watch(ctx, stop, cancel, tid)
	err := f(ctx)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return cause
	}
	return err
}

// watch ends ctx when nobody waits for the request any more.
func (s *server) watch(ctx context.Context, stop context.CancelCauseFunc, cancel <-chan struct{}, tid uint32) {
	select {
	case <-ctx.Done():
		return
	case <-cancel:
	}
	if tid == 0 {
		s.blind.Do(func() {
			s.log.Warn("a waiting program got a signal, but its PID namespace cannot be seen from here: " +
				"if it was killed, it ends when its download does (run this process in the host's PID namespace)")
		})
	}
	for {
		// go-fuse interrupts everything when the connection is gone; the callers,
		// alive and well, have had their answer from the kernel then.
		if s.disconnected() {
			stop(errKilled)
			return
		}
		if s.dying(tid) {
			stop(syscall.EINTR)
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-s.clock.After(recheck):
		}
	}
}

// dying says whether a thread has SIGKILL pending, which is also how the kernel
// spreads any other fatal signal (SIGTERM, SIGINT with the default action) that
// dumps no core.
//
// A tid of 0 is a caller in a PID namespace that this process cannot see into.
// Then nothing can be known, and to wait on is the answer that never breaks a
// read: at worst a kill is felt when the download has ended. A tid with no
// /proc entry is a thread that has gone, which it cannot do while it waits: the
// request was the kernel's own (read-ahead), and nobody misses its answer.
func dying(tid uint32) bool {
	if tid == 0 {
		return false
	}
	f, err := os.Open("/proc/" + strconv.FormatUint(uint64(tid), 10) + "/status")
	if err != nil {
		return errors.Is(err, os.ErrNotExist)
	}
	defer f.Close()
	for lines := bufio.NewScanner(f); lines.Scan(); {
		name, value, _ := strings.Cut(lines.Text(), ":")
		if (name == "SigPnd" || name == "ShdPnd") && hasSigkill(value) {
			return true
		}
	}
	return false
}

// hasSigkill reads a signal set of proc_pid_status(5): hexadecimal, bit n-1 is signal n.
func hasSigkill(set string) bool {
	bits, err := strconv.ParseUint(strings.TrimSpace(set), 16, 64)
	return err == nil && bits&(1<<(uint(syscall.SIGKILL)-1)) != 0
}

// procIsThere says whether /proc is a procfs that shows this process. Without
// one no thread's signals can be seen, and every thread would look as if gone.
func procIsThere() bool {
	_, err := os.Stat("/proc/self/status")
	return err == nil
}
