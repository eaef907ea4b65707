//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// baseFrom begins the Containerfiles of these tests.
const baseFrom = "FROM localhost/lazybuild-test/base:bookworm\n"

// takeData is a RUN that shows that the tree is there: it leaves /data.
const takeData = "RUN cp /cachi2/output/deps/generic/data.bin /data && test -f /cachi2/cachi2.env\n"

// way is one way to say to podman what to build, which lazybuild has to honour.
type way struct {
	name string
	// files of the context; Containerfile is baseFrom+takeData if none.
	files map[string]string
	// prepare may change the project and returns further words.
	prepare func(s *sample) []string
	// words of the command line; CONTEXT is there unless context says otherwise.
	words []string
	// noContext leaves the last word ".", noTag the "-t IMAGE" away.
	noContext, noTag bool
	// check looks at what was built, beside /data.
	check func(s *sample, r *run)
}

func (w *way) run(t *testing.T) {
	s := generically(t, takeData)
	for name, text := range w.files {
		s.write(name, text)
	}
	words := append([]string{"--network=none"}, w.words...)
	if w.prepare != nil {
		words = append(words, w.prepare(s)...)
	}
	if !w.noTag {
		words = append(words, "-t", s.image())
	}
	if !w.noContext {
		words = append(words, ".")
	}
	before := s.take()
	r := s.startAs(words...)
	r.wait()
	if r.code() != 0 {
		t.Fatalf("exit code %d\n%s", r.code(), r)
	}
	if !w.noTag {
		if got := inImage(t, s.image(), "cat /data"); sha256Hex([]byte(got)) != sha256Hex(s.origin.file(s.dataPath)) {
			t.Errorf("the image holds the data %q\n%s", got, r)
		}
	}
	if w.check != nil {
		w.check(s, r)
	}
	s.nothingLeft(before)
}

// Shows S32.
func TestPodmansFlagsMeanTheSame(t *testing.T) {
	for _, w := range flagWays() {
		t.Run(w.name, w.run)
	}
}

func flagWays() []way {
	return []way{
		{name: "several Containerfiles", words: []string{"-f", "Containerfile", "-f", "more.cf"},
			files: map[string]string{"more.cf": "RUN echo two >/two\n"}, check: has("/two", "two")},
		{name: "several Containerfiles at commas", words: []string{"--file=Containerfile,more.cf"},
			files: map[string]string{"more.cf": "RUN echo two >/two\n"}, check: has("/two", "two")},
		{name: "Containerfile from stdin", words: []string{"-f", "-"},
			prepare: func(s *sample) []string {
				s.stdin = strings.NewReader(baseFrom + takeData + "RUN echo stdin >/who\n")
				return nil
			}, check: has("/who", "stdin")},
		{name: "containerignore", files: ignoring(".containerignore"), check: lacks("/src/secret")},
		{name: "dockerignore", files: ignoring(".dockerignore"), check: lacks("/src/secret")},
		{name: "the Containerfile's own ignore file", words: []string{"-f", "Containerfile"}, files: ignoring("Containerfile.dockerignore"), check: lacks("/src/secret")},
		{name: "ignorefile", words: []string{"--ignorefile", "ignored"}, files: ignoring("ignored"), check: lacks("/src/secret")},
		{name: "build context", words: []string{"--build-context", "other=other"},
			files: map[string]string{"other/file": "other", "Containerfile": baseFrom + takeData + "COPY --from=other file /file\n"}, check: has("/file", "other")},
		{name: "secret", words: []string{"--secret", "id=s,src=secret.txt"},
			files: map[string]string{"secret.txt": "hush", "Containerfile": baseFrom + takeData + "RUN --mount=type=secret,id=s sha256sum </run/secrets/s >/sum\n"},
			check: has("/sum", sha256Hex([]byte("hush"))+"  -")},
		{name: "ssh", files: map[string]string{"Containerfile": baseFrom + takeData + "RUN --mount=type=ssh test -S \"$SSH_AUTH_SOCK\"\n"}, prepare: sshKey},
		{name: "target", words: []string{"--target", "first"},
			files: map[string]string{"Containerfile": baseFrom[:len(baseFrom)-1] + " AS first\n" + takeData + "FROM first\nRUN touch /second\n"}, check: lacks("/second")},
		{name: "iidfile", words: []string{"--iidfile", "iid"}, check: func(s *sample, _ *run) {
			id := podman(s.t, "image", "inspect", "--format", "{{.Id}}", s.image())
			if got := strings.TrimPrefix(strings.TrimSpace(s.read("iid")), "sha256:"); got != id {
				s.t.Errorf("the iidfile says %q, the image is %q", got, id)
			}
		}},
		{name: "logfile", words: []string{"--logfile", "log"}, check: func(s *sample, _ *run) {
			if got := s.read("log"); !strings.Contains(got, "STEP 2/") {
				s.t.Errorf("the logfile says %q", got)
			}
		}},
		{name: "squash", words: []string{"--squash"}},
		{name: "squash all", words: []string{"--squash-all"}},
		{name: "no layers", words: []string{"--layers=false"}},
		{name: "chroot isolation", words: []string{"--isolation=chroot", "--network=host"}},
		// podman 4.3 with runc can neither make the places of volumes there nor write to /, without lazybuild too.
		{name: "user namespace", noTag: true, words: []string{"--userns-uid-map=0:100000:65536", "--userns-gid-map=0:100000:65536"},
			files: map[string]string{"empty": "", "Containerfile": baseFrom + "WORKDIR /cachi2/output\nCOPY empty /cachi2/cachi2.env\nWORKDIR /\nRUN grep -q data /cachi2/output/deps/generic/data.bin && echo >/cachi2/output/written\n"}},
		{name: "several platforms and a manifest", noTag: true, words: []string{"--platform=linux/amd64,linux/arm64"}, prepare: manifest,
			files: map[string]string{"Containerfile": "ARG TARGETARCH\n" + baseFrom[:len(baseFrom)-1] + " AS amd64\n" + takeData +
				"FROM scratch AS arm64\nFROM ${TARGETARCH}\nCOPY artifacts.lock.yaml /\n"}, check: func(s *sample, _ *run) {
				list := podman(s.t, "manifest", "inspect", s.image()+"-list")
				if n := strings.Count(list, `"digest"`); n != 2 {
					s.t.Errorf("the manifest list has %d images\n%s", n, list)
				}
				_ = exec.Command("podman", "manifest", "rm", s.image()+"-list").Run()
			}},
		{name: "quiet", words: []string{"--quiet"}, check: func(s *sample, r *run) {
			if got := strings.TrimSpace(r.out.String()); len(got) != 64 || r.err.String() != "" {
				s.t.Errorf("a quiet build says\n%s", r)
			}
		}},
		{name: "a volume elsewhere", files: map[string]string{"mine/file": "mine", "Containerfile": baseFrom + takeData + "RUN cp /v/file /mine\n"},
			prepare: func(s *sample) []string { return []string{"-v", filepath.Join(s.dir, "mine") + ":/v:ro"} }, check: has("/mine", "mine")},
		{name: "a volume in the tree", files: map[string]string{"mine/file": "mine", "Containerfile": baseFrom + takeData + "RUN cp /cachi2/output/deps/mine/file /mine\n"},
			prepare: func(s *sample) []string {
				return []string{"-v", filepath.Join(s.dir, "mine") + ":/cachi2/output/deps/mine"}
			}, check: has("/mine", "mine")},
	}
}

