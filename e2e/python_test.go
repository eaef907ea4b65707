//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/e2e/realapp"
)

// The locks of these tests are made when they run, by uv, with the package index
// that this user has configured: no lock and no index stands here.

const pythonProject = `[project]
name = "demo"
version = "0.1"
requires-python = ">=3.11"
dependencies = ["flask", "colorama; sys_platform == 'win32'"]
`

// usesFlask fails unless the packages are there and fit together.
const usesFlask = ` -c 'import flask, markupsafe, sys; c = flask.Flask("x").test_client(); assert c.get("/").status_code == 404; assert "colorama" not in sys.modules'`

// pythonLocks makes a project with both locks. One of the packages comes from a
// URL, which only the first lock tells.
func pythonLocks(t *testing.T) *project {
	t.Helper()
	p := newProject(t, map[string]string{"sync/pyproject.toml": pythonProject})
	lock := func(script string) {
		t.Helper()
		if err := realapp.Lock(t.Context(), p.dir, "cd sync; uv lock -q --no-cache; "+script); err != nil {
			t.Fatal(err)
		}
	}
	lock("true")
	url := regexp.MustCompile(`"(https?://[^"]*/itsdangerous-[^"]*\.whl)"`).FindStringSubmatch(p.text("sync/uv.lock"))
	if url == nil {
		t.Fatal("uv's lock has no wheel of itsdangerous")
	}
	p.write("sync/pyproject.toml", strings.Replace(pythonProject, `["flask"`, `["flask", "itsdangerous @ `+url[1]+`"`, 1))
	lock("uv export -q --no-cache --frozen --no-emit-project --no-annotate --no-header -o ../requirements.txt")
	for _, name := range []string{"requirements.txt", "sync/uv.lock"} {
		if !strings.Contains(p.text(name), url[1]) {
			t.Fatalf("no URL in %s:\n%s", name, p.text(name))
		}
	}
	return p
}

func (p *project) text(name string) string {
	p.t.Helper()
	data, err := os.ReadFile(filepath.Join(p.dir, name))
	if err != nil {
		p.t.Fatal(err)
	}
	return string(data)
}

func TestPythonLocksOfTheRealIndex(t *testing.T) {
	p := pythonLocks(t)
	p.write("note", nonce())
	p.write("Containerfile", `FROM localhost/lazybuild-test/base:bookworm
WORKDIR /app
COPY note requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check --require-hashes --target /pip -r requirements.txt
RUN PYTHONPATH=/pip python3`+usesFlask+`
RUN uv pip install --no-cache --no-index --require-hashes --find-links /cachi2/output/deps/pip --target /uv -r requirements.txt
RUN PYTHONPATH=/uv python3`+usesFlask+`
COPY sync ./
RUN uv sync --frozen --offline --no-cache && .venv/bin/python`+usesFlask+`
RUN rm -r .venv && uv sync --locked --offline --no-cache && .venv/bin/python`+usesFlask+`
RUN grep -q '^itsdangerous @ file:///cachi2/output/deps/pip/' requirements.txt && grep -q 'source = { path = "/cachi2/output/deps/pip/itsdangerous-' uv.lock && ! grep -q '{ url = "http' uv.lock
`)
	args := []string{"-f", "Containerfile", "--network=none", noReadAhead, "--lazy-input", "pip:requirements.txt", "--lazy-input", "pip:sync/uv.lock"}
	r := p.must(args...)

	var opened []string
	for _, o := range r.read().Opened {
		if name, ok := strings.CutPrefix(o.Path, "deps/pip/"); ok {
			opened = append(opened, name)
		}
	}
	if len(opened) != 7 || slices.ContainsFunc(opened, func(name string) bool { return !strings.HasSuffix(name, ".whl") || strings.HasPrefix(name, "colorama") }) {
		t.Errorf("opened %q, want the wheels of seven packages", opened)
	}
	if tree := r.read().Tree.Files; tree < 50 {
		t.Errorf("the tree has %d files, not those of all platforms", tree)
	}
	if !strings.Contains(p.text("requirements.txt"), "https://") {
		t.Error("the user's own requirements were rewritten")
	}

	// The index is not asked again: there is no network now.
	for _, lock := range []string{"requirements.txt", "sync/uv.lock"} {
		cmd := exec.Command(binary(), "tree", "--lazy-input", "pip:"+lock, ".")
		cmd.Dir, cmd.Env = p.dir, append(os.Environ(), "LAZYBUILD_STORE="+p.store, "https_proxy=http://127.0.0.1:1", "http_proxy=http://127.0.0.1:1", "no_proxy=")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "deps/pip/markupsafe-") || strings.Contains(string(out), "looking up") {
			t.Errorf("%s, without network: %v\n%s", lock, err, out)
		}
	}
}

// TestRequirementsWithoutHashesAreServedOnRequestOnly shows S3.
func TestRequirementsWithoutHashesAreServedOnRequestOnly(t *testing.T) {
	p := newProject(t, map[string]string{"requirements.in": "itsdangerous\n"})
	if err := realapp.Lock(t.Context(), p.dir, "uv pip compile -q --no-cache --no-annotate --no-header -o requirements.txt requirements.in"); err != nil {
		t.Fatal(err)
	}
	p.write("note", nonce())
	p.write("Containerfile", `FROM localhost/lazybuild-test/base:bookworm
COPY note requirements.txt ./
RUN pip install --no-cache-dir --disable-pip-version-check --target /pip -r requirements.txt && PYTHONPATH=/pip python3 -c 'import itsdangerous'
`)
	r := p.build("-f", "Containerfile", "--network=none", noReadAhead)
	if out := r.err.String(); r.code() == 0 || !strings.Contains(out, "1 packages (first: itsdangerous) have no hash") || !strings.Contains(out, "accept it with --lazy-allow-unverified=all") {
		t.Errorf("exit code %d\n%s", r.code(), r)
	}
	r = p.must("-f", "Containerfile", "--network=none", noReadAhead, "--lazy-allow-unverified=all")
	if !strings.Contains(r.err.String(), "1 files were served that no lock verifies") {
		t.Errorf("the summary counts no unverified file\n%s", r)
	}
}
