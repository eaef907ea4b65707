package orchestrator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// removeRuntimeContainers deletes what the OCI runtimes still know about RUNs
// of this build, and buildah's bundles of them. seen are those of RUNs that were
// killed.
func removeRuntimeContainers(ctx context.Context, s *State, seen []string) error {
	var errs []error
	for _, b := range bundles(s, seen) {
		for _, r := range runtimes(s) {
			name := "buildah-" + filepath.Base(b)
			if _, err := os.Stat(filepath.Join(r.root, name)); err == nil {
				errs = append(errs, r.remove(ctx, name))
			}
		}
		errs = append(errs, detachBelow(b))
		if s.Place == remote {
			errs = append(errs, os.RemoveAll(b))
		}
	}
	if s.Place == remote {
		for _, r := range runtimes(s) {
			errs = append(errs, r.removeForgotten(ctx))
		}
	}
	return errors.Join(errs...)
}

// ociRuntime is a program that podman runs containers with, and where it keeps
// what it knows of them.
type ociRuntime struct{ program, root string }

func runtimes(s *State) []ociRuntime {
	var list []ociRuntime
	for _, program := range []string{"crun", "runc"} {
		root := filepath.Join(cmp.Or(s.RunDir, "/run"), program)
		if _, err := os.Stat(root); err == nil {
			list = append(list, ociRuntime{program, root})
		}
	}
	return list
}

func (r ociRuntime) remove(ctx context.Context, name string) error {
	return exec.CommandContext(ctx, r.program, "--root", r.root, "delete", "--force", name).Run()
}

// forgetLimit is how long buildah may take to delete a RUN that has ended.
const forgetLimit = 2 * time.Second

// removeForgotten deletes RUNs that have ended, and whose bundle buildah has
// removed: nobody will. A remote podman leaves one when a RUN ends, because its
// tree has gone, while podman sees that the client has; whose it was, nothing
// says. Those that buildah is at work on are waited for.
func (r ociRuntime) removeForgotten(ctx context.Context) error {
	for end := time.Now().Add(forgetLimit); ; time.Sleep(20 * time.Millisecond) {
		forgotten, ending, err := r.ended(ctx)
		if err != nil {
			return err
		}
		var errs []error
		for _, name := range forgotten {
			errs = append(errs, r.remove(ctx, name))
		}
		if err := errors.Join(errs...); err != nil || ending == 0 || time.Now().After(end) {
			return err
		}
	}
}

// ended lists the RUNs that have ended without a bundle, and counts those with.
func (r ociRuntime) ended(ctx context.Context) (forgotten []string, ending int, err error) {
	out, err := exec.CommandContext(ctx, r.program, "--root", r.root, "list", "--format", "json").Output()
	if err != nil {
		return nil, 0, err
	}
	var list []struct{ ID, Status, Bundle string }
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, 0, err
	}
	for _, c := range list {
		if !strings.HasPrefix(c.ID, "buildah-buildah") || c.Status != "stopped" {
			continue
		}
		if _, err := os.Stat(c.Bundle); errors.Is(err, os.ErrNotExist) {
			forgotten = append(forgotten, c.ID)
		} else {
			ending++
		}
	}
	return forgotten, ending, nil
}
