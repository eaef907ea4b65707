package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

func writeContainers(t *testing.T, s *State, file string, list ...stored) {
	t.Helper()
	text, err := json.Marshal(list)
	if err != nil {
		t.Fatal(err)
	}
	writeFile(t, filepath.Join(s.Storage, file), string(text))
}

// A podman that is killed between making a working container and writing its
// record leaves one that names no build.
func TestWorkingContainersWithoutARecordAreRemoved(t *testing.T) {
	_, s := newState(t, t.TempDir(), testID)
	s.Created = time.Now().Add(-time.Hour)
	during, before := s.Created.Add(time.Second), s.Created.Add(-time.Second)
	writeContainers(t, &s, "containers.json",
		stored{ID: "ours", Names: []string{"base-working-container-7"}, Created: during},
		stored{ID: "recorded", Names: []string{"base-working-container"}, Created: during},
		stored{ID: "earlier", Names: []string{"old-working-container"}, Created: before},
		stored{ID: "podmans", Names: []string{"x-working-container"}, Metadata: `{"name":"x"}`, Created: during},
		stored{ID: "named", Names: []string{"my-working-container-copy"}, Created: during},
	)
	writeContainers(t, &s, "volatile-containers.json", stored{ID: "volatile", Names: []string{"working-container"}, Created: during})
	writeFile(t, filepath.Join(mkdir(t, filepath.Join(s.Storage, "recorded", "userdata")), "buildah.json"), `{}`)
	got, err := halfMade(context.Background(), &s)
	if want := []string{"ours", "volatile"}; err != nil || !slices.Equal(got.containers, want) {
		t.Errorf("got %v, %v, want %v", got, err, want)
	}
	s.Place = remote
	if got, err := halfMade(context.Background(), &s); err != nil || len(got.containers) > 0 {
		t.Errorf("a remote build: %v, %v", got, err)
	}
}

// A podman that is killed while it commits leaves an image without a manifest,
// on which `podman images` fails.
func TestImagesWithoutAManifestAreRemoved(t *testing.T) {
	_, s := newState(t, t.TempDir(), testID)
	s.Storage = mkdir(t, filepath.Join(filepath.Dir(s.Storage), "overlay-containers"))
	images := s
	images.Storage = mkdir(t, filepath.Join(filepath.Dir(s.Storage), "overlay-images"))
	s.Created = time.Now().Add(-time.Hour)
	during, before := s.Created.Add(time.Second), s.Created.Add(-time.Second)
	writeContainers(t, &images, "images.json",
		stored{ID: "half", BigData: []string{"sha256:1"}, Created: during},
		stored{ID: "none", Created: during},
		stored{ID: "whole", BigData: []string{"sha256:1", "manifest"}, Created: during},
		stored{ID: "earlier", Created: before},
	)
	var log string
	s.Podman, log = fakePodman(t, "")
	if err := removeContainers(context.Background(), &s); err != nil {
		t.Fatal(err)
	}
	if got, _ := os.ReadFile(log); !strings.Contains(string(got), "rmi --force half none\n") {
		t.Errorf("podman was called with %q", got)
	}
}

// Another podman may be about to write the record: it gets time, and is never
// robbed of its container.
func TestAnotherPodmansWorkingContainerIsLeft(t *testing.T) {
	_, s := newState(t, t.TempDir(), testID)
	s.Created = time.Now()
	writeContainers(t, &s, "containers.json", stored{ID: "new", Names: []string{"a-working-container"}, Created: time.Now()})
	got, err := settled(context.Background(), &s, func(time.Duration) bool { return true })
	if !errors.Is(err, errMakerUnknown) || len(got.containers) > 0 {
		t.Errorf("while another podman runs: %v, %v", got, err)
	}
	looks := 0
	got, err = settled(context.Background(), &s, func(time.Duration) bool { looks++; return looks < 3 })
	if err != nil || !slices.Equal(got.containers, []string{"new"}) {
		t.Errorf("when it has ended: %v, %v", got, err)
	}
	s.Created = s.Created.Add(-time.Hour)
	writeContainers(t, &s, "containers.json", stored{ID: "old", Names: []string{"a-working-container"}, Created: time.Now().Add(-2 * finishLimit)})
	got, err = settled(context.Background(), &s, func(time.Duration) bool { return true })
	if err != nil || !slices.Equal(got.containers, []string{"old"}) {
		t.Errorf("long afterwards: %v, %v", got, err)
	}
}

func TestWhoMayHaveMadeAContainer(t *testing.T) {
	base := t.TempDir()
	runs := func(args ...string) int {
		cmd, _ := started(t, &exec.Cmd{Path: "/bin/sh", Args: append([]string{args[0], "-c", "echo ready; read x"}, args[1:]...)})
		return cmd.Process.Pid
	}
	podman, buildah := runs("podman"), runs("/usr/bin/buildah", "bud")
	service := runs("podman", "system", "service", "unix://"+socketPath(base, otherID))
	other := runs("podmans")
	me := ownerOf(base)
	now := makers(0, me, stateDir(base))
	for pid, want := range map[int]bool{podman: true, buildah: true, service: false, other: false} {
		if got := slices.Contains(now, pid); got != want {
			t.Errorf("process %d of %d, %d, %d, %d: %v, want %v", pid, podman, buildah, service, other, got, want)
		}
	}
	// Older than the process, and than the machine's start.
	for _, age := range []time.Duration{time.Minute, 1e5 * time.Hour} {
		if old := makers(age, me, stateDir(base)); slices.Contains(old, podman) {
			t.Errorf("a container of %v ago, made by a process of now", age)
		}
	}
	if theirs := makers(0, me+1, stateDir(base)); slices.Contains(theirs, podman) {
		t.Error("a container of another user's")
	}
}
