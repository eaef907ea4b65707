package orchestrator

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"time"
)

// cleanup removes everything that the build has left: processes, working
// containers, mounts, the proxy container, files. It is idempotent, works from
// the state alone, and goes on after an error. Safe when the build ended well:
// then it finds nothing but two directories.
//
// broken says that podman itself may have left something (it was killed).
func cleanup(ctx context.Context, s *State, broken bool) error {
	var errs []error
	p := &podman{path: s.Podman, global: s.Global}
	if broken {
		// First whoever could make more: the child, then the RUNs that it left.
		stopChild(s)
		killBuildProcesses(s)
		errs = append(errs, removeRuntimeContainers(ctx, s), p.removeWorkingContainers(ctx, s))
	}
	errs = append(errs, detachBelow(s.Dir))
	if broken {
		errs = append(errs, p.removeContainer(ctx, s.ID.container()))
	}
	for _, dir := range []string{s.Dir, s.Scratch, s.Tmp} {
		errs = append(errs, removeOwn(dir, s.ID))
	}
	return errors.Join(errs...)
}

// removeOwn removes a directory that carries the build's ID in its name, and
// no other: a damaged state file must not be able to name anything else.
func removeOwn(dir string, id BuildID) error {
	if dir == "" || !filepath.IsAbs(dir) || !namedAfter(filepath.Base(dir), id) {
		return nil
	}
	if mounted, err := isMounted(dir); err != nil || mounted {
		return err
	}
	return os.RemoveAll(dir)
}

func namedAfter(base string, id BuildID) bool {
	return id.Valid() && (base == string(id) || base == "lazybuild-"+string(id))
}

// removeContainer removes the proxy container if it is still there. SIGTERM
// first and time to unmount: never kill at once, that leaves a stale mount.
func (p *podman) removeContainer(ctx context.Context, name string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	if p.command(ctx, "container", "exists", name).Run() != nil {
		return nil
	}
	return p.command(ctx, "rm", "--force", "--ignore", "--time", "5", name).Run()
}

// Sweep cleans up after builds that died together with their reaper. It never
// touches a build that lives.
func Sweep(ctx context.Context, base string) error {
	var errs []error
	for _, path := range stateFiles(base) {
		f, s := takeOver(path)
		if f == nil {
			continue
		}
		if err := cleanup(ctx, s, true); err != nil {
			errs = append(errs, err)
			_ = f.lock.Unlock() // left for the next start
			continue
		}
		f.remove()
	}
	return errors.Join(errs...)
}
