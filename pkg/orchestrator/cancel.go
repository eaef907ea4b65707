package orchestrator

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// How long a build may take to end after it was asked to, and after that its
// reaper to clean up, before Cancel goes on to the next means.
const (
	cancelLimit     = 30 * time.Second
	cancelReapLimit = 20 * time.Second
)

// Cancel ends the build below base whose ID begins with prefix, as Ctrl-C would,
// and returns when nothing of it is left. It works in every state of the build:
// while it starts, builds, ends, is stopped or hangs; after a build that has died
// it cleans up. say is told what it does. It blocks for a minute at most, or
// until ctx ends. The error is a *UsageError where there is no such build.
func Cancel(ctx context.Context, base, prefix string, say func(format string, args ...any)) error {
	path, err := findState(base, prefix)
	if err != nil {
		return err
	}
	s, err := readState(path)
	if err != nil {
		return err
	}
	if lives(path) && endCLI(s, syscall.SIGTERM) {
		say("build %s: asked to end", s.ID)
		if waitEnd(ctx, path, cancelLimit) {
			return nil
		}
		say("build %s: it does not end, killing its lazybuild", s.ID)
		endCLI(s, syscall.SIGKILL)
	}
	// Its reaper cleans up, or whoever has taken its place.
	if waitEnd(ctx, path, cancelReapLimit) {
		return nil
	}
	if ctx.Err() != nil {
		return errInterrupted
	}
	return fmt.Errorf("build %s has not ended; `lazybuild doctor` may say why", s.ID)
}

// findState is the state file of the one build whose ID begins with prefix.
func findState(base, prefix string) (string, error) {
	var found []string
	for _, path := range stateFiles(base) {
		if id := strings.TrimSuffix(filepath.Base(path), ".json"); id == prefix {
			return path, nil
		} else if prefix != "" && strings.HasPrefix(id, prefix) {
			found = append(found, path)
		}
	}
	switch len(found) {
	case 0:
		return "", &UsageError{hint("`lazybuild ps` lists those that there are", "there is no build %q", prefix)}
	case 1:
		return found[0], nil
	}
	return "", &UsageError{fmt.Errorf("%d builds begin with %q: write more of the ID", len(found), prefix)}
}

// endCLI sends a signal to the build's lazybuild; false when that does not run.
func endCLI(s *State, sig syscall.Signal) bool {
	if s.PID <= 1 || processStart(s.PID) != s.PIDStart {
		return false
	}
	p, err := os.FindProcess(s.PID)
	if err != nil || p.Signal(sig) != nil {
		return false
	}
	// One that somebody has stopped (Ctrl-Z) hears it when it goes on.
	_ = p.Signal(syscall.SIGCONT)
	return true
}

// waitEnd waits until nothing is left of the build. If nobody cleans up after it
// any more, it does so itself. false after limit, or when that fails.
func waitEnd(ctx context.Context, path string, limit time.Duration) bool {
	deadline := time.NewTimer(limit)
	defer deadline.Stop()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if _, err := os.Stat(path); err != nil {
			return true
		}
		if f, s := takeOver(path); f != nil {
			return cleanUpDead(ctx, f, s) == nil
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			return false
		case <-ctx.Done():
			return false
		}
	}
}

// cleanUpDead cleans up after a dead build whose lock is held, and ends its
// state; on an error it is left for the next to come.
func cleanUpDead(ctx context.Context, f *stateFile, s *State) error {
	if err := cleanup(ctx, s, true); err != nil {
		_ = f.lock.Unlock()
		return err
	}
	f.remove()
	return nil
}
