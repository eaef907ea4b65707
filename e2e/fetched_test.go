//go:build e2e

package e2e

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"log"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	ggcr "github.com/google/go-containerregistry/pkg/registry"
)

// Contexts and Containerfiles that lazybuild does not see, or not as podman
// does. Their inputs have to be named.
//
// Shows S32.
func TestContextsThatPodmanFetches(t *testing.T) {
	for _, w := range fetchedWays() {
		t.Run(w.name, w.run)
	}
}

func fetchedWays() []way {
	lock := "--lazy-input=generic:artifacts.lock.yaml"
	return []way{
		{name: "archive on stdin", noContext: true, words: []string{lock}, prepare: func(s *sample) []string {
			s.stdin = bytes.NewReader(s.tar())
			return []string{"-"}
		}},
		{name: "compressed archive on stdin, another Containerfile", noContext: true, words: []string{lock},
			prepare: func(s *sample) []string {
				s.write("sub/only-in-the-archive.cf", baseFrom+takeData)
				s.stdin = bytes.NewReader(gzipped(s.tar()))
				if err := os.Remove(filepath.Join(s.dir, "sub/only-in-the-archive.cf")); err != nil {
					s.t.Fatal(err)
				}
				return []string{"-f", "sub/only-in-the-archive.cf", "-"}
			}},
		{name: "archive on stdin, Containerfile here", noContext: true, words: []string{lock, "-f", "here.cf"},
			files: map[string]string{"here.cf": baseFrom + takeData + "COPY more /more\n", "more": "more"},
			prepare: func(s *sample) []string {
				s.stdin = bytes.NewReader(s.tar())
				return []string{"-"}
			}, check: has("/more", "more")},
		{name: "Containerfile on stdin", noContext: true, words: []string{lock}, prepare: func(s *sample) []string {
			s.stdin = strings.NewReader(baseFrom + takeData)
			return []string{"-"}
		}},
		{name: "Containerfile on stdin, by -f alone", noContext: true, words: []string{lock, "-f", "-"}, prepare: func(s *sample) []string {
			s.stdin = strings.NewReader(baseFrom + takeData)
			return nil
		}},
		{name: "archive at a URL", noContext: true, words: []string{lock}, prepare: func(s *sample) []string {
			return []string{s.origin.add("context.tar.gz", gzipped(s.tar()))}
		}},
		{name: "git repository", noContext: true, words: []string{lock}, prepare: func(s *sample) []string {
			return []string{s.git()}
		}},
		{name: "configuration named", noContext: true, words: []string{"--lazy-config", "lazybuild.toml"},
			files: map[string]string{"lazybuild.toml": "[[inputs]]\ntype = \"generic\"\npath = \"artifacts.lock.yaml\"\n"},
			prepare: func(s *sample) []string {
				return []string{s.origin.add("context.tar", s.tar())}
			}},
		{name: "Containerfile at a URL", words: []string{}, prepare: func(s *sample) []string {
			return []string{"-f", s.origin.add("Containerfile", []byte(baseFrom+takeData))}
		}},
		{name: "preprocessed Containerfile", words: []string{"-f", "Containerfile.in"},
			files: map[string]string{"Containerfile.in": "#include \"base.cf\"\n" + takeData, "base.cf": baseFrom}},
	}
}

// Nothing in podman's cache says of which dependencies these layers were made.
//
// Shows S33.
func TestLayersOfAKeptContainerfileFollowTheLocks(t *testing.T) {
	s := generically(t, takeData)
	s.write("Containerfile.in", baseFrom+"RUN echo "+nonce()+"\n"+takeData)
	first := s.read("artifacts.lock.yaml")
	words := []string{"-f", "Containerfile.in", "-t", s.image(), "--network=none"}
	build := func(what, data string, cached bool) {
		t.Helper()
		r := s.must(words...)
		if got := inImage(t, s.image(), "cat /data"); !strings.HasPrefix(got, data) {
			t.Errorf("%s: the image holds %q, want %q\n%s", what, got, data, r)
		}
		if got := strings.Contains(r.String(), "Using cache"); got != cached {
			t.Errorf("%s: layers from the cache: %v, want %v\n%s", what, got, cached, r)
		}
		want := "building with --no-cache"
		if cached {
			want = "only layers made since"
		}
		if !strings.Contains(r.err.String(), want) {
			t.Errorf("%s: stderr does not say %q\n%s", what, want, r)
		}
	}
	build("the first", "data ", false)
	build("the same", "data ", true)
	s.setData("other data " + nonce())
	build("another lock", "other data ", false)
	build("that again", "other data ", true)
	s.write("artifacts.lock.yaml", first)
	build("back to the first", "data ", false)
}

// tar is the context as an archive.
func (s *sample) tar() []byte {
	s.t.Helper()
	out, err := exec.Command("tar", "-C", s.dir, "-c", ".").Output()
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := tar.NewReader(bytes.NewReader(out)).Next(); err != nil {
		s.t.Fatal(err)
	}
	return out
}

func gzipped(data []byte) []byte {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, _ = io.Copy(w, bytes.NewReader(data))
	_ = w.Close()
	return b.Bytes()
}

// git makes a repository of the context and serves it over HTTP.
func (s *sample) git() string {
	s.t.Helper()
	git := func(args ...string) string {
		cmd := exec.Command("git", append([]string{"-c", "user.name=e2e", "-c", "user.email=e2e@example.org"}, args...)...)
		cmd.Dir = s.dir
		out, err := cmd.CombinedOutput()
		if err != nil {
			s.t.Fatalf("git %v: %v\n%s", args, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	root := s.t.TempDir()
	git("init", "--quiet", "--initial-branch=master")
	git("add", "--all")
	git("commit", "--quiet", "--message=context")
	git("clone", "--quiet", "--bare", ".", filepath.Join(root, "context.git"))
	server := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(git("--exec-path"), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1"},
	})
	s.t.Cleanup(server.Close)
	return server.URL + "/context.git"
}

// registry is a container registry on the loopback; its host and port.
func registry(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(ggcr.New(ggcr.Logger(log.New(io.Discard, "", 0))))
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}
