//go:build linux

package mount

import (
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// runAs runs a shell script as a user and returns what it prints.
func runAs(t testing.TB, uid uint32, script string) string {
	t.Helper()
	cmd := exec.Command("/bin/sh", "-euc", script)
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uid, Gid: 0}}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%s: %v\n%s", script, err, stderr.String())
	}
	return string(out)
}

// mustFind returns the node of a path with no generated directory in it.
func (tab *table) mustFind(t *testing.T, path string) *node {
	t.Helper()
	n := tab.get(rootID)
	for name := range strings.SplitSeq(path, "/") {
		if n = find(n.dir.entries, name); n == nil {
			t.Fatalf("no node %q", path)
		}
	}
	return n
}

// mountedAt says whether mountinfo shows anything at dir.
func mountedAt(t testing.TB, dir string) bool {
	t.Helper()
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(b), " "+dir+" ")
}

func (n *node) passthroughOpens() int {
	n.opens.mu.Lock()
	defer n.opens.mu.Unlock()
	return n.opens.passthrough
}