func ignoring(name string) map[string]string {
	return map[string]string{name: "secret\n", "secret": "x", "Containerfile": baseFrom + takeData + "COPY . /src/\n"}
}

func has(path, want string) func(*sample, *run) {
	return func(s *sample, r *run) {
		s.t.Helper()
		if got := inImage(s.t, s.image(), "cat "+path); strings.TrimSpace(got) != want {
			s.t.Errorf("%s in the image is %q, want %q\n%s", path, got, want, r)
		}
	}
}

func lacks(path string) func(*sample, *run) {
	return func(s *sample, r *run) {
		s.t.Helper()
		if got := inImage(s.t, s.image(), "ls -d "+path+" 2>/dev/null || true"); got != "" {
			s.t.Errorf("the image holds %s\n%s", got, r)
		}
	}
}

func sshKey(s *sample) []string {
	// The agent's socket is below it, and its path has at most 107 bytes.
	s.tmp = filepath.Join(work, "t")
	if err := os.MkdirAll(s.tmp, 0o755); err != nil {
		s.t.Fatal(err)
	}
	key := filepath.Join(s.t.TempDir(), "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key).CombinedOutput(); err != nil {
		s.t.Fatalf("ssh-keygen: %v\n%s", err, out)
	}
	return []string{"--ssh", "default=" + key}
}

func manifest(s *sample) []string { return []string{"--manifest", s.image() + "-list"} }

func TestVolumesOverTheTreeAreRefused(t *testing.T) {
	for _, target := range []string{"/cachi2/output", "/cachi2", "/cachi2/cachi2.env"} {
		s := generically(t, takeData)
		s.write("mine/file", "mine")
		r := s.build("-v", filepath.Join(s.dir, "mine")+":"+target)
		if r.code() != 2 || !strings.Contains(r.err.String(), "lazybuild itself provides") {
			t.Errorf("%s: exit code %d\n%s", target, r.code(), r)
		}
		if entries, _ := os.ReadDir(filepath.Join(s.dir, "mine")); len(entries) != 1 {
			t.Errorf("%s: the user's directory holds %v", target, entries)
		}
	}
}

// A cache in a registry is another place that remembers layers: it must not
// give one of other dependencies.
//
// Shows S33.
func TestLayersFromARegistryFollowTheLocks(t *testing.T) {
	s := generically(t, takeData)
	cache := registry(t) + "/cache"
	words := []string{"-t", s.image(), "--network=none", "--layers", "--tls-verify=false", "--cache-from", cache, "--cache-to", cache}
	s.must(words...)
	podman(t, "rmi", "--force", s.image())
	podman(t, "image", "prune", "--force")
	r := s.must(words...)
	if !strings.Contains(r.String(), "Cache pulled from remote") {
		t.Errorf("nothing came from the registry's cache\n%s", r)
	}
	s.setData("other data " + nonce())
	r = s.must(words...)
	if got := inImage(t, s.image(), "cat /data"); !strings.HasPrefix(got, "other data") {
		t.Errorf("the image holds %q\n%s", got, r)
	}
}

func (o *origin) file(path string) []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.files["/"+path]
}
