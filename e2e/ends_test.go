//go:build e2e

package e2e

import (
	"net/http"
	"os"
	"syscall"
	"testing"
)

// ending is one way to end a build, with the exit code that `lazybuild --help`
// documents and a part of what it says on stderr.
type ending struct {
	name string
	// end does it; nil: the build ends by itself.
	end  func(*run)
	code int
	says string
	// terminal runs the build on a terminal, relayed with a relay to podman.
	terminal, relayed bool
	// instructions of a build that ends by itself, and what happens at the origin.
	instructions string
	origin       func(*sample)
}

// endings are those from outside. Each is tried in a RUN and in a download. What
// there is to be killed depends on where podman is and how the proxy runs
// (LAZYBUILD_PROXY, as for lazybuild itself).
func endings() []ending {
	kill := func(part string) func(*run) {
		return func(r *run) { _ = syscall.Kill(r.part(part), syscall.SIGKILL) }
	}
	lost := "the proxy has ended before the build"
	all := []ending{
		{name: "Ctrl-C", end: func(r *run) { r.signal(syscall.SIGINT) }, code: 130, says: "interrupt: ending the build"},
		{name: "Ctrl-C twice", end: func(r *run) {
			r.signal(syscall.SIGINT)
			r.signal(syscall.SIGINT)
		}, code: 130},
		{name: "SIGTERM", end: func(r *run) { _ = r.cmd.Process.Signal(syscall.SIGTERM) }, code: 130, says: "terminated: ending the build"},
		{name: "SIGHUP", end: func(r *run) { _ = r.cmd.Process.Signal(syscall.SIGHUP) }, code: 130, says: "hangup: ending the build"},
		{name: "terminal closed", terminal: true, end: func(r *run) { _ = r.terminal.Close() }, code: 130},
		{name: "kill -9 of lazybuild", end: func(r *run) { _ = r.cmd.Process.Kill() }, code: 137},
		{name: "kill -9 of podman", end: kill(partPodman), code: 137, says: "podman build: signal: killed"},
		{name: "kill -9 of the proxy", end: (*run).killProxy, code: 125, says: lost},
	}
	if os.Getenv("CONTAINER_HOST") != "" {
		all = append(all,
			ending{name: "connection lost", relayed: true, end: func(r *run) { r.relay.cut() }, code: 125, says: "is lost: the build was stopped"},
			ending{name: "connection asleep and Ctrl-C", relayed: true, end: func(r *run) {
				r.relay.freeze()
				r.signal(syscall.SIGINT)
			}, code: 130, says: "does not answer: what is left of the build there will be removed"})
	}
	if !hasContainerHere() {
		return all // these are on the other machine, or not there
	}
	return append(all,
		ending{name: "kill -9 of conmon", end: kill(partConmon), code: 125, says: lost},
		ending{name: "kill -9 of the API service", end: kill(partService), code: 125, says: lost})
}

// hasContainerHere says whether builds have a proxy container on this machine.
func hasContainerHere() bool { return !isRemote() && os.Getenv("LAZYBUILD_PROXY") != "process" }

// ownEndings are those of a build that is left alone.
func ownEndings() []ending {
	take := "RUN cp /cachi2/output/deps/generic/data.bin /data\n"
	return []ending{
		{name: "success", instructions: take},
		{name: "RUN fails", instructions: take + "RUN exit 3\n", code: 3},
		{name: "download fails", instructions: take, code: 1, says: "cannot provide deps/generic/data.bin",
			origin: func(s *sample) { s.origin.answer(s.dataPath, http.NotFound) }},
	}
}

// Shows S40.
func TestNothingIsLeftWhenABuildEndsByItself(t *testing.T) {
	for _, e := range ownEndings() {
		t.Run(e.name, func(t *testing.T) {
			s := generically(t, e.instructions)
			if e.origin != nil {
				e.origin(s)
			}
			s.endsClean(e, func(*run) {})
		})
	}
}

// Shows S40, S44.
func TestNothingIsLeftWhenABuildIsEndedInARun(t *testing.T) {
	for _, e := range endings() {
		t.Run(e.name, func(t *testing.T) {
			s := generically(t, "RUN cp /cachi2/output/deps/generic/data.bin /data\nRUN echo now-$((40+2)) && sleep "+runMarker()+"\n")
			s.endsClean(e, func(r *run) { r.event(r.out.saw("now-42"), "the RUN") })
		})
	}
}

// Shows S40.
func TestNothingIsLeftWhenABuildIsEndedInADownload(t *testing.T) {
	for _, e := range endings() {
		t.Run(e.name, func(t *testing.T) {
			s := generically(t, "RUN cp /cachi2/output/deps/generic/data.bin /data\n")
			s.origin.hang(t, s.dataPath)
			asked := s.origin.requested(s.dataPath)
			s.endsClean(e, func(r *run) { r.event(asked, "the download") })
		})
	}
}

// endsClean starts a build, waits until it is where reached says, ends it, and
// checks the exit code, what is said, and that nothing is left. A build
// afterwards must work.
func (s *sample) endsClean(e ending, reached func(*run)) {
	s.t.Helper()
	if e.relayed {
		s.useRelay()
	}
	before := s.take()
	s.onTerminal = e.terminal
	r := s.start("-f", "Containerfile", "--network=none", "-t", s.image())
	s.onTerminal = false
	reached(r)
	if e.end != nil {
		e.end(r)
	}
	r.wait()
	if r.code() != e.code {
		s.t.Errorf("exit code %d, want %d\n%s", r.code(), e.code, r)
	}
	if !r.err.has(e.says) {
		s.t.Errorf("stderr does not say %q\n%s", e.says, r)
	}
	if e.relayed {
		s.relay.cut()
		s.relay.mend() // for the reaper
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
	for _, e := range endings() {
		t.Run(e.name, func(t *testing.T) {
			victim := generically(t, "RUN cp /cachi2/output/deps/generic/data.bin /data\n")
			bystander := generically(t, "RUN cp /cachi2/output/deps/generic/data.bin /data\nRUN sha256sum /cachi2/output/deps/generic/data.bin\n")
			bystander.store = victim.store
			victim.origin.hang(t, victim.dataPath)
			release := bystander.origin.hang(t, bystander.dataPath)
			asked := [2]<-chan struct{}{victim.origin.requested(victim.dataPath), bystander.origin.requested(bystander.dataPath)}

			other := bystander.start("-f", "Containerfile", "-t", bystander.image(), "--network=none")
			other.event(asked[1], "the bystander's download")
			victim.onTerminal = e.terminal
			if e.relayed {
				victim.useRelay()
			}
			r := victim.start("-f", "Containerfile", "--network=none")
			r.event(asked[0], "the victim's download")
			e.end(r)
			r.wait()
			if e.relayed {
				victim.relay.cut()
				victim.relay.mend() // for its reaper
			}
			release()
			other.wait()
			if other.code() != 0 {
				t.Errorf("the other build's exit code is %d\n%s", other.code(), other)
			}
			bystander.goodStore()
		})
	}
}
