//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/gofrs/flock"
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
			s.cancels(r, b.ID, tt.code, before)
		})
	}
}

// cancels cancels the run, by which its exit code has to be code and nothing is
// left since before.
func (s *sample) cancels(r *run, id string, code int, before snapshot) {
	s.t.Helper()
	command(s.t, "cancel", id[:6])
	r.wait()
	if r.code() != code {
		s.t.Errorf("exit code %d, want %d\n%s", r.code(), code, r)
	}
	s.nothingLeftAt("when cancel has returned", before)
}

// Shows S61.
func TestCancelEndsABuildThatStarts(t *testing.T) {
	s := generically(t, "RUN true\n")
	before := s.take()
	if err := os.MkdirAll(runDir(), 0o700); err != nil {
		t.Fatal(err)
	}
	// The proxy's image is waited for as long as another build makes it.
	lock := flock.New(filepath.Join(runDir(), "image.lock"))
	if err := lock.Lock(); err != nil {
		t.Fatal(err)
	}
	defer lock.Unlock()
	r := s.start("-f", "Containerfile", "--network=none", "--lazy-proxy=container", "--lazy-verbose")
	r.event(r.err.saw("connected to podman"), "podman answers")
	b := liveBuild(t)
	if b.Phase != "starting" {
		t.Errorf("ps says %+v", b)
	}
	s.cancels(r, b.ID, 130, before)
}

// The image is there already, so the build has succeeded.
//
// Shows S61.
func TestCancelEndsABuildWhoseEndHangs(t *testing.T) {
	s := generically(t, "RUN echo now-$((40+2)) && until [ -e /gate/open ]; do sleep 0.1; done\n")
	gate := t.TempDir() // not s.tmp, where the file would count as left
	if isRemote() {
		gate = s.onServer()
	}
	before := s.take()
	r := s.start("-f", "Containerfile", "--network=none", "--volume", gate+":/gate")
	r.event(r.out.saw("now-42"), "the RUN")
	r.signalProxy(syscall.SIGSTOP)
	open := filepath.Join(gate, "open")
	if err := os.WriteFile(open, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	b := liveBuild(t)
	for end := time.Now().Add(patience); b.Phase != "ending" && time.Now().Before(end); b = liveBuild(t) {
		time.Sleep(20 * time.Millisecond) // nobody announces a phase
	}
	if err := os.Remove(open); err != nil { // it is no build's
		t.Fatal(err)
	}
	s.cancels(r, b.ID, 0, before)
	if !r.err.has("not waiting for the proxy") {
		t.Errorf("the end did not hang\n%s", r)
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
	s := generically(t, sleeps)
	before := s.take()
	id := s.die(parts...)
	if words[0] == "cancel" {
		words = append(words, id)
	}
	command(t, words...)
	s.nothingLeftAt("after "+words[0], before)
	if out := command(t, "doctor"); !strings.Contains(out, "no dead build has left anything") {
		t.Errorf("doctor says\n%s", out)
	}
}
