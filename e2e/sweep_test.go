//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// sweeps is how many dead builds TestTheNextStartCleansUpAfterADeadBuild leaves
// to the next start: more, to measure what that costs (LAZYBUILD_SWEEPS=10).
func sweeps(t *testing.T) int {
	t.Helper()
	v := os.Getenv("LAZYBUILD_SWEEPS")
	if v == "" {
		return 1
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < 1 {
		t.Fatalf("LAZYBUILD_SWEEPS: %q", v)
	}
	return n
}

// sleeps are instructions that reach a RUN which does not end.
var sleeps = "RUN cp /cachi2/output/deps/generic/data.bin /data\nRUN echo now-$((40+2)) && sleep " + runMarker() + "\n"

// die has a build die in a RUN together with its reaper, by which nobody cleans
// up after it, and with more of its parts.
func (s *sample) die(parts ...string) (id string) {
	s.t.Helper()
	r := s.start("-f", "Containerfile", "--network=none")
	r.event(r.out.saw("now-42"), "the RUN")
	id = r.state().ID
	kill := []int{r.cmd.Process.Pid}
	for _, part := range parts {
		kill = append(kill, r.part(part))
	}
	for _, p := range processes() {
		if len(p.args) > 2 && p.args[1] == "reap" && strings.Contains(p.args[2], id) {
			_ = syscall.Kill(p.pid, syscall.SIGKILL)
		}
	}
	for _, pid := range kill {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	r.wait()
	// Where podman is remote, there may be others: of builds whose connection a
	// test has taken away.
	if out := command(s.t, "ps", "--json"); !strings.Contains(out, `"id":"`+id+`","phase":"dead"`) {
		s.t.Errorf("ps does not list %s as dead\n%s", id, out)
	}
	return id
}

// swept starts builds until one says that it has cleaned up after a dead one, and
// how long that took: on a busy machine a start ends before its clean-up, and
// leaves the rest to the next.
func (s *sample) swept() time.Duration {
	s.t.Helper()
	said := regexp.MustCompile(`cleaned up after dead builds: 1, in (\S+)`)
	var r *run
	for range 5 {
		s.setData(nonce())
		r = s.must("-f", "Containerfile", "--network=none", "--lazy-verbose")
		if m := said.FindStringSubmatch(r.err.String()); m != nil {
			d, err := time.ParseDuration(m[1])
			if err != nil {
				s.t.Fatal(err)
			}
			return d
		}
	}
	s.t.Fatalf("nobody says that the dead build was cleaned up after\n%s", r)
	return 0
}

// Shows S45.
func TestTheNextStartCleansUpAfterADeadBuild(t *testing.T) {
	dead := generically(t, sleeps)
	next := generically(t, "RUN cp /cachi2/output/deps/generic/data.bin /data\n")
	next.must("-f", "Containerfile", "--network=none")
	before := next.take()
	var took []time.Duration
	n := sweeps(t)
	for range n {
		id := dead.die()
		// Who measures means a start some time afterwards: half a second later the
		// proxy ends by itself. The test itself may meet it while it still runs.
		for end := time.Now().Add(patience); n > 1 && hasContainerHere() && time.Now().Before(end); {
			if exec.Command("podman", "container", "exists", "lazybuild-"+id).Run() != nil {
				break
			}
		}
		took = append(took, next.swept())
		next.nothingLeftAt("after the next start", before)
		dead.nothingLeftAt("after the next start", before)
	}
	slices.Sort(took)
	load, _ := os.ReadFile("/proc/loadavg")
	t.Logf("%d sweeps: median %v, longest %v, load %s", len(took), took[len(took)/2], took[len(took)-1], load)
}
