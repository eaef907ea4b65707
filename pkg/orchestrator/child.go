package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"time"
)

// child is the user's own `podman build`.
type child struct {
	cmd  *exec.Cmd
	done chan struct{}
	code int
	err  error
}

// Stdio is what the build reads and writes. With *os.File the child inherits
// the descriptors themselves: podman sees the terminal as if it had been
// started directly.
type Stdio struct {
	In, Out, Err *os.File
}

// startChild runs podman with args. tmp becomes the child's TMPDIR, so that
// everything that buildah leaves in it when it is killed is known to be ours.
func startChild(p *podman, args []string, stdio Stdio, tmp string) (*child, error) {
	cmd := p.command(context.Background(), args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdio.In, stdio.Out, stdio.Err
	if tmp != "" {
		cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	}
	cmd.SysProcAttr = diesWithParent()
	c := &child{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The kernel ties PDEATHSIG to the thread, and Go moves goroutines
		// between threads and ends idle ones.
		runtime.LockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			c.wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("starting podman: %w", err)
	}
	return c, nil
}

func (c *child) wait() {
	defer close(c.done)
	err := c.cmd.Wait()
	var exit *exec.ExitError
	switch {
	case err == nil:
	case errors.As(err, &exit) && exit.Exited():
		c.code = exit.ExitCode()
	case errors.As(err, &exit):
		c.code = ExitFailed
		if ws, ok := exit.Sys().(syscall.WaitStatus); ok && ws.Signaled() {
			c.code = 128 + int(ws.Signal())
		}
		c.err = fmt.Errorf("podman build: %w", err)
	default:
		c.code, c.err = ExitFailed, fmt.Errorf("waiting for podman: %w", err)
	}
}

// graceLimit is how long podman may take to end after it was asked to, before
// it is killed: promises about a clean end are counted in seconds.
const graceLimit = 1200 * time.Millisecond

// stop ends the child: it is asked once, and killed when now is closed (a
// second Ctrl-C) or after graceLimit.
func (c *child) stop(sig os.Signal, now <-chan struct{}) {
	_ = c.cmd.Process.Signal(sig)
	t := time.NewTimer(graceLimit)
	defer t.Stop()
	select {
	case <-c.done:
		return
	case <-now:
	case <-t.C:
	}
	_ = c.cmd.Process.Kill()
	<-c.done
}
