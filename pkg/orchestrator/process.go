package orchestrator

import (
	"fmt"
	"io"
	"os/exec"
	"syscall"
	"time"

	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// startProcess runs the proxy without a container, by a command of the place's.
// It is the same proxy with the same lease, and with all that this user may do.
// onEvent is called for each event, one at a time.
func startProcess(cmd *exec.Cmd, ws wire.Spec, t *tree.Tree, onEvent func(wire.Event)) (*proxy, error) {
	stdin, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	p := newProxy("the proxy process", stdin)
	p.waitGone = func(limit time.Duration) { p.endProcess(cmd, limit) }
	cmd.Stderr = &p.stderr
	// A session of its own: the terminal's Ctrl-C is not for it, and all of it
	// (podman unshare, and the proxy below it) can be signalled at once.
	cmd.SysProcAttr = ownSession()
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the proxy process: %w", err)
	}
	go func() {
		p.readEvents(stdout, onEvent)
		_, _ = io.Copy(io.Discard, stdout)
		p.err = cmd.Wait()
		close(p.ended)
	}()
	if err := wire.WriteSpec(stdin, ws, t); err != nil {
		// It has said why on its stderr, which is complete when it has ended.
		p.waitGone(killAfter)
		return nil, p.why(err)
	}
	return p, nil
}

// killAfter is how long a proxy process may take to unmount after a SIGTERM.
const killAfter = 5 * time.Second

func (p *proxy) endProcess(cmd *exec.Cmd, limit time.Duration) {
	if p.endsWithin(limit) {
		return
	}
	_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
	if !p.endsWithin(killAfter) {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-p.ended
	}
}

func (p *proxy) endsWithin(limit time.Duration) bool {
	t := time.NewTimer(limit)
	defer t.Stop()
	select {
	case <-p.ended:
		return true
	case <-t.C:
		return false
	}
}
