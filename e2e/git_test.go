//go:build e2e

package e2e

import (
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
)

// gitHost serves repositories over HTTP by the real git.
type gitHost struct {
	*httptest.Server
	t    *testing.T
	dir  string
	asks atomic.Int32 // requests for objects
}

func newGitHost(t *testing.T) *gitHost {
	t.Helper()
	h := &gitHost{t: t, dir: t.TempDir()}
	backend := &cgi.Handler{
		Path: filepath.Join(h.git("--exec-path"), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + h.dir, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "HOME=" + h.dir},
	}
	h.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			h.asks.Add(1)
		}
		backend.ServeHTTP(w, r)
	}))
	t.Cleanup(h.Close)
	return h
}

func (h *gitHost) git(args ...string) string {
	h.t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = h.dir
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=A", "GIT_AUTHOR_EMAIL=a@example.org", "GIT_COMMITTER_NAME=A", "GIT_COMMITTER_EMAIL=a@example.org")
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		h.t.Fatalf("git %s: %v", strings.Join(args, " "), err)
	}
	return strings.TrimSpace(string(out))
}

// repository publishes files as group/<name>.git and returns its URL and commit.
func (h *gitHost) repository(name string, files map[string]string) (url, commit string) {
	h.t.Helper()
	repo := "src/" + name
	h.git("init", "-q", "-b", "main", repo)
	for file, text := range files {
		path := filepath.Join(h.dir, repo, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			h.t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			h.t.Fatal(err)
		}
	}
	h.git("-C", repo, "add", "-A")
	h.git("-C", repo, "commit", "-q", "-m", "first")
	commit = h.git("-C", repo, "rev-parse", "HEAD")
	h.git("-C", repo, "commit", "-q", "--allow-empty", "-m", "another, which nobody has locked")
	h.git("clone", "-q", "--bare", repo, "group/"+name+".git")
	return h.URL + "/group/" + name + ".git", commit
}

// tool runs a package manager of this machine in the project.
func (p *project) tool(name string, args ...string) {
	p.t.Helper()
	cmd := exec.Command(name, args...)
	cmd.Dir = p.dir
	cmd.Env = append(append(os.Environ(), "HOME="+p.tmp, "npm_config_cache="+filepath.Join(p.tmp, "npm"), "GIT_CONFIG_GLOBAL=/dev/null"), p.env...)
	if out, err := cmd.CombinedOutput(); err != nil {
		p.t.Fatalf("%s %s: %v\n%s", name, strings.Join(args, " "), err, out)
	}
}

// installFromGit is a Containerfile for one commit each of npm, and of pip in
// both spellings. pip builds with the image's setuptools.
const installFromGit = `FROM localhost/lazybuild-test/base:bookworm
WORKDIR /app
COPY requirements.txt ./
RUN pip install --break-system-packages --no-build-isolation --no-cache-dir -r requirements.txt
COPY package.json package-lock.json ./
RUN npm ci --offline --no-audit --no-fund --cache /tmp/npm && rm -rf /tmp/npm
`

// Shows S59.
func TestGitDependenciesAreInstalledWithoutANetwork(t *testing.T) {
	h := newGitHost(t)
	payload := nonce()
	js, jsCommit := h.repository("jslib", map[string]string{
		"package.json": `{"name": "jslib", "version": "1.0.0", "main": "lib/index.js"}`,
		"lib/index.js": "module.exports = 'npm " + payload + "'\n",
	})
	py, pyCommit := h.repository("pylib", map[string]string{
		"setup.py":          "from setuptools import setup\nsetup(name='pylib', version='1.0', packages=['pylib'])\n",
		"pylib/__init__.py": "VALUE = 'pip " + payload + "'\n",
	})
	p := newProject(t, map[string]string{
		"Containerfile":    installFromGit,
		"package.json":     `{"name": "app", "version": "1.0.0", "dependencies": {"jslib": "git+` + js + "#" + jsCommit + `"}}`,
		"requirements.txt": "pylib @ git+" + py + "@" + pyCommit + "\n",
	})
	p.tool("npm", "install", "--package-lock-only", "--no-audit", "--no-fund")
	made := h.asks.Load()
	image := p.image()
	build := func() { p.must("-f", "Containerfile", "-t", image, "--no-cache", "--network=none", noReadAhead) }

	build()
	got := inImage(t, image, `python3 -c 'import pylib; print(pylib.VALUE)'; node -p 'require("jslib")'`)
	if want := "pip " + payload + "\nnpm " + payload; got != want {
		t.Errorf("the image has %q, want %q", got, want)
	}
	if n := h.asks.Load() - made; n != 2 {
		t.Errorf("git was asked for objects %d times, want 2", n)
	}
	build()
	if n := h.asks.Load() - made; n != 2 {
		t.Errorf("after the second build git was asked %d times, want 2", n)
	}
}

