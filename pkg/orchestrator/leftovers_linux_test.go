package orchestrator

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"
)

func TestTheStartOfAProcessWhateverItsName(t *testing.T) {
	for _, name := range []string{"plain", "a b", ") Z 1 (", "(x)", "a) R 2 3"} {
		script := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(script, []byte("#!/bin/sh\necho ready\nread x\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		cmd, in := started(t, exec.Command(script))
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", cmd.Process.Pid))
		if err != nil || !strings.Contains(string(stat), "("+name+")") {
			t.Fatalf("%s, %v", stat, err)
		}
		_, rest, _ := strings.Cut(string(stat), "("+name+") ")
		if got := fmt.Sprint(processStart(cmd.Process.Pid)); got != strings.Fields(rest)[19] {
			t.Errorf("%q: %s of %s", name, got, stat)
		}
		in()
		// Ended, and nobody has waited for it: its PID is still taken.
		waitZombie(t, cmd.Process.Pid)
		if got := processStart(cmd.Process.Pid); got != 0 {
			t.Errorf("%q: a zombie started at %d", name, got)
		}
		_ = cmd.Wait()
		if got := processStart(cmd.Process.Pid); got != 0 {
			t.Errorf("%q: nobody started at %d", name, got)
		}
	}
}

// started runs a command that says "ready" and then waits for its stdin's end.
func started(t *testing.T, cmd *exec.Cmd) (*exec.Cmd, func()) {
	t.Helper()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	if got, err := bufio.NewReader(out).ReadString('\n'); err != nil || got != "ready\n" {
		t.Fatalf("%q, %v", got, err)
	}
	return cmd, func() { in.Close() }
}

// waitZombie returns when the process has ended, without reaping it.
func waitZombie(t *testing.T, pid int) {
	t.Helper()
	var info unix.Siginfo
	err := error(unix.EINTR)
	for errors.Is(err, unix.EINTR) {
		err = unix.Waitid(unix.P_PID, pid, &info, unix.WEXITED|unix.WNOWAIT, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func TestTheChildOfADeadBuildIsStopped(t *testing.T) {
	cmd, _ := started(t, exec.Command("/bin/sh", "-c", "echo ready; read x"))
	pid := cmd.Process.Pid
	for _, s := range []State{
		{}, {Child: 1, ChildStart: processStart(1)}, {Child: pid}, {Child: pid, ChildStart: processStart(pid) + 1},
	} {
		stopProcess(s.Child, s.ChildStart)
		if processStart(pid) == 0 {
			t.Fatalf("%+v has stopped somebody else", s)
		}
	}
	stopProcess(pid, processStart(pid))
	if processStart(pid) != 0 {
		t.Error("it still runs")
	}
}

func TestADeafChildOfADeadBuildIsKilled(t *testing.T) {
	cmd, _ := started(t, exec.Command("/bin/sh", "-c", "trap '' TERM; echo ready; read x"))
	stopProcess(cmd.Process.Pid, processStart(cmd.Process.Pid))
	waitZombie(t, cmd.Process.Pid)
}

// What has not ended is in the way of the state's removal.
func TestAProcessThatDoesNotEndIsReported(t *testing.T) {
	cmd, end := started(t, exec.Command("/bin/sh", "-c", "echo ready; read x"))
	pid := cmd.Process.Pid
	s := &State{ID: testID, Child: pid, ChildStart: processStart(pid)}
	if err := stillRuns(s); err == nil || !strings.Contains(err.Error(), strconv.Itoa(pid)) {
		t.Errorf("while it runs: %v", err)
	}
	end()
	waitZombie(t, pid)
	if err := stillRuns(s); err != nil {
		t.Errorf("when it has ended: %v", err)
	}
	for _, other := range []*State{{ID: testID}, {ID: testID, Child: 1, ChildStart: processStart(1)}, {ID: testID, Proxy: os.Getpid(), ProxyStart: 1}} {
		if err := stillRuns(other); err != nil {
			t.Errorf("%+v: %v", other, err)
		}
	}
}

// podman unshare is the proxy's leader, and may be gone while the proxy is not.
func TestAProxyIsStoppedWithAllOfItsSession(t *testing.T) {
	for _, leaderLives := range []bool{true, false} {
		cmd := exec.Command("/bin/sh", "-c", "sleep 600 & echo ready; read x")
		cmd.SysProcAttr = ownSession()
		cmd, end := started(t, cmd)
		s := &State{ID: testID, Proxy: cmd.Process.Pid, ProxyStart: processStart(cmd.Process.Pid)}
		if pids := proxySession(s); len(pids) != 2 {
			t.Fatalf("in the session: %v", pids)
		}
		if leaderLives {
			other := *s
			other.ProxyStart++
			if stopProxy(&other); len(proxySession(s)) != 2 {
				t.Error("somebody else's session was stopped")
			}
		} else {
			end()
			waitZombie(t, s.Proxy)
			if stillRuns(s) == nil {
				t.Error("the proxy is not seen to run")
			}
		}
		stopProxy(s)
		if err := stillRuns(s); err != nil || len(proxySession(s)) > 0 {
			t.Errorf("leader lives: %t: still there (%v)", leaderLives, err)
		}
	}
}

// A RUN of the build has the tree mounted; everybody else stays alive, whatever
// they have seen of the build.
func TestOnlyTheRunsOfTheBuildAreKilled(t *testing.T) {
	needsRoot(t)
	base := t.TempDir()
	s := &State{ID: testID, Dir: filepath.Join(base, string(testID))}
	output := filepath.Join(s.Dir, "output")
	// In this namespace, and as a copy in all of those below.
	mkdir(t, output)
	if err := unix.Mount("lazybuild-"+string(testID), output, "tmpfs", 0, ""); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = unix.Unmount(output, unix.MNT_DETACH) })
	otherOutput := mkdir(t, filepath.Join(base, string(otherID), "output"))
	cachi2 := mkdir(t, filepath.Join(base, "cachi2"))
	inNS := func(script string) *exec.Cmd {
		cmd, _ := started(t, exec.Command("unshare", "--mount", "--propagation", "private", "/bin/sh", "-ec", script+"; echo ready; read x"))
		return cmd
	}
	run := inNS("mount --bind " + output + " " + cachi2)
	// The bind of a directory carries the build's name as the mount's root.
	dir := mkdir(t, filepath.Join(base, "x", string(testID)))
	byRoot := inNS("mount --bind " + dir + " " + cachi2)
	// buildah's helper has it in the RUN's bundle, and a RUN may have a path that
	// looks like one.
	bundle, notHere := filepath.Join(base, "buildah17"), filepath.Join(base, "buildah18")
	target := mkdir(t, filepath.Join(bundle, "mnt", "buildah-bind-target-0"))
	mkdir(t, filepath.Join(notHere, "mnt"))
	helper := inNS("mount --bind " + output + " " + target)
	nested := inNS("mount -t tmpfs none " + notHere + "; mkdir -p " + notHere + "/mnt/x; mount --bind " + output + " " + notHere + "/mnt/x")
	alive := map[string]*exec.Cmd{
		"another build's RUN": inNS("mount --bind " + otherOutput + " " + cachi2),
		"the proxy":           inNS("true"),
		"another namespace":   inNS("umount " + output),
	}
	here, _ := started(t, exec.Command("/bin/sh", "-c", "echo ready; read x"))
	alive["a process in our namespace"] = here
	_, seen := killBuildProcesses(s)
	waitZombie(t, run.Process.Pid)
	waitZombie(t, byRoot.Process.Pid)
	waitZombie(t, helper.Process.Pid)
	waitZombie(t, nested.Process.Pid)
	if d := cmp.Diff([]string{bundle}, seen); d != "" {
		t.Errorf("bundles: %s", d)
	}
	for name, cmd := range alive {
		if processStart(cmd.Process.Pid) == 0 {
			t.Errorf("%s was killed", name)
		}
	}
}

func TestWhichMountsAreThoseOfARun(t *testing.T) {
	const id, dir = string(testID), "/run/lazybuild/" + string(testID)
	for name, tt := range map[string]struct {
		mountinfo string
		want      bool
	}{
		"empty":         {"", false},
		"FUSE source":   {"9 1 0:9 / /cachi2/output ro - fuse.lazybuild lazybuild-" + id + " ro\n", true},
		"overlay":       {"9 1 0:9 / /cachi2/output rw - overlay overlay rw,lowerdir=" + dir + "/lower\n", true},
		"bind's root":   {"9 1 0:9 /lazybuild/" + id + "/cachi2.env /cachi2/cachi2.env ro - tmpfs tmpfs rw\n", true},
		"host":          {"9 1 0:9 / " + dir + "/output rw - overlay overlay rw,lowerdir=" + dir + "/lower\n", false},
		"proxy itself":  {"9 1 0:9 / " + dir + "/lower ro - fuse.lazybuild lazybuild-" + id + " ro\n", false},
		"another build": {"9 1 0:9 / /cachi2/output ro - fuse.lazybuild lazybuild-" + string(otherID) + " ro\n", false},
		"short line":    {"9 1 " + id + "\n", false},
		"no line end":   {"8 1 0:9 / / rw - ext4 x rw\n9 1 0:9 / /x ro - fuse.lazybuild lazybuild-" + id + " ro", true},
	} {
		if got := treesIn([]byte(tt.mountinfo), []byte(id), dir); len(got) > 0 != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestWhichWorkingContainersAreTheBuilds(t *testing.T) {
	const dir = "/run/lazybuild/" + string(testID)
	for record, want := range map[string]bool{
		`{"volumes":["` + dir + `/output:/cachi2/output:nosuid"]}`: true,
		`{"volumes":["/run/lazybuild/` + string(otherID) + `/x"]}`: false,
		`{"volumes":["` + dir + `0/output:/x"]}`:                   false,
		`{"labels":{"x":"` + string(testID) + `"}}`:                false,
		``: false,
	} {
		if got := ofBuild([]byte(record), dir); got != want {
			t.Errorf("%s: %v", record, got)
		}
	}
}
