//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

// stuck is what there is to say about a run that does not end: what it and
// podman's processes on this machine wait for in the kernel, and, with a SIGQUIT
// that ends it, what its podman's and its own goroutines do (String).
func (r *run) stuck() string {
	var b strings.Builder
	for _, p := range processes() {
		name := filepath.Base(p.args[0])
		if slices.Contains([]string{"lazybuild", "podman", "conmon", "buildah", "runc", "crun"}, name) || p.ours {
			fmt.Fprintf(&b, "process %d of %d: %.300s\n%s", p.pid, parent(p.pid), strings.Join(p.args, " "), kernelStack(p.pid))
		}
	}
	locks, _ := os.ReadFile("/proc/locks")
	fmt.Fprintf(&b, "locks:\n%s", locks)
	if s, ok := r.findState(); ok && s.Child > 1 {
		_ = syscall.Kill(s.Child, syscall.SIGQUIT)
		r.endsIn(5 * time.Second)
	}
	_ = r.cmd.Process.Signal(syscall.SIGQUIT)
	r.endsIn(5 * time.Second)
	return b.String()
}

func (r *run) endsIn(limit time.Duration) {
	select {
	case <-r.done:
	case <-time.After(limit):
	}
}

func kernelStack(pid int) string {
	var b strings.Builder
	stacks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/stack", pid))
	seen := map[string]bool{}
	for _, stack := range stacks {
		text, _ := os.ReadFile(stack)
		if first, _, _ := strings.Cut(string(text), "\n"); first != "" && !seen[first] {
			seen[first] = true
			fmt.Fprintf(&b, "    %s\n", first)
		}
	}
	return b.String()
}
