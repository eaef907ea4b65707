package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// leftover is something of a dead build that can be removed.
type leftover struct {
	what   string
	remove func(context.Context) error
}

// findLeftovers looks for what builds have left that are dead: those with a
// state that nobody holds, and things that name a build of which there is no
// state. The latter are left after a reboot, which empties the run directory;
// and only what is named after the base, or is older than this machine's start,
// is known not to belong to a build of another run directory. Of what is at a
// podman that is far nobody knows that: it may be another machine's build's.
func findLeftovers(ctx context.Context, p *podman, c Checkup, far bool) ([]leftover, error) {
	var list []leftover
	known := map[BuildID]bool{}
	for _, path := range stateFiles(c.Base) {
		s, err := readState(path)
		if err != nil {
			continue // takeOver throws it away
		}
		known[s.ID] = true
		if !lives(path) {
			list = append(list, deadBuild(path, s))
		}
	}
	list = append(list, strayDirs(c.Base, known, func(string) bool { return true })...)
	for _, dir := range []string{filepath.Join(c.Store, "scratch"), c.Tmp} {
		list = append(list, strayDirs(dir, known, beforeBoot)...)
	}
	if far {
		return list, nil
	}
	stray, err := strayContainers(ctx, p, c.Base, known)
	return append(list, stray...), err
}

func deadBuild(path string, s *State) leftover {
	return leftover{
		what: fmt.Sprintf("build %s (%s) has died and nobody has cleaned up after it", s.ID, s.What),
		remove: func(ctx context.Context) error {
			f, s := takeOver(path)
			if f == nil {
				return nil // somebody else does, or has done
			}
			return cleanUpDead(ctx, f, s)
		},
	}
}

// strayDirs are the directories in dir that are named after a build of which
// there is no state.
func strayDirs(dir string, known map[BuildID]bool, dead func(path string) bool) []leftover {
	entries, _ := os.ReadDir(dir)
	var list []leftover
	for _, e := range entries {
		id := BuildID(strings.TrimPrefix(e.Name(), "lazybuild-"))
		path := filepath.Join(dir, e.Name())
		if !e.IsDir() || !id.Valid() || known[id] || !dead(path) {
			continue
		}
		list = append(list, leftover{
			what: fmt.Sprintf("%s of a build that is no more", path),
			remove: func(context.Context) error {
				return errors.Join(detachBelow(path), removeOwn(path, id))
			},
		})
	}
	return list
}

// strayContainers are proxy containers and buildah's working containers that
// have a directory below base mounted whose build has no state.
func strayContainers(ctx context.Context, p *podman, base string, known map[BuildID]bool) ([]leftover, error) {
	ids, err := p.proxiesBelow(ctx, base, known)
	storage, serr := p.containerStorage(ctx)
	ids = append(ids, workingBelow(storage, base, known)...)
	slices.Sort(ids)
	var list []leftover
	for _, id := range slices.Compact(ids) {
		list = append(list, leftover{
			what:   fmt.Sprintf("container %s of a build that is no more", id[:min(12, len(id))]),
			remove: func(ctx context.Context) error { return p.remove(ctx, id) },
		})
	}
	return list, errors.Join(err, serr)
}

// proxiesBelow asks podman for proxy containers that have base mounted.
func (p *podman) proxiesBelow(ctx context.Context, base string, known map[BuildID]bool) ([]string, error) {
	out, err := p.command(ctx, "ps", "--all", "--no-trunc", "--filter", "label="+buildLabel, "--format", "json").Output()
	if err != nil {
		return nil, fmt.Errorf("asking podman for containers: %w", err)
	}
	var all []struct {
		ID     string            `json:"Id"`
		Labels map[string]string `json:"Labels"`
		Mounts []string          `json:"Mounts"`
	}
	if err := json.Unmarshal(out, &all); err != nil {
		return nil, fmt.Errorf("reading podman's list of containers: %w", err)
	}
	var ids []string
	for _, c := range all {
		if slices.Contains(c.Mounts, base) && !known[BuildID(c.Labels[buildLabel])] {
			ids = append(ids, c.ID)
		}
	}
	return ids, nil
}

// workingBelow reads buildah's records of its working containers.
func workingBelow(storage, base string, known map[BuildID]bool) []string {
	pattern := regexp.MustCompile(regexp.QuoteMeta(base) + `/([0-9a-f]{12}-[0-9a-f]{4})/`)
	entries, _ := os.ReadDir(storage)
	var ids []string
	for _, e := range entries {
		record, err := os.ReadFile(filepath.Join(storage, e.Name(), "userdata", "buildah.json"))
		if err != nil {
			continue
		}
		if m := pattern.FindSubmatch(record); m != nil && !known[BuildID(m[1])] {
			ids = append(ids, e.Name())
		}
	}
	return ids
}
