package orchestrator

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func allPlaces() []place {
	local := localPlace{p: &podman{path: "podman"}, dirs: dirs{base: "/base", store: "/store"}}
	return []place{
		&rootfulPlace{local}, &rootlessPlace{local},
		&remotePlace{info: remoteInfo(false), volume: "v"}, &remotePlace{info: remoteInfo(true), volume: "v"},
	}
}

func TestARootlessProxyGoesToPodmansNamespace(t *testing.T) {
	b := testBuild(t, ".")
	b.place = &rootlessPlace{localPlace{p: &podman{path: "podman", global: []string{"--root", "/r"}}, dirs: b.dirs}}
	c, s := proxySpec(testID, "image"), b.spec()
	b.place.inContainer(c, &s, b)
	if len(c.Mounts) > 0 || !c.UserNS.IsHost() || !c.PidNS.IsHost() || cmp.Diff([]string{"--enter"}, c.Command) != "" {
		t.Errorf("got %+v", c)
	}
	cmd, err := b.place.inProcess("/lazybuild", "proxy")
	if err != nil || strings.Join(cmd.Args, " ") != "podman --root /r unshare /lazybuild proxy" {
		t.Errorf("%v, %v", cmd.Args, err)
	}
}

// What a pause process says counts only when it has the mount: podman may have
// another one by now (podman system migrate).
func TestTheMountIsLookedForWherePodmanBuilds(t *testing.T) {
	base := t.TempDir()
	path, _ := fakePodman(t, `[ "$1 $2" = "unshare cat" ] && echo "1 2 0:3 / `+base+`/there rw - fuse lazybuild-x rw"`)
	t.Setenv("XDG_RUNTIME_DIR", t.TempDir())
	r := &rootlessPlace{localPlace{p: &podman{path: path}}}
	for name, want := range map[string]bool{"there": true, "elsewhere": false} {
		got, err := r.shows(context.Background(), filepath.Join(base, name))
		if err != nil || got != want {
			t.Errorf("%s: %v, %v", name, got, err)
		}
	}
	// A pause process that has it: podman need not be asked.
	r.p.path = "/bin/false"
	writeFile(t, filepath.Join(mkdir(t, filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "libpod", "tmp")), "pause.pid"), "self\n")
	if got, err := r.shows(context.Background(), "/proc"); err != nil || !got {
		t.Errorf("%v, %v", got, err)
	}
	if _, err := r.shows(context.Background(), "/nowhere"); err == nil {
		t.Error("a podman that fails is no answer")
	}
}

func TestLeftoversOfARootlessBuildAreRemovedWherePodmanIs(t *testing.T) {
	path, log := fakePodman(t, "cat >/dev/null")
	top := t.TempDir()
	s := &State{ID: testID, Place: rootless, Podman: path, Global: []string{"--root", "/r"}, Tmp: mkdir(t, filepath.Join(top, testID.container()))}
	if err := cleanup(context.Background(), s, false); err != nil || exists(s.Tmp) || exists(log) {
		t.Errorf("%v, left %v: podman was started for a build that ended well", err, exists(s.Tmp))
	}
	if err := cleanup(context.Background(), s, true); err != nil {
		t.Error(err)
	}
	self, _ := os.Executable()
	if got, _ := os.ReadFile(log); string(got) != "--root /r unshare "+self+" clean\n" {
		t.Errorf("started with %q", got)
	}
}

func TestCleanReadsAState(t *testing.T) {
	for _, in := range []string{"", "{}", "x", `{"id":"../../etc"}`} {
		if err := Clean(context.Background(), strings.NewReader(in), &strings.Builder{}); err == nil {
			t.Errorf("%q is a state", in)
		}
	}
	top := t.TempDir()
	dir := mkdir(t, filepath.Join(top, string(testID)))
	storage := mkdir(t, filepath.Join(top, "storage"))
	writeFile(t, filepath.Join(mkdir(t, filepath.Join(storage, "working", "userdata")), "buildah.json"), `{"volumes":["`+dir+`/output:/x"]}`)
	var out strings.Builder
	in := `{"id":"` + string(testID) + `","place":"remote","dir":"` + dir + `","storage":"` + storage + `"}`
	if err := Clean(context.Background(), strings.NewReader(in), &out); err != nil || exists(dir) || out.String() != "working\n" {
		t.Errorf("%v, left %v, said %q", err, exists(dir), out.String())
	}
}

func TestAStateIsLeftToWhoReachesItsPodman(t *testing.T) {
	base := t.TempDir()
	f, s := newState(t, base, testID)
	s.Place, s.Endpoint = remote, &endpoint{URI: "unix:///nowhere"}
	if err := f.write(s); err != nil {
		t.Fatal(err)
	}
	_ = f.lock.Unlock()
	if err := Sweep(context.Background(), base); err != nil || len(stateFiles(base)) != 1 {
		t.Errorf("%v, %d states", err, len(stateFiles(base)))
	}
}
