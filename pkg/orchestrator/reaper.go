package orchestrator

import (
	"context"
	"fmt"
	"io"
	"os/exec"
	"time"
)

// A reaper is a process that outlives a killed CLI. It holds one end of a pipe;
// when the pipe ends and the build's state file is still there and unlocked,
// the CLI is dead, and the reaper cleans up after it. The proxy container does
// not need it (its stdin is its lease), but podman's child, its RUN processes
// and its working containers do.
type reaper struct {
	pipe io.WriteCloser
	cmd  *exec.Cmd
}

// startReaper runs `lazybuild reap STATEFILE` in a session of its own, so that
// no signal of the terminal reaches it. env is its environment, nil for ours.
func startReaper(executable, state string, env []string) (*reaper, error) {
	cmd := exec.Command(executable, "reap", state)
	cmd.Env = env
	cmd.SysProcAttr = ownSession()
	pipe, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting the reaper: %w", err)
	}
	return &reaper{pipe: pipe, cmd: cmd}, nil
}

// dismiss ends the reaper after the state has been removed.
func (r *reaper) dismiss() {
	_ = r.pipe.Close()
	_ = r.cmd.Wait()
}

// release lets the reaper begin, and does not wait for it.
func (r *reaper) release() { _ = r.pipe.Close() }

// reapLimit bounds a reaper's work: it must not hang around on a stuck podman.
// reapEvery is how often it asks whether a remote podman answers again.
const (
	reapLimit = 2 * time.Minute
	reapEvery = 2 * time.Second
)

// Reap is the reaper's whole life: it blocks until in is at its end, then
// cleans up after the build of the state file, if its CLI has died.
func Reap(in io.Reader, state string) error {
	_, _ = io.Copy(io.Discard, in)
	ctx, cancel := context.WithTimeout(context.Background(), reapLimit)
	defer cancel()
	for {
		f, s := inherit(state)
		if f == nil {
			return nil // somebody else cleans up, or has done
		}
		err := cleanup(ctx, s, true)
		if err == nil {
			f.remove()
			return nil
		}
		// Meanwhile the next start, cancel or doctor may be quicker.
		_ = f.lock.Unlock()
		if s.Place != remote {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(reapEvery):
		}
	}
}

// inheritLimit is how long the reaper waits for the lock: somebody else who
// cleans up holds it until that is done, or has failed.
const inheritLimit = time.Minute

// inherit takes over the state of a build that is dying. The kernel drops a dead
// process's locks and closes its pipes one after the other, so the lock may be
// held for a moment yet. nil means that nothing is left, not even of a state that
// was never written.
func inherit(state string) (*stateFile, *State) {
	for end := time.Now().Add(inheritLimit); time.Now().Before(end); {
		if !exists(state) && !exists(state+".lock") {
			return nil, nil // it has cleaned up itself
		}
		if f, s := takeOver(state); f != nil {
			return f, s
		}
		time.Sleep(10 * time.Millisecond)
	}
	return nil, nil
}
