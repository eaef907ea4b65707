package orchestrator

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// cleanup removes everything that the build has left: processes, working
// containers, mounts, the proxy, files. It is idempotent, works from
// the state alone, and goes on after an error. Safe when the build ended well:
// then it finds nothing but two directories. nil means that all that the state
// names has been seen to be gone: only then may the state be removed.
//
// broken says that podman itself may have left something (it was killed), or
// that the proxy container may still be there.
func cleanup(ctx context.Context, s *State, broken bool) error {
	switch s.Place {
	case rootless:
		return cleanRootless(ctx, s, broken)
	case remote:
		return cleanRemote(ctx, s, broken)
	}
	return cleanHere(ctx, s, broken)
}

// cleanHere is cleanup in the mount namespace and with the privileges of podman.
func cleanHere(ctx context.Context, s *State, broken bool) error {
	var errs []error
	late := false
	if broken {
		asked := inBackground(func() (string, error) { return storageFor(ctx, s), nil })
		// First whoever could make more: the child, then the RUNs that it left.
		var stopped sync.WaitGroup
		stopped.Go(func() { stopProcess(s.Child, s.ChildStart) })
		stopped.Go(func() { stopProxy(s) })
		if s.late() {
			stopped.Go(func() { late = !stopService(s) && s.Dir != "" })
		}
		stopped.Wait()
		s.Storage, _ = asked()
		_, seen := killBuildProcesses(s)
		errs = append(errs, removeRuntimeContainers(ctx, s, seen))
	}
	for _, dir := range []string{s.Tmp, s.Dir, s.Scratch} {
		if ownDir(dir, s.ID) {
			errs = append(errs, detachBelow(dir), removeOwn(dir, s.ID))
		}
	}
	if broken && s.Podman != "" {
		// podman is slow to start, so it is called last, and once.
		errs = append(errs, removeContainers(ctx, s))
		if late {
			time.Sleep(lateLimit)
			errs = append(errs, removeContainers(ctx, s))
		}
	}
	if broken {
		// What was killed may have been waiting for the mount.
		errs = append(errs, stillRuns(s))
	}
	return errors.Join(errs...)
}

// lateLimit is how long a service that is not the build's own may still be at
// work on the container that a dead lazybuild has asked for.
const lateLimit = time.Second

// late says whether podman may yet make the proxy container, after its removal:
// lazybuild has had no answer to its request, or it has died before podman build
// was started and its service may not have noticed.
func (s *State) late() bool {
	return s.Late || s.Child == 0 && s.Proxy == 0 && s.PIDStart != 0 && processStart(s.PID) != s.PIDStart
}

// storageFor is where podman keeps its containers' files, asked for while the
// processes end if the build has not come to know it. "" is asked for again.
func storageFor(ctx context.Context, s *State) string {
	if s.Storage != "" || s.Podman == "" {
		return s.Storage
	}
	dir, err := (&podman{path: s.Podman, global: s.Global}).containerStorage(ctx)
	if err != nil {
		return ""
	}
	return dir
}

// cleanMounts removes what a proxy has left that could not work. The build goes on.
func cleanMounts(ctx context.Context, s *State) error {
	return cleanup(ctx, &State{ID: s.ID, Place: s.Place, Dir: s.Dir, Scratch: s.Scratch}, false)
}

// cleanRootless goes where podman is: only there are the mounts, and what RUNs
// have written belongs to other users here. Podman is asked for that only if
// something is left.
func cleanRootless(ctx context.Context, s *State, broken bool) error {
	if !broken {
		if err := cleanHere(ctx, s, false); err == nil {
			return nil
		}
	}
	executable, err := os.Executable()
	if err != nil {
		return fmt.Errorf("finding lazybuild's own executable: %w", err)
	}
	state, err := json.Marshal(s)
	if err != nil {
		return err
	}
	p := &podman{path: s.Podman, global: s.Global}
	cmd := p.undisturbed(ctx, "unshare", executable, "clean")
	cmd.Stdin = bytes.NewReader(state)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("cleaning up in podman's namespace: %w: %s", err, lastLine(out))
	}
	return nil
}

// Clean is the clean-up where podman is (`lazybuild clean`): the state of the
// build stands on in. Where it cannot call podman itself, it writes the IDs of
// the build's working containers to out, one a line.
func Clean(ctx context.Context, in io.Reader, out io.Writer) error {
	var s State
	if err := json.NewDecoder(in).Decode(&s); err != nil || !s.ID.Valid() {
		return fmt.Errorf("reading the state of the build: %w", cmp.Or(err, errNoState))
	}
	err := cleanHere(ctx, &s, true)
	if s.Podman == "" && s.Storage != "" {
		ids, _ := (&podman{}).workingContainers(ctx, &s)
		for _, id := range ids {
			fmt.Fprintln(out, id)
		}
	}
	return err
}

var errNoState = errors.New("it is none")

// removeLimit bounds a call of podman that may be stuck.
const removeLimit = 30 * time.Second

