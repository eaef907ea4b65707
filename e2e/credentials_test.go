//go:build e2e

package e2e

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
)

// vault is an origin with many addresses of the loopback network. Each has one
// file, and gives it only to who shows what belongs to it.
type vault struct {
	*httptest.Server
	port  string
	nonce string

	mu     sync.Mutex
	guards map[string]func(http.Header) bool // by address
	files  map[string][]byte                 // by address and path
	during func()                            // called once, by the request for /gate
}

func newVault(t *testing.T) *vault {
	t.Helper()
	v := &vault{nonce: nonce(), guards: map[string]func(http.Header) bool{}, files: map[string][]byte{}}
	v.Server = httptest.NewUnstartedServer(v)
	v.Listener.Close()
	var err error
	if v.Listener, err = net.Listen("tcp4", "0.0.0.0:0"); err != nil {
		t.Fatal(err)
	}
	v.Start()
	t.Cleanup(v.Close)
	_, v.port, _ = net.SplitHostPort(v.Listener.Addr().String())
	return v
}

// ServeHTTP implements http.Handler.
func (v *vault) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	v.mu.Lock()
	guard, file := v.guards[r.Host], v.files[r.Host+r.URL.Path]
	during := v.during
	if r.URL.Path == "/gate" {
		v.during = nil
	}
	v.mu.Unlock()
	switch {
	case r.URL.Path == "/gate":
		if during != nil {
			during()
		}
	case guard == nil || !guard(r.Header):
		http.Error(w, "who are you?", http.StatusUnauthorized)
		return
	}
	_, _ = w.Write(file)
}

// host is an address of the vault's, with its port.
func (v *vault) host(n int) string { return fmt.Sprintf("127.0.0.%d:%s", n, v.port) }

// put publishes a file at an address and returns its URL and content.
func (v *vault) put(n int, path string, content []byte, guard func(http.Header) bool) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.files[v.host(n)+path], v.guards[v.host(n)] = content, guard
	return "http://" + v.host(n) + path
}

// secretMark begins every secret of these tests. It is put together, so that
// neither this file nor a command line of the tests holds it.
var secretMark = "s3" + "cret-"

// secret is a recognisable one.
func (v *vault) secret(of string) string { return secretMark + of + "-" + v.nonce }

