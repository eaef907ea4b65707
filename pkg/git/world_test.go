package git

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lazybuild/lazybuild/pkg/fetch"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// world is a git server with the real git behind it.
type world struct {
	t    testing.TB
	dir  string // with the bare repositories
	srv  *httptest.Server
	wrap func(http.Handler) http.Handler // faults

	mu       sync.Mutex
	requests []string // "POST /app.git/git-upload-pack"
}

func newWorld(t testing.TB) *world {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git on this machine")
	}
	w := &world{t: t, dir: t.TempDir()}
	backend := &cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(w.git("", "--exec-path")), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + w.dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + w.dir},
	}
	w.srv = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.requests = append(w.requests, r.Method+" "+r.URL.Path)
		h := http.Handler(backend)
		if w.wrap != nil {
			h = w.wrap(backend)
		}
		w.mu.Unlock()
		h.ServeHTTP(rw, r)
	}))
	t.Cleanup(w.srv.Close)
	return w
}

// git runs git in a repository of the world, or in none.
func (w *world) git(repo string, args ...string) string {
	w.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = filepath.Join(w.dir, repo)
	cmd.Env = gitEnv(w.dir)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		w.t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, stderr.String())
	}
	return strings.TrimSpace(string(out))
}

func gitEnv(home string) []string {
	return append(os.Environ(), "HOME="+home, "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=/dev/null",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_AUTHOR_DATE=1700000000 +0100",
		"GIT_COMMITTER_NAME=C", "GIT_COMMITTER_EMAIL=c@example.org", "GIT_COMMITTER_DATE=1700000000 +0100")
}

// repo makes a repository with these files in one commit on main, and returns
// the commit. A content "-> x" is a symbolic link; a name that ends in "*" is executable.
func (w *world) repo(name string, files map[string]string, init ...string) string {
	w.t.Helper()
	w.git("", append([]string{"init", "-q", "-b", "main", name}, init...)...)
	return w.commit(name, files)
}

func (w *world) commit(name string, files map[string]string) string {
	w.t.Helper()
	for f, content := range files {
		f, exec := strings.CutSuffix(f, "*")
		path := filepath.Join(w.dir, name, f)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			w.t.Fatal(err)
		}
		mode := os.FileMode(0o644)
		if exec {
			mode = 0o755
		}
		var err error
		if target, ok := strings.CutPrefix(content, "-> "); ok {
			err = os.Symlink(target, path)
		} else {
			err = os.WriteFile(path, []byte(content), mode)
		}
		if err != nil {
			w.t.Fatal(err)
		}
	}
	w.git(name, "add", "-A")
	w.git(name, "commit", "-q", "--allow-empty", "-m", fmt.Sprintf("commit with %d files", len(files)))
	return w.git(name, "rev-parse", "HEAD")
}

func (w *world) url(name string) string { return w.srv.URL + "/" + name + "/.git" }

// options for a client without patience.
func (w *world) options() Options {
	c, err := fetch.New(fetch.Options{
		MaxTries: 2, NoProgress: 5 * time.Second, Backoff: func(int) time.Duration { return 0 },
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return Options{Client: c, Scratch: w.t.TempDir()}
}

func (w *world) fetch(name, commit string) *Commit {
	w.t.Helper()
	c, err := Fetch(context.Background(), []string{w.url(name)}, commit, w.options())
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(c.Close)
	return c
}

func (w *world) archive(c *Commit, a Archive) []byte {
	w.t.Helper()
	var b bytes.Buffer
	if err := c.WriteArchive(context.Background(), &b, a); err != nil {
		w.t.Fatal(err)
	}
	return b.Bytes()
}

// fault wraps the server's handler while fn runs.
func (w *world) fault(wrap func(http.Handler) http.Handler) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.wrap = wrap
}

func (w *world) asked() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return append([]string(nil), w.requests...)
}
