//go:build e2e

package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// noReadAhead makes what is fetched depend on the build alone, not on how fast it is.
const noReadAhead = "--lazy-readahead=off"

// Shows S10.
func TestBuildFetchesOnlyWhatItOpens(t *testing.T) {
	s := newSample(t)
	image := s.image()
	r := s.must("-f", "Containerfile", "-t", image, "--network=none", noReadAhead)

	rep := r.read()
	var opened []string
	for _, o := range rep.Opened {
		if strings.HasPrefix(o.Path, "deps/") {
			opened = append(opened, o.Path)
		}
	}
	slices.Sort(opened)
	want := []string{"deps/generic/data.bin", "deps/npm/lazysample-1.0.0.tgz", "deps/pip/lazysample-1.0.0-py3-none-any.whl"}
	if !slices.Equal(opened, want) {
		t.Errorf("opened %q, want %q", opened, want)
	}
	for _, path := range []string{s.dataPath, s.wheelPath, s.tarballPath} {
		if n := s.origin.count(path); n != 1 {
			t.Errorf("%s: %d GETs, want 1", path, n)
		}
	}
	if n := s.origin.count(""); n != 3 {
		t.Errorf("the origin saw %d GETs, want 3: %v", n, s.origin.paths())
	}
	if rep.Fetched.Files != 3 {
		t.Errorf("the report says %d files fetched, want 3", rep.Fetched.Files)
	}
	got := installed(t, image)
	if !strings.Contains(got, "wheel 1.0.0") || !strings.Contains(got, "tarball 1.0.0") || !strings.Contains(got, "first data") {
		t.Errorf("the image holds %q", got)
	}
	s.goodStore()
}

// Shows S33.
func TestSourceOnlyChangeOpensAndFetchesNothing(t *testing.T) {
	s := newSample(t)
	image := s.image()
	args := []string{"-f", "Containerfile", "-t", image, "--network=none", noReadAhead}
	s.must(args...)
	asked := s.origin.count("")

	s.write("src/note", "two\n")
	r := s.must(args...)
	if rep := r.read(); len(rep.Opened) != 0 || rep.Fetched.Files != 0 {
		t.Errorf("opened %v, fetched %d files; want nothing", rep.Opened, rep.Fetched.Files)
	}
	if n := s.origin.count("") - asked; n != 0 {
		t.Errorf("the origin saw %d GETs, want none", n)
	}
	if !strings.Contains(r.String(), "Using cache") {
		t.Errorf("podman used no layer of the first build\n%s", r)
	}
	if got := inImage(t, image, "cat src/note"); got != "two" {
		t.Errorf("the image holds the source %q", got)
	}
}

// Shows S33.
func TestChangedLockDoesNotReuseTheStaleLayer(t *testing.T) {
	changes := map[string]struct {
		change func(*sample)
		want   string
	}{
		"generic": {func(s *sample) { s.setData("second data") }, "second data"},
		"pip":     {func(s *sample) { s.setWheel("2.0.0") }, "wheel 2.0.0"},
		"npm":     {func(s *sample) { s.setTarball("2.0.0") }, "tarball 2.0.0"},
	}
	for name, tt := range changes {
		t.Run(name, func(t *testing.T) {
			s := newSample(t)
			image := s.image()
			args := []string{"-f", "Containerfile", "-t", image, "--network=none", noReadAhead}
			s.must(args...)
			asked := s.origin.count("")

			tt.change(s)
			r := s.must(args...)
			if got := installed(t, image); !strings.Contains(got, tt.want) {
				t.Errorf("the image holds %q, want %q in it", got, tt.want)
			}
			if n := s.origin.count("") - asked; n != 1 {
				t.Errorf("the origin saw %d GETs, want 1: only one file is new", n)
			}
			if rep := r.read(); rep.Fetched.Files != 1 {
				t.Errorf("the report says %d files fetched, want 1", rep.Fetched.Files)
			}
		})
	}
}

