package orchestrator

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"sync"
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
	// Pipes of our own: exec's would be closed, or waited for, at the wrong time
	// where the command is not the proxy but what starts it.
	out, said, err := outputs(cmd)
	if err != nil {
		return nil, err
	}
	p := newProxy("the proxy process", stdin)
	p.waitGone = func(limit time.Duration) error { p.endProcess(cmd, limit); return nil }
	// A session of its own: the terminal's Ctrl-C is not for it, and all of it
	// (podman unshare, and the proxy below it) can be signalled at once.
	cmd.SysProcAttr = ownSession()
	err = cmd.Start()
	for _, w := range []any{cmd.Stdout, cmd.Stderr} {
		w.(*os.File).Close()
	}
	if err != nil {
		return nil, fmt.Errorf("starting the proxy process: %w", err)
	}
	var read sync.WaitGroup
	read.Go(func() { p.readEvents(out, onEvent); _, _ = io.Copy(io.Discard, out); out.Close() })
	read.Go(func() { _, _ = io.Copy(&p.stderr, said); said.Close() })
	go func() {
		p.err = cmd.Wait()
		// Where podman unshare has been killed, the proxy is still there: half of
		// a lease is none.
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM)
		read.Wait()
		close(p.ended)
	}()
	if err := wire.WriteSpec(stdin, ws, t); err != nil {
		// It has said why on its stderr, which is complete when it has ended.
		p.endProcess(cmd, killAfter)
		return nil, p.why(err)
	}
	return p, nil
}

// outputs connects the command's stdout and stderr with pipes.
func outputs(cmd *exec.Cmd) (out, said *os.File, err error) {
	out, outW, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	said, saidW, err := os.Pipe()
	if err != nil {
		return nil, nil, err
	}
	cmd.Stdout, cmd.Stderr = outW, saidW
	return out, said, nil
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
