//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// noContainers makes a podman that builds, but has no API to start containers
// through.
func (p *project) noContainers() string {
	p.t.Helper()
	path := filepath.Join(p.tmp, "podman")
	script := "#!/bin/sh\ncase \"$*\" in *'system service'*) echo 'no containers here' >&2; exit 1 ;; esac\nexec podman \"$@\"\n"
	if err := os.WriteFile(path, []byte(script), 0o755); err != nil {
		p.t.Fatal(err)
	}
	return path
}

func TestAProcessServesWhereNoContainerCan(t *testing.T) {
	s := newSample(t)
	before := s.take()
	r := s.must("-f", "Containerfile", "-t", s.image(), "--network=none", "--no-cache", "--lazy-proxy=auto", "--lazy-podman", s.noContainers())
	if n := strings.Count(r.err.String(), "no proxy in a container"); n != 1 || !r.err.has("no containers here") {
		t.Errorf("the reason is said %d times\n%s", n, r)
	}
	if mode := r.read().Proxy.Mode; mode != "process" {
		t.Errorf("the report says %q", mode)
	}
	if err := os.Remove(filepath.Join(s.tmp, "podman")); err != nil {
		t.Fatal(err)
	}
	s.nothingLeft(before)
}

func TestNoProxyNoBuild(t *testing.T) {
	s := newSample(t)
	before := s.take()
	r := s.build("-f", "Containerfile", "--network=none", "--lazy-proxy=container", "--lazy-podman", s.noContainers())
	if r.code() != 125 || !r.err.has("the dependencies cannot be mounted") || r.err.has("with a proxy process") || r.out.String() != "" {
		t.Errorf("exit code %d\n%s", r.code(), r)
	}
	if err := os.Remove(filepath.Join(s.tmp, "podman")); err != nil {
		t.Fatal(err)
	}
	s.nothingLeft(before)
}

// TestNeitherContainerNorProcess runs where /dev/fuse is another device. Making it
// one takes root.
func TestNeitherContainerNorProcess(t *testing.T) {
	s := newSample(t)
	script := `mount --bind /dev/null /dev/fuse && exec "$@"`
	as := []string{"unshare", "--mount"}
	if os.Geteuid() != 0 {
		as = append([]string{"podman", "unshare"}, as...)
	}
	cmd := exec.Command(as[0], append(as[1:], "sh", "-c", script, "sh", binary(), "-f", "Containerfile", "--network=none", "--lazy-proxy=auto", ".")...)
	cmd.Dir = s.dir
	cmd.Env = append(append(os.Environ(), "LAZYBUILD_STORE="+s.store, "TMPDIR="+s.tmp), s.env...)
	out, _ := cmd.CombinedOutput()
	if code := cmd.ProcessState.ExitCode(); code != 125 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"the dependencies cannot be mounted", "with a proxy container: ", "with a proxy process: ", "hint: "} {
		if !strings.Contains(string(out), want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// podman system migrate ends the process that holds a rootless podman's
// namespace, and every mount in it.
func TestBuildsGoOnAfterAMigrate(t *testing.T) {
	s := newSample(t)
	for range 2 {
		s.must("-f", "Containerfile", "-t", s.image(), "--network=none", "--no-cache")
		if out, err := exec.Command("podman", "system", "migrate").CombinedOutput(); err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
	}
	if got := installed(t, s.image()); !strings.Contains(got, "wheel 1.0.0") {
		t.Errorf("the image holds %q", got)
	}
}