// removeContainers removes the proxy container, if it is still there, the
// working containers of the build, and what podman has left half made. SIGTERM
// first and time to unmount: a proxy that is killed at once leaves a stale mount.
func removeContainers(ctx context.Context, s *State) error {
	ctx, cancel := context.WithTimeout(ctx, removeLimit)
	defer cancel()
	p := &podman{path: s.Podman, global: s.Global}
	ids, err := p.workingContainers(ctx, s)
	half, unsure := halfMade(ctx, s)
	all := append(append([]string{s.ID.container()}, ids...), half.containers...)
	rmErr := p.remove(ctx, all...)
	if rmErr == nil {
		rmErr = stillStored(s, all)
	}
	if rmErr != nil {
		rmErr = fmt.Errorf("removing the build's containers: %w", rmErr)
	}
	return errors.Join(err, unsure, rmErr, p.removeImages(ctx, half.images))
}

// remove removes containers by force: SIGTERM, time to unmount, SIGKILL. Of no
// such container there is nothing to remove.
func (p *podman) remove(ctx context.Context, containers ...string) error {
	err := p.removeForce(ctx, containers)
	if err == nil {
		return nil
	}
	if p.knowsNot(ctx, containers[0]) {
		// The proxy removes itself at the same time; podman may trip over that.
		containers = containers[1:]
		if len(containers) == 0 {
			return nil
		}
	}
	// Or it is stuck, and without a control group podman kills nothing that shares
	// the host's PIDs; asked for just that, it does. Or its conmon was killed:
	// podman 5 fails once, and then knows that it has ended.
	_ = p.undisturbed(ctx, "kill", "--signal", "KILL", containers[0]).Run()
	return p.removeForce(ctx, containers)
}

func (p *podman) removeForce(ctx context.Context, containers []string) error {
	args := append([]string{"rm", "--force", "--ignore", "--time", "5"}, containers...)
	if out, err := p.undisturbed(ctx, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%w: %s", err, lastLine(out))
	}
	return nil
}

// knowsNot says whether podman has answered that there is no such container, not
// even in its storage: a podman that removes one forgets it first.
func (p *podman) knowsNot(ctx context.Context, container string) bool {
	var exit *exec.ExitError
	err := p.undisturbed(ctx, "container", "exists", "--external", container).Run()
	return errors.As(err, &exit) && exit.ExitCode() == 1
}

// removeImages removes images that a killed podman has left half made.
func (p *podman) removeImages(ctx context.Context, ids []string) error {
	if len(ids) == 0 {
		return nil
	}
	out, err := p.undisturbed(ctx, append([]string{"rmi", "--force"}, ids...)...).CombinedOutput()
	if err != nil {
		return fmt.Errorf("removing images that were half made: %w: %s", err, lastLine(out))
	}
	return nil
}

// removeOwn removes a directory that carries the build's ID in its name, and
// no other. It goes into no mount: behind one may be the user's own files.
func removeOwn(dir string, id BuildID) error {
	if !ownDir(dir, id) {
		return nil
	}
	mounted, err := mountedBelow(dir)
	if err != nil {
		return err
	}
	if mounted {
		return fmt.Errorf("removing %s: something is still mounted there", dir)
	}
	return os.RemoveAll(dir)
}

// ownDir says whether a path of a state file carries the build's ID in its
// name: a damaged state must not be able to name anything else, and an empty
// path would be the prefix of every mount.
func ownDir(dir string, id BuildID) bool {
	return filepath.IsAbs(dir) && namedAfter(filepath.Base(dir), id)
}

func namedAfter(base string, id BuildID) bool {
	return id.Valid() && (base == string(id) || base == "lazybuild-"+string(id))
}

// Sweep cleans up after builds that died together with their reaper. It never
// touches a build that lives, nor one whose podman is elsewhere.
func Sweep(ctx context.Context, base string) error {
	_, err := sweep(ctx, base, func(s *State) bool { return s.Place != remote })
	return err
}

// sweepBeside sweeps while the build goes on: podman takes its time, and the
// build does not need what is swept. A Ctrl-C does not end it.
func (b *build) sweepBeside(ctx context.Context) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		began := time.Now()
		n, err := sweep(context.WithoutCancel(ctx), b.o.Base, b.place.reaches)
		if err != nil {
			b.o.UI.Warn("cleaning up after an earlier build: %v", err)
		}
		if n > 0 {
			b.o.UI.Verbose("cleaned up after dead builds: %d, in %v", n, time.Since(began).Round(100*time.Microsecond))
		}
	}()
	return done
}

// sweptLimit is how long the end of a build waits for the sweep. What is left
// then is the next start's.
const sweptLimit = 2 * time.Second

func (b *build) waitSwept() {
	if b.swept == nil {
		return
	}
	t := time.NewTimer(sweptLimit)
	defer t.Stop()
	select {
	case <-b.swept:
	case <-t.C:
	}
}

// sweepJobs is how many dead builds are cleaned up after at once: what takes
// time is podman, and on the machine a build is about to start.
const sweepJobs = 4

// sweep cleans up after the dead builds that are reached, and says after how many.
func sweep(ctx context.Context, base string, reached func(*State) bool) (n int, err error) {
	var mu sync.Mutex
	var errs []error
	var all sync.WaitGroup
	jobs := make(chan struct{}, sweepJobs)
	for _, path := range sweptFiles(base) {
		f, s := takeOver(path)
		if f == nil {
			continue
		}
		if !reached(s) {
			_ = f.lock.Unlock()
			continue
		}
		jobs <- struct{}{}
		all.Go(func() {
			err := cleanUpDead(ctx, f, s)
			<-jobs
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
				return
			}
			n++
		})
	}
	all.Wait()
	return n, errors.Join(errs...)
}
