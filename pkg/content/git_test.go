package content

import (
	"io"
	"math"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/locks"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// gitServer serves a repository with one package of cargo, and counts requests.
// With a password, it asks for it.
func gitServer(t *testing.T, password string) (url, commit string, asked *atomic.Int32) {
	t.Helper()
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("no git on this machine")
	}
	dir := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
			"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.org")
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("git %v: %v", args, err)
		}
		return strings.TrimSpace(string(out))
	}
	git("init", "-q", "app")
	for name, text := range map[string]string{"Cargo.toml": "[package]\nname = \"app\"\nversion = \"1.0.0\"\n", "src/lib.rs": "pub fn f() {}\n"} {
		file := filepath.Join(dir, "app", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	git("-C", "app", "add", "-A")
	git("-C", "app", "commit", "-q", "-m", "first")
	backend := &cgi.Handler{
		Path: filepath.Join(git("--exec-path"), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + dir},
	}
	asked = new(atomic.Int32)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		if _, got, _ := r.BasicAuth(); got != password {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(srv.Close)
	return srv.URL + "/app/.git", git("-C", "app", "rev-parse", "HEAD"), asked
}

func TestContentOfAGitCommitIsMadeOnceAndKept(t *testing.T) {
	url, commit, asked := gitServer(t, "")
	from := &tree.File{Size: tree.SizeUnknown, URLs: []string{url}}
	archive := tree.File{Path: "deps/pip/app.tar.gz", Size: tree.SizeUnknown, Make: &tree.Recipe{
		Kind: locks.MakeGitArchive, Args: map[string]string{"commit": commit, "prefix": "app"}, From: from,
	}}
	crate := tree.Dir{Path: "deps/cargo/app-1.0.0", Make: tree.Recipe{
		Kind: locks.MakeGitCrate, Args: map[string]string{"commit": commit, "package": "app", "version": "1.0.0"}, From: from,
	}}
	bare := tree.Dir{Path: "deps/bundler/app-" + commit[:12], Make: tree.Recipe{
		Kind: locks.MakeGitBare, Args: map[string]string{"commit": commit, "branch": "stable", "tag": "v1"}, From: from,
	}}
	tr, err := tree.Build([]tree.Input{{Type: "pip", Lock: "lock"}}, []tree.File{archive}, []tree.Dir{crate, bare})
	if err != nil {
		t.Fatal(err)
	}
	s := newTestSource(t, tr)
	for range 2 {
		b := s.Open(&tr.Files[0])
		f, err := b.Wait(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(io.NewSectionReader(f, 0, math.MaxInt64))
		if err != nil || !strings.HasPrefix(string(data), "\x1f\x8b") {
			t.Errorf("the archive begins with %.2q (%v)", data, err)
		}
		b.Close()
	}
	once := asked.Load()
	if once != 2 {
		t.Errorf("the archive took %d requests, want 2", once)
	}
	for dir, want := range map[string]string{crate.Path: "src/lib.rs", bare.Path: "refs/heads/stable"} {
		i := slices.IndexFunc(tr.Dirs, func(d tree.Dir) bool { return d.Path == dir })
		files, err := s.Expand(t.Context(), &tr.Dirs[i])
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(files, func(f tree.File) bool { return f.Path == want }) {
			t.Errorf("%s has no %s: %+v", dir, want, files)
		}
	}
	if left, _ := os.ReadDir(filepath.Join(s.store.Dir(), "scratch")); len(left) > 0 {
		t.Errorf("%s is left", left[0].Name())
	}
}

func TestACommitThatCannotBeHadIsAnError(t *testing.T) {
	url, _, _ := gitServer(t, "")
	tr, err := tree.Build([]tree.Input{{Type: "pip", Lock: "lock"}}, []tree.File{{
		Path: "deps/pip/app.tar.gz", Size: tree.SizeUnknown, Make: &tree.Recipe{
			Kind: locks.MakeGitArchive, Args: map[string]string{"commit": strings.Repeat("ab", 20), "prefix": "app"},
			From: &tree.File{Size: tree.SizeUnknown, URLs: []string{url}},
		},
	}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	s := newTestSource(t, tr)
	b := s.Open(&tr.Files[0])
	defer b.Close()
	if _, err := b.Wait(t.Context()); err == nil || !strings.Contains(err.Error(), "does not have the commit") {
		t.Errorf("the error is %v", err)
	}
}

// Archives, packages and what is kept to make more of them.
func TestAPrivateRepositoryIsForHoldersOfItsCredential(t *testing.T) {
	url, commit, asked := gitServer(t, "s3cret")
	from := &tree.File{Size: tree.SizeUnknown, URLs: []string{url}}
	tr, err := tree.Build([]tree.Input{{Type: "cargo", Lock: "lock"}}, nil, []tree.Dir{{Path: "deps/cargo/app-1.0.0", Make: tree.Recipe{
		Kind: locks.MakeGitCrate, Args: map[string]string{"commit": commit, "package": "app"}, From: from,
	}}})
	if err != nil {
		t.Fatal(err)
	}
	s := openStore(t)
	if _, err := visitor(t, s, tr, user("u", "s3cret")).Expand(t.Context(), &tr.Dirs[0]); err != nil {
		t.Fatal(err)
	}
	if _, err := visitor(t, s, tr, nil).Expand(t.Context(), &tr.Dirs[0]); err == nil || !strings.Contains(err.Error(), "401") {
		t.Errorf("nobody gets the package: %v", err)
	}
	before := asked.Load()
	if _, err := visitor(t, s, tr, user("u", "s3cret")).Expand(t.Context(), &tr.Dirs[0]); err != nil || asked.Load() != before {
		t.Errorf("its holder has to ask again: %v", err)
	}
}
