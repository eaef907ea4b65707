//go:build e2e

package e2e

import (
	"encoding/json"
	"os/exec"
	"strings"
	"syscall"
	"testing"
)

// command runs lazybuild, not a build.
func command(t *testing.T, words ...string) string {
	t.Helper()
	out, err := exec.Command(binary(), words...).CombinedOutput()
	if err != nil {
		t.Fatalf("lazybuild %s: %v\n%s", strings.Join(words, " "), err, out)
	}
	return string(out)
}

// liveBuild is the one build that `lazybuild ps` lists.
func liveBuild(t *testing.T) (b struct {
	ID, Phase, Waiting, What string
	PID                      int
}) {
	t.Helper()
	out := command(t, "ps", "--json")
	if err := json.Unmarshal([]byte(out), &b); err != nil {
		t.Fatalf("ps lists %q: %v", out, err)
	}
	return b
}

// Shows S61.
func TestCancelEndsABuildWhateverItDoes(t *testing.T) {
	for name, tt := range map[string]struct {
		download bool                 // reached in a download, else in a RUN
		before   func(r *run, id int) // what happens to it first
		phase    string
		code     int
	}{
		"in a RUN":      {phase: "building", code: 130},
		"in a download": {download: true, phase: "building", code: 130},
		"stopped":       {before: func(_ *run, pid int) { _ = syscall.Kill(pid, syscall.SIGSTOP) }, phase: "building", code: 130},
	} {
		t.Run(name, func(t *testing.T) {
			s := generically(t, "RUN cp /cachi2/output/deps/generic/data.bin /data\nRUN echo now-$((40+2)) && sleep "+runMarker()+"\n")
			var asked <-chan struct{}
			if tt.download {
				s.origin.hang(t, s.dataPath)
				asked = s.origin.requested(s.dataPath)
			}
			before := s.take()
			r := s.start("-f", "Containerfile", "--network=none", "-t", s.image())
			if asked == nil {
				asked = r.out.saw("now-42")
			}
			r.event(asked, name)
			b := liveBuild(t)
			if b.Phase != tt.phase || b.What != s.image() || b.PID != r.cmd.Process.Pid {
				t.Errorf("ps says %+v", b)
			}
			if tt.before != nil {
				tt.before(r, b.PID)
			}
			command(t, "cancel", b.ID[:6])
			r.wait()
			if r.code() != tt.code {
				t.Errorf("exit code %d, want %d\n%s", r.code(), tt.code, r)
			}
			if left := s.take().minus(before); len(left) > 0 {
				t.Errorf("left when cancel has returned:\n  %s", strings.Join(left, "\n  "))
			}
		})
	}
}

// Who kills both lazybuild and its reaper leaves everything to the next one; and
// podman does not even know that the proxy has ended when its conmon is gone too.
//
// Shows S61.
func TestDoctorAndCancelCleanUpAfterADeadBuild(t *testing.T) {
	for _, words := range [][]string{{"doctor", "--fix"}, {"cancel"}} {
		t.Run(words[0], func(t *testing.T) { cleansUpTheDead(t, words) })
		if hasContainerHere() {
			t.Run(words[0]+" without conmon", func(t *testing.T) { cleansUpTheDead(t, words, partConmon) })
		}
	}
}

// cleansUpTheDead has a build die with its reaper and other parts, and a command
// of lazybuild's clean up after it.
func cleansUpTheDead(t *testing.T, words []string, parts ...string) {
	s := generically(t, "RUN cp /cachi2/output/deps/generic/data.bin /data\nRUN echo now-$((40+2)) && sleep "+runMarker()+"\n")
	before := s.take()
	r := s.start("-f", "Containerfile", "--network=none")
	r.event(r.out.saw("now-42"), "the RUN")
	b := liveBuild(t)
	kill := []int{r.cmd.Process.Pid}
	for _, part := range parts {
		kill = append(kill, r.part(part))
	}
	for _, p := range processes() {
		if len(p.args) > 2 && p.args[1] == "reap" && strings.Contains(p.args[2], b.ID) {
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
		}
	}
	for _, pid := range kill {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	r.wait()
	if b := liveBuild(t); b.Phase != "dead" {
		t.Errorf("ps says %+v", b)
	}
	if words[0] == "cancel" {
		words = append(words, b.ID)
	}
	command(t, words...)
	if left := s.take().minus(before); len(left) > 0 {
		t.Errorf("left after %s:\n  %s", words[0], strings.Join(left, "\n  "))
	}
	if out := command(t, "doctor"); !strings.Contains(out, "no dead build has left anything") {
		t.Errorf("doctor says\n%s", out)
	}
}
