package orchestrator

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// Of a remote podman, RUNs are deleted that ended while podman was losing the
// client; nobody's that lives or that buildah is still at work on.
func TestRunsThatARemotePodmanForgotAreDeleted(t *testing.T) {
	dir := t.TempDir()
	for _, d := range []string{"bin", "run/crun", "buildah2"} {
		if err := os.MkdirAll(filepath.Join(dir, d), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	// The second one's bundle goes between the first question and the second.
	script := fmt.Sprintf(`#!/bin/sh
case $3 in
delete) echo "$5" >>%[1]s/deleted ;;
list)
	[ ! -e %[1]s/asked ] || rmdir %[1]s/buildah2 2>/dev/null || :
	: >%[1]s/asked
	cat <<EOF
[{"id":"buildah-buildah1","status":"stopped","bundle":"/none/1"},
 {"id":"buildah-buildah2","status":"stopped","bundle":"%[1]s/buildah2"},
 {"id":"buildah-buildah3","status":"running","bundle":"/none/3"},
 {"id":"0123456789abcdef","status":"stopped","bundle":"/none/4"}]
EOF
	;;
esac
`, dir)
	if err := os.WriteFile(filepath.Join(dir, "bin/crun"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", filepath.Join(dir, "bin")+":"+os.Getenv("PATH"))
	s := &State{ID: testID, Place: rootful, RunDir: filepath.Join(dir, "run")}
	if err := removeRuntimeContainers(context.Background(), s, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "deleted")); err == nil {
		t.Error("a podman of this machine was taken for a remote one")
	}
	s.Place = remote
	if err := removeRuntimeContainers(context.Background(), s, nil); err != nil {
		t.Fatal(err)
	}
	deleted, err := os.ReadFile(filepath.Join(dir, "deleted"))
	if want := "buildah-buildah1\nbuildah-buildah1\nbuildah-buildah2\n"; err != nil || string(deleted) != want {
		t.Errorf("deleted %q, want %q (%v)", deleted, want, err)
	}
}