// Shows S12, S71.
func TestWarmStoreServesWithoutTheOrigin(t *testing.T) {
	s := newSample(t)
	image := s.image()
	s.must("-f", "Containerfile", "-t", image, "--network=none")
	s.origin.Close()

	r := s.must("-f", "Containerfile", "-t", image, "--network=none", "--no-cache")
	rep := r.read()
	for _, o := range rep.Opened {
		if o.From == "origin" {
			t.Errorf("%s came from the origin", o.Path)
		}
	}
	if rep.Fetched.Files != 0 {
		t.Errorf("fetched %d files, want none", rep.Fetched.Files)
	}
}

// Shows S11.
func TestTwoBuildsAtOnceFetchEachFileOnce(t *testing.T) {
	s := newSample(t)
	other := newProject(t, nil)
	other.store = s.store
	for _, name := range []string{"artifacts.lock.yaml", "pylock.toml", "package.json", "package-lock.json", "requirements.install.txt", "src/note"} {
		other.write(name, s.read(name))
	}
	// A different instruction in front: the builds share no layers.
	other.write("Containerfile", strings.Replace(installAll, "WORKDIR /app\n", "WORKDIR /app\nRUN echo other\n", 1))

	release := s.origin.hang(t, s.dataPath)
	asked := s.origin.requested(s.dataPath)
	first := s.start("-f", "Containerfile", "-t", s.image(), "--network=none", "--no-cache")
	second := other.start("-f", "Containerfile", "-t", other.image(), "--network=none", "--no-cache")
	first.event(asked, "the first request")
	// The second build waits for the first one's download, or finds it done.
	second.event(second.out.saw("cp /cachi2"), "the second build's RUN")
	release()
	for _, r := range []*run{first, second} {
		r.wait()
		if r.code() != 0 {
			t.Fatalf("exit code %d\n%s", r.code(), r)
		}
	}
	for _, path := range []string{s.dataPath, s.wheelPath, s.tarballPath} {
		if n := s.origin.count(path); n != 1 {
			t.Errorf("%s: %d GETs for two builds, want 1", path, n)
		}
	}
	s.goodStore()
}

// Shows S66.
func TestHermeticBuildDoesNotSeeTheHostsSubscription(t *testing.T) {
	host := t.TempDir()
	for name, text := range map[string]string{
		"secrets/redhat.repo": "[rhel]\n", "secrets/rhsm/rhsm.conf": "x", "secrets/etc-pki-entitlement/1.pem": "x", "secrets/other": "x",
	} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(host, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(host, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	mounts := filepath.Join(host, "mounts.conf")
	if err := os.WriteFile(mounts, []byte(host+"/secrets:/run/secrets\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		word, want string
	}{{"--network=none", "etc-pki-entitlement/1.pem other redhat.repo=[rhel] rhsm/rhsm.conf"}, {"--lazy-hermetic", "other redhat.repo="}} {
		s := generically(t, takeData+"RUN cd /run/secrets && echo $(find . -type f ! -name redhat.repo | cut -c3- ; echo redhat.repo=$(cat redhat.repo)) | tr ' ' '\\n' | sort | tr '\\n' ' ' >/seen\n")
		s.must("--default-mounts-file", mounts, tt.word, "-t", s.image())
		if got := strings.TrimSpace(inImage(t, s.image(), "cat /seen")); got != tt.want {
			t.Errorf("%s: the RUN has seen %q, want %q", tt.word, got, tt.want)
		}
	}
}

// Shows S37.
func TestHermeticBuildHasOnlyALoopback(t *testing.T) {
	s := newSample(t)
	image := s.image()
	s.write("Containerfile", strings.Replace(installAll, "COPY src",
		`RUN test "$(tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d ' ')" = lo
RUN python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); socket.create_connection(s.getsockname())'
COPY src`, 1))
	s.must("-f", "Containerfile", "-t", image, "--lazy-hermetic")
	if got := installed(t, image); !strings.Contains(got, "wheel 1.0.0") {
		t.Errorf("the image holds %q", got)
	}
}