func basic(user, password string) func(http.Header) bool {
	return header("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(user+":"+password)))
}

func header(name, value string) func(http.Header) bool {
	return func(h http.Header) bool { return h.Get(name) == value }
}

// secretive is a project whose locks name files that want a credential each, and
// the credentials where each tool keeps them.
func secretive(t *testing.T) (*project, *vault) {
	t.Helper()
	v := newVault(t)
	p := newProject(t, nil)
	home := filepath.Join(filepath.Dir(p.dir), "home")
	p.env = append(p.env, "HOME="+home, "GNUPGHOME="+home, "npm_config_registry=http://"+v.host(1)+"/")
	inHome := func(name, text string) {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(home, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(home, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	content := func(of string) []byte { return []byte("content of " + of + " " + v.nonce) }
	lock := "metadata:\n  version: \"2.0\"\nartifacts:\n"
	artifact := func(n int, of string, guard func(http.Header) bool) {
		lock += generic(of, v.put(n, "/"+of, content(of), guard), content(of))
	}
	gate := content("gate")
	lock += generic("gate", v.put(2, "/gate", gate, nil), gate)

	artifact(11, "netrc", basic("u", v.secret("netrc")))
	inHome("netrc", "machine 127.0.0.11 login u password "+v.secret("netrc")+"\n")
	p.env = append(p.env, "NETRC="+filepath.Join(home, "netrc"))

	artifact(12, "lock", header("X-Token", "T "+v.secret("lock")))
	lock += "    auth:\n      bearer:\n        header: X-Token\n        value: T $E2E_LOCK\n"
	p.env = append(p.env, "E2E_LOCK="+v.secret("lock"))

	artifact(13, "hostfile", header("Authorization", "Bearer "+v.secret("hostfile")))
	inHome("token", v.secret("hostfile")+"\n")
	artifact(14, "hostenv", basic("me", v.secret("hostenv")))
	p.env = append(p.env, "E2E_USER=me", "E2E_PASSWORD="+v.secret("hostenv"))
	p.write("lazybuild.toml", fmt.Sprintf("[[hosts]]\nhost = %q\ntoken-file = \"~/token\"\n\n[[hosts]]\nhost = %q\nuser-env = \"E2E_USER\"\npassword-env = \"E2E_PASSWORD\"\n", v.host(13), v.host(14)))

	artifact(15, "bundler", basic(v.secret("bundler"), ""))
	p.env = append(p.env, "BUNDLE_127__0__0__15="+v.secret("bundler"))

	artifact(16, "cargo", header("Authorization", v.secret("cargo")))
	inHome(".cargo/config.toml", "[registries.own]\nindex = \"sparse+http://"+v.host(16)+"/\"\n")
	inHome(".cargo/credentials.toml", "[registries.own]\ntoken = \""+v.secret("cargo")+"\"\n")
	p.write("artifacts.lock.yaml", lock)

	pylocks := pylockHead
	wheelOf := func(n int, of string, guard func(http.Header) bool) {
		file, data := wheel(t, of, "1.0", v.nonce)
		pylocks += pylock(of, "1.0", file, v.put(n, "/"+file, data, guard), data)
	}
	wheelOf(21, "pip", basic("u", v.secret("pip")))
	p.env = append(p.env, "PIP_INDEX_URL=http://u:"+v.secret("pip")+"@"+v.host(21)+"/simple")
	wheelOf(22, "uv", basic("u", v.secret("uv")))
	inHome(".config/uv/uv.toml", "[[index]]\nname = \"own\"\nurl = \"http://"+v.host(22)+"/simple\"\n")
	p.env = append(p.env, "UV_INDEX_OWN_USERNAME=u", "UV_INDEX_OWN_PASSWORD="+v.secret("uv"))
	p.write("pylock.toml", pylocks)

	a, b := tarball(t, "a", "1.0.0", v.nonce), tarball(t, "b", "1.0.0", "b"+v.nonce)
	urlA := v.put(31, "/a.tgz", a, header("Authorization", "Bearer "+v.secret("npm")))
	urlB := v.put(32, "/b.tgz", b, basic("u", v.secret("url")))
	urlB = strings.Replace(urlB, "//", "//"+url.UserPassword("u", v.secret("url")).String()+"@", 1)
	manifest, npm := npmLock(t, npmPackage{"a", "1.0.0", urlA, integrity(a)}, npmPackage{"b", "1.0.0", urlB, integrity(b)})
	p.write("package.json", manifest)
	p.write("package-lock.json", npm)
	inHome(".npmrc", "//"+v.host(31)+"/:_authToken=${E2E_NPM}\n")
	p.env = append(p.env, "E2E_NPM="+v.secret("npm"))

	p.write("Containerfile", `FROM localhost/lazybuild-test/base:bookworm
COPY package.json package-lock.json /app/
RUN mkdir /got && cp -r /cachi2/output/deps /cachi2/cachi2.env /got
RUN ! grep -rlF "s3""cret-" /app /got /cachi2/output /cachi2/cachi2.env /etc
RUN ! env | grep -qF "s3""cret-"
`)
	return p, v
}

// TestNoCredentialIsSeenOrLeftAnywhere plants a secret in every source that is
// read, has a build need all of them, and looks for them at everything that can
// be seen while it runs and that is left.
//
// Shows S58.
func TestNoCredentialIsSeenOrLeftAnywhere(t *testing.T) {
	p, v := secretive(t)
	leak := func(where string, data []byte) {
		if i := bytes.Index(data, []byte(secretMark)); i >= 0 {
			t.Errorf("%s holds a secret: %q", where, data[max(0, i-60):min(len(data), i+40)])
		}
	}
	looked := map[string]int{}
	v.during = func() {
		looked["process"] = lookAtProcesses(leak)
		looked["file"] = lookAtFiles(leak, runDir(), p.tmp, p.store)
		looked["container"] = lookAtContainers(t, leak)
	}
	r := p.must("-f", "Containerfile", "-t", p.image(), "--network=none", "--lazy-verbose", noReadAhead)
	for what, n := range looked {
		if n == 0 {
			t.Errorf("no %s was looked at", what)
		}
	}
	if len(looked) != 3 {
		t.Error("the gate was not asked for")
	}
	leak("what was printed", []byte(r.String()))
	report, err := os.ReadFile(r.report)
	if err != nil {
		t.Fatal(err)
	}
	leak("the report", report)
	lookAtFiles(leak, runDir(), p.tmp, p.store)
	lookAtContainers(t, leak)
	for _, args := range [][]string{
		{"image", "inspect", p.image()}, {"history", "--no-trunc", "--format", "json", p.image()}, {"save", p.image()},
	} {
		out, err := exec.Command("podman", args...).Output()
		if err != nil {
			t.Fatalf("podman %v: %v", args, err)
		}
		leak("podman "+strings.Join(args, " "), out)
	}
}

// TestRefusedCredentialIsNotShown has every host refuse what it is shown.
//
// Shows S58.
func TestRefusedCredentialIsNotShown(t *testing.T) {
	p, v := secretive(t)
	for host := range v.guards {
		v.guards[host] = nil
	}
	p.write("Containerfile", "FROM localhost/lazybuild-test/base:bookworm\nRUN cat $(find /cachi2/output/deps -type f) >/dev/null\n")
	r := p.build("-f", "Containerfile", "--network=none", "--lazy-verbose", noReadAhead)
	if r.code() == 0 || !strings.Contains(r.String(), "401") {
		t.Fatalf("exit code %d\n%s", r.code(), r)
	}
	if strings.Contains(r.String(), secretMark) {
		t.Errorf("a secret is printed\n%s", r)
	}
	for _, want := range []string{
		"refuses the credentials of ", "refuses the credentials that stand in the URL",
		"artifacts.lock.yaml:", "lazybuild.toml:1", "PIP_INDEX_URL", "UV_INDEX_OWN_USERNAME", "~/.npmrc:1", "BUNDLE_127__0__0__15", "~/.cargo/credentials.toml", "~/netrc:1",
	} {
		if !strings.Contains(r.String(), want) {
			t.Errorf("nothing says %q\n%s", want, r)
		}
	}
}

// lookAtProcesses looks at the arguments and the environment of everything that
// runs. Who got the secrets from the user is exempt from the latter: the test,
// lazybuild, and the user's own podman with what that starts.
func lookAtProcesses(leak func(string, []byte)) (n int) {
	parents := map[string]string{}
	names := map[string]string{}
	var pids []string
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid := filepath.Base(dir)
		stat, _ := os.ReadFile(filepath.Join(dir, "stat"))
		cmdline, _ := os.ReadFile(filepath.Join(dir, "cmdline"))
		_, rest, ok := strings.Cut(string(stat), ") ")
		if f := strings.Fields(rest); ok && len(f) > 1 {
			parents[pid], names[pid] = f[1], strings.ReplaceAll(string(cmdline), "\x00", " ")
			pids = append(pids, pid)
		}
	}
	users := func(pid string) bool {
		for ; pid != "" && pid != "0"; pid = parents[pid] {
			words := strings.Fields(names[pid])
			if len(words) > 1 && filepath.Base(words[0]) == "podman" && slices.Contains(words, "build") {
				return true
			}
		}
		return false
	}
	for _, pid := range pids {
		cmdline, err := os.ReadFile(filepath.Join("/proc", pid, "cmdline"))
		if err != nil {
			continue
		}
		n++
		leak("the command line of "+names[pid], cmdline)
		own := strings.HasPrefix(names[pid], binary()+" -f ")
		if environ, err := os.ReadFile(filepath.Join("/proc", pid, "environ")); err == nil && !own && !users(pid) {
			leak("the environment of "+names[pid], environ)
		}
	}
	return n
}

// lookAtFiles looks at the names and contents of all files below the directories,
// mounts excepted (what is in the tree is looked at in the build).
func lookAtFiles(leak func(string, []byte), dirs ...string) (n int) {
	for _, dir := range dirs {
		_ = filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
			if err != nil || e.IsDir() && (e.Name() == "output" || e.Name() == "lower") {
				return fs.SkipDir
			}
			leak("the name of a file", []byte(path))
			if e.Type().IsRegular() {
				data, _ := os.ReadFile(path)
				leak(path, data)
				n++
			}
			return nil
		})
	}
	return n
}

// lookAtContainers looks at what podman says of all containers.
func lookAtContainers(t *testing.T, leak func(string, []byte)) (n int) {
	out, err := exec.Command("podman", "ps", "--all", "--quiet").Output()
	if err != nil {
		t.Errorf("podman ps: %v", err)
	}
	for _, id := range strings.Fields(string(out)) {
		n++
		for _, command := range []string{"inspect", "logs"} {
			// A container without a log has none to show: an error is no leak.
			out, _ := exec.Command("podman", command, id).CombinedOutput()
			leak("podman "+command, out)
		}
	}
	return n
}

// TestPrivateFileIsNotServedToABuildWithoutItsCredential builds a project with a
// credential, and from the same store without it.
//
// Shows S57.
func TestPrivateFileIsNotServedToABuildWithoutItsCredential(t *testing.T) {
	v := newVault(t)
	content := []byte("private " + v.nonce)
	url := v.put(11, "/data", content, basic("u", v.secret("netrc")))
	owner := newProject(t, nil)
	owner.write("artifacts.lock.yaml", genericHead+generic("data", url, content))
	owner.write("Containerfile", "FROM localhost/lazybuild-test/base:bookworm\nRUN cp /cachi2/output/deps/generic/data /data\n")
	netrc := filepath.Join(owner.tmp, "netrc")
	if err := os.WriteFile(netrc, []byte("machine 127.0.0.11 login u password "+v.secret("netrc")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	owner.env = append(owner.env, "NETRC="+netrc)
	owner.must("-f", "Containerfile", "--network=none", noReadAhead)

	owner.env = append(owner.env, "NETRC=/dev/null")
	r := owner.build("-f", "Containerfile", "--network=none", "--no-cache", noReadAhead)
	if r.code() == 0 || !strings.Contains(r.String(), "there are no credentials for 127.0.0.11") {
		t.Errorf("without the credential: exit code %d\n%s", r.code(), r)
	}
	v.Close() // the store has it, for whom it is
	owner.env = append(owner.env, "NETRC="+netrc)
	owner.must("-f", "Containerfile", "--network=none", "--no-cache", noReadAhead)
}