// The same commit gives the same archive on every host: two stores stand for two
// hosts, and the server packs in another way in between. Shows S59.
func TestArchivesOfACommitAreTheSameEverywhere(t *testing.T) {
	h := newGitHost(t)
	py, commit := h.repository("pylib", map[string]string{
		"setup.py": strings.Repeat("# a line\n", 1000), "other.py": strings.Repeat("# a line\n", 999),
	})
	p := newProject(t, map[string]string{
		"Containerfile":    installFromGit,
		"requirements.txt": "pylib @ git+" + py + "@" + commit + "\n",
	})
	archive := func(store string) string {
		t.Helper()
		out := filepath.Join(p.tmp, store)
		p.tool(binary(), "materialize", "--lazy-store", filepath.Join(p.tmp, "store-"+store), "--output", out, ".")
		data, err := os.ReadFile(filepath.Join(out, "deps/pip/pylib-gitcommit-"+commit+".tar.gz"))
		if err != nil {
			t.Fatal(err)
		}
		return sha256Hex(data)
	}
	first := archive("one")
	h.git("-C", "group/pylib.git", "-c", "pack.window=0", "repack", "-adfq")
	if second := archive("two"); second != first {
		t.Errorf("the archives are %s and %s", first, second)
	}
}

// Shows S59.
func TestYarnTakesAGitDependencyFromItsMirror(t *testing.T) {
	h := newGitHost(t)
	payload := nonce()
	js, commit := h.repository("jslib", map[string]string{
		"package.json": `{"name": "jslib", "version": "1.0.0"}`,
		"index.js":     "module.exports = '" + payload + "'\n",
	})
	p := newProject(t, map[string]string{
		"Containerfile": `FROM localhost/lazybuild-test/base:bookworm
WORKDIR /app
COPY . ./
RUN node client/bin/yarn.js install --offline --frozen-lockfile --cache-folder /tmp/yarn && rm -rf /tmp/yarn
`,
		"package.json": `{"name": "app", "version": "1.0.0", "dependencies": {"jslib": "git+` + js + "#" + commit + `"}}`,
	})
	// yarn 1 is not in the base image; npm brings it, as it does for its users.
	p.client("yarn@1.22.22")
	p.tool("node", "client/bin/yarn.js", "install", "--ignore-scripts", "--cache-folder", filepath.Join(p.tmp, "yarn"))
	if err := os.RemoveAll(filepath.Join(p.dir, "node_modules")); err != nil {
		t.Fatal(err)
	}
	image := p.image()
	p.must("-f", "Containerfile", "-t", image, "--network=none", noReadAhead)
	if got := inImage(t, image, `node -p 'require("jslib")'`); got != payload {
		t.Errorf("the image has %q, want %q", got, payload)
	}
}

func TestACommitThatIsGoneFailsWithOneLine(t *testing.T) {
	h := newGitHost(t)
	py, _ := h.repository("pylib", map[string]string{"setup.py": ""})
	p := newProject(t, map[string]string{
		"Containerfile":    installFromGit,
		"requirements.txt": "pylib @ git+" + py + "@" + strings.Repeat("ab", 20) + "\n",
	})
	r := p.build("-f", "Containerfile", "--network=none", noReadAhead)
	if r.code() == 0 || !strings.Contains(strings.Join(r.lines(), "\n"), "the repository does not have the commit") {
		t.Errorf("exit code %d\n%s", r.code(), r)
	}
}
