//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// The processes of a build that a test may kill.
const (
	partPodman  = "podman"
	partProxy   = "proxy"
	partConmon  = "conmon"
	partService = "service"
)

// part finds a process of the run: by its state, by the proxy container, by the
// socket of its API service.
func (r *run) part(name string) (pid int) {
	r.t.Helper()
	id, child := r.state()
	switch name {
	case partPodman:
		pid = child
	case partProxy, partConmon:
		field := map[string]string{partProxy: "Pid", partConmon: "ConmonPid"}[name]
		fmt.Sscan(podman(r.t, "inspect", "--format", "{{.State."+field+"}}", "lazybuild-"+id), &pid)
	case partService:
		for _, p := range processes() {
			if slices.Contains(p.args, "service") && strings.Contains(p.args[len(p.args)-1], id+".sock") {
				pid = p.pid
			}
		}
	}
	if pid <= 1 {
		r.t.Fatalf("the build %s has no process %q", id, name)
	}
	return pid
}

// state is what lazybuild has written down about the run: its ID, and the
// podman that builds.
func (r *run) state() (id string, child int) {
	r.t.Helper()
	files, _ := filepath.Glob(filepath.Join(runDir(), "state", "*.json"))
	for _, file := range files {
		var s struct {
			ID         string
			PID, Child int
		}
		data, err := os.ReadFile(file)
		if err == nil && json.Unmarshal(data, &s) == nil && s.PID == r.cmd.Process.Pid {
			return s.ID, s.Child
		}
	}
	r.t.Fatalf("there is no state of the build\n%s", r)
	return "", 0
}
