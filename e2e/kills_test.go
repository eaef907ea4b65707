//go:build e2e

package e2e

import (
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// buildKills is how many builds TestKillsAtRandom kills: many in `make torture`,
// and none in an ordinary run, where every part is killed at known moments
// (endings) and lazybuild at random ones (TestSoak).
func buildKills(t *testing.T) int {
	t.Helper()
	v := os.Getenv("LAZYBUILD_BUILD_KILLS")
	if v == "" {
		t.Skip("make torture runs it")
	}
	n, err := strconv.Atoi(v)
	if err != nil {
		t.Fatalf("LAZYBUILD_BUILD_KILLS: %v", err)
	}
	return n
}

// A kill -9 of lazybuild, of its proxy or of its podman at any moment, again and
// again with one store: nothing is left, the store is good, and the next build of
// the same gets the right bytes. The steps of the store's own writes are killed
// one by one in pkg/store.
//
// Shows S6, S40.
func TestKillsAtRandom(t *testing.T) {
	kills := buildKills(t)
	s := generically(t, "RUN sha256sum /cachi2/output/deps/generic/data.bin && cp /cachi2/output/deps/generic/data.bin /data && cp /data /again\n")
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	began := time.Now()
	s.must("-f", "Containerfile", "-t", s.image(), "--network=none")
	usual := time.Since(began)
	tally := map[string]int{}
	before := s.take()
	for i := range kills {
		s.setData(fmt.Sprintf("%1000000d %s", i, nonce()))
		part := [...]string{"lazybuild", partPodman, "proxy"}[i%3]
		began = time.Now()
		r := s.start("-f", "Containerfile", "-t", s.image(), "--network=none")
		select {
		case <-r.done:
		case <-time.After(time.Duration(random.Int64N(int64(usual)))):
		}
		hit := r.killPart(part)
		t.Logf("round %d: %s at %v, hit: %v", i, part, time.Since(began).Round(time.Millisecond), hit)
		r.wait()
		// Hit too late it has ended as it should.
		tally[fmt.Sprintf("%s, hit %v: %d", part, hit, r.code())]++
		if !hit && r.code() != 0 {
			t.Errorf("round %d: nothing was killed, and the exit code is %d\n%s", i, r.code(), r)
		}
		s.nothingLeft(before)
		s.goodStore()
		s.must("-f", "Containerfile", "-t", s.image(), "--network=none")
		if t.Failed() {
			t.Fatalf("round %d: %s\n%s", i, part, r)
		}
	}
	s.nothingLeft(before)
	if !isRemote() {
		s.command("store", "gc") // a killed proxy's pin is free, and goes with the next clean-up
		s.nothingInTheStoreButBlobs()
	}
	t.Logf("%v", tally)
}

// killPart kills a part of the run; false where it is not there (yet, or any
// more, or on this machine).
func (r *run) killPart(part string) bool {
	pid := r.cmd.Process.Pid
	select {
	case <-r.done:
		return false
	default:
	}
	if part != "lazybuild" {
		s, ok := r.findState()
		switch {
		case !ok:
			return false
		case part == partPodman:
			pid = s.Child
		case s.Proxy != 0:
			pid = s.Proxy
		default:
			pid = 0
			out, _ := exec.Command("podman", "inspect", "--format", "{{.State.Pid}}", "lazybuild-"+s.ID).Output()
			_, _ = fmt.Sscan(string(out), &pid)
		}
	}
	return pid > 1 && syscall.Kill(pid, syscall.SIGKILL) == nil
}
