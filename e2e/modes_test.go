//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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

// update makes another lazybuild, and says where it is.
func (p *project) update() string {
	p.t.Helper()
	data, err := os.ReadFile(binary())
	if err != nil {
		p.t.Fatal(err)
	}
	path := filepath.Join(filepath.Dir(p.dir), "lazybuild")
	// What stands behind an executable's end is not looked at.
	if err := os.WriteFile(path, append(data, "another version"...), 0o755); err != nil {
		p.t.Fatal(err)
	}
	return path
}

// proxyImages are podman's images that hold lazybuild, or are for it.
func proxyImages(t *testing.T) []string {
	t.Helper()
	out, err := exec.Command("podman", "images", "--filter", "reference=localhost/lazybuild-proxy", "--format", "{{.Repository}}:{{.Tag}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	return strings.Fields(string(out))
}

// imageWith is the name of a proxy image that holds an executable.
func imageWith(t *testing.T, executable string) string {
	t.Helper()
	data, err := os.ReadFile(executable)
	if err != nil {
		t.Fatal(err)
	}
	return "localhost/lazybuild-proxy:" + sha256Hex(data)[:16]
}

func TestAnUpdateNeedsNoOtherProxyImage(t *testing.T) {
	s := newSample(t)
	build := func() {
		t.Helper()
		r := s.must("-f", "Containerfile", "-t", s.image(), "--network=none", "--no-cache", "--lazy-proxy=container", "--lazy-verbose")
		if r.read().Proxy.Mode != "container" || r.err.has("goes into the proxy image") {
			t.Errorf("%s", r)
		}
	}
	build()
	first := proxyImages(t)
	t.Setenv("LAZYBUILD_BIN", s.update())
	build()
	if got := proxyImages(t); len(first) == 0 || !slices.Equal(first, got) {
		t.Errorf("there were %q, and after the update %q", first, got)
	}
}

// An update while lazybuild starts: the proxy must be of the version that runs.
func TestTheProxyIsOfTheVersionThatRuns(t *testing.T) {
	s := newSample(t)
	before := s.take()
	running := s.update()
	want := imageWith(t, running)
	script := `exec 3<"$2"; cp "$1" "$2.new"; mv "$2.new" "$2"; shift 2; exec /proc/self/fd/3 "$@"`
	s.within = []string{"sh", "-c", script, "sh", binary()}
	t.Setenv("LAZYBUILD_BIN", running)
	r := s.must("-f", "Containerfile", "-t", s.image(), "--network=none", "--no-cache", "--lazy-proxy=container", "--lazy-verbose")
	if !r.err.has("goes into the proxy image") || !r.err.has("podman sees another file") {
		t.Errorf("%s", r)
	}
	if got := proxyImages(t); !slices.Contains(got, want) {
		t.Errorf("there are %q, and not %q", got, want)
	}
	s.nothingLeft(before)
}

// A runtime that cannot run what is mounted: SELinux, or a file system that
// containers do not get at.
func TestTheImageHoldsWhatCannotBeMounted(t *testing.T) {
	s := newSample(t)
	before := s.take()
	out, err := exec.Command("podman", "info", "--format", "{{.Host.OCIRuntime.Path}}").Output()
	if err != nil {
		t.Fatal(err)
	}
	runtime := filepath.Join(s.dir, "runtime")
	script := `#!/bin/sh
for word; do
	if [ "$last" = --bundle ] && grep -q '"destination":"/lazybuild"' "$word/config.json"; then
		echo "exec /lazybuild: permission denied" >&2
		exit 1
	fi
	last=$word
done
exec ` + strings.TrimSpace(string(out)) + ` "$@"
`
	if err := os.WriteFile(runtime, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	r := s.startAs("--runtime", runtime, "build", "-f", "Containerfile", "-t", s.image(), "--network=none", "--no-cache", "--lazy-proxy=container", "--lazy-verbose", ".")
	r.wait()
	if r.code() != 0 || r.read().Proxy.Mode != "container" || !r.err.has("goes into the proxy image") || !r.err.has("permission denied") {
		t.Errorf("exit code %d\n%s", r.code(), r)
	}
	if got, want := proxyImages(t), imageWith(t, binary()); !slices.Contains(got, want) {
		t.Errorf("there are %q, and not %q", got, want)
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
