//go:build e2e

package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
)

// The processes of a build that a test may kill or stop.
const (
	partProxy   = "proxy"
	partPodman  = "podman"
	partConmon  = "conmon"
	partService = "service"
)

// part finds a process of the run: by its state, by the proxy container, by the
// socket of its API service.
func (r *run) part(name string) (pid int) {
	r.t.Helper()
	s := r.state()
	switch name {
	case partPodman:
		pid = s.Child
	case partProxy:
		if pid = proxyProcess(s); pid == 0 {
			fmt.Sscan(podman(r.t, "inspect", "--format", "{{.State.Pid}}", "lazybuild-"+s.ID), &pid)
		}
	case partConmon:
		fmt.Sscan(podman(r.t, "inspect", "--format", "{{.State.ConmonPid}}", "lazybuild-"+s.ID), &pid)
	case partService:
		for _, p := range processes() {
			if slices.Contains(p.args, "service") && strings.Contains(p.args[len(p.args)-1], s.ID+".sock") {
				pid = p.pid
			}
		}
	}
	if pid <= 1 {
		r.t.Fatalf("the build %s has no process %q", s.ID, name)
	}
	return pid
}

// killProxy kills the proxy, in its container, wherever that is, or as a process.
func (r *run) killProxy() {
	r.t.Helper()
	r.signalProxy(syscall.SIGKILL)
}

// signalProxy sends the proxy a signal.
func (r *run) signalProxy(sig syscall.Signal) {
	r.t.Helper()
	if s := r.state(); s.Proxy == 0 {
		words := []string{"kill", "--signal", fmt.Sprint(int(sig)), "lazybuild-" + s.ID}
		if c := os.Getenv("CONTAINER_CONNECTION"); c != "" { // of a machine, whose root runs the proxy
			words = append([]string{"--connection", c + "-root"}, words...)
		}
		podman(r.t, words...)
		return
	}
	_ = syscall.Kill(r.part(partProxy), sig)
}

// proxyProcess is the PID of a proxy that is no container. Rootless, what
// lazybuild has started is podman unshare, and the proxy is below.
func proxyProcess(s buildState) int {
	for _, p := range processes() {
		if filepath.Base(p.args[0]) == "lazybuild" && slices.Contains(p.args, "proxy") && (p.pid == s.Proxy || parent(p.pid) == s.Proxy) {
			return p.pid
		}
	}
	return 0
}

func parent(pid int) (ppid int) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(status), "\nPPid:")
	fmt.Sscan(rest, &ppid)
	return ppid
}

// buildState is a part of what lazybuild writes down about a build.
type buildState struct {
	ID                string
	PID, Child, Proxy int
}

func (r *run) state() buildState {
	r.t.Helper()
	s, ok := r.findState()
	if !ok {
		r.t.Fatalf("there is no state of the build\n%s", r)
	}
	return s
}

func (r *run) findState() (buildState, bool) {
	files, _ := filepath.Glob(filepath.Join(runDir(), "state", "*.json"))
	for _, file := range files {
		var s buildState
		data, err := os.ReadFile(file)
		if err == nil && json.Unmarshal(data, &s) == nil && s.PID == r.cmd.Process.Pid {
			return s, true
		}
	}
	return buildState{}, false
}
