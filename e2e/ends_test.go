//go:build e2e

package e2e

import (
	"syscall"
	"testing"
)

// ending is one way to end a build from outside, with the exit code that
// `lazybuild --help` documents.
type ending struct {
	end  func(*run)
	code int
}

func endings() map[string]ending {
	return map[string]ending{
		"Ctrl-C": {func(r *run) { r.signal(syscall.SIGINT) }, 130},
		"Ctrl-C twice": {func(r *run) {
			r.signal(syscall.SIGINT)
			r.signal(syscall.SIGINT)
		}, 130},
		"SIGTERM": {func(r *run) { r.cmd.Process.Signal(syscall.SIGTERM) }, 130},
		"SIGKILL": {func(r *run) { r.cmd.Process.Kill() }, 137},
	}
}

// Shows S40.
func TestNothingIsLeftWhenABuildIsEndedInARun(t *testing.T) {
	for name, e := range endings() {
		t.Run(name, func(t *testing.T) {
			s := generically(t, "RUN cp /cachi2/output/deps/generic/data.bin /data\nRUN echo now-$((40+2)) && sleep "+runMarker()+"\n")
			s.endsClean(e, func(r *run) { r.event(r.out.saw("now-42"), "the RUN") })
		})
	}
}

// Shows S40.
func TestNothingIsLeftWhenABuildIsEndedInADownload(t *testing.T) {
	for name, e := range endings() {
		t.Run(name, func(t *testing.T) {
			s := generically(t, "RUN cp /cachi2/output/deps/generic/data.bin /data\n")
			s.origin.hang(t, s.dataPath)
			asked := s.origin.requested(s.dataPath)
			s.endsClean(e, func(r *run) { r.event(asked, "the download") })
		})
	}
}

// endsClean starts a build, waits until it is where reached says, ends it, and
// checks the exit code and that nothing is left. A build afterwards must work.
func (s *sample) endsClean(e ending, reached func(*run)) {
	s.t.Helper()
	before := s.take()
	r := s.start("-f", "Containerfile", "--network=none")
	reached(r)
	e.end(r)
	r.wait()
	if r.code() != e.code {
		s.t.Errorf("exit code %d, want %d\n%s", r.code(), e.code, r)
	}
	s.nothingLeft(before)
	s.goodStore()

	s.write("Containerfile", "FROM localhost/lazybuild-test/base:bookworm\nRUN test -d /cachi2/output/deps/generic\n")
	s.must("-f", "Containerfile", "-t", s.image(), "--network=none")
	s.nothingLeft(before)
}

// Shows S21, S40.
func TestNothingIsLeftAfterASuccess(t *testing.T) {
	s := newSample(t)
	before := s.take()
	s.must("-f", "Containerfile", "-t", s.image(), "--network=none")
	s.nothingLeft(before)
}

// Shows S41.
func TestEndOfOneBuildDoesNotTouchAnother(t *testing.T) {
	for name, e := range endings() {
		t.Run(name, func(t *testing.T) {
			victim := generically(t, "RUN cp /cachi2/output/deps/generic/data.bin /data\n")
			bystander := generically(t, "RUN cp /cachi2/output/deps/generic/data.bin /data\nRUN sha256sum /cachi2/output/deps/generic/data.bin\n")
			bystander.store = victim.store
			victim.origin.hang(t, victim.dataPath)
			release := bystander.origin.hang(t, bystander.dataPath)
			asked := [2]<-chan struct{}{victim.origin.requested(victim.dataPath), bystander.origin.requested(bystander.dataPath)}

			other := bystander.start("-f", "Containerfile", "-t", bystander.image(), "--network=none")
			other.event(asked[1], "the bystander's download")
			r := victim.start("-f", "Containerfile", "--network=none")
			r.event(asked[0], "the victim's download")
			e.end(r)
			r.wait()
			release()
			other.wait()
			if other.code() != 0 {
				t.Errorf("the other build's exit code is %d\n%s", other.code(), other)
			}
			bystander.goodStore()
		})
	}
}
