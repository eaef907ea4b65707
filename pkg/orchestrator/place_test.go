package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/containers/podman/v5/libpod/define"
	"github.com/google/go-cmp/cmp"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// talks makes a podman that answers "version" and "system connection list".
func talks(t *testing.T, version, connections string) *podman {
	t.Helper()
	path, _ := fakePodman(t, `case "$*" in
*"version --format json") echo '`+version+`' ;;
*"connection list --format json") echo '`+connections+`' ;;
*) exit 1 ;;
esac`)
	return &podman{path: path}
}

const (
	both = `{"Client":{"Version":"5.4.2"},"Server":{"Version":"5.4.2"}}`
	vm   = `[{"Name":"vm","URI":"ssh://core@127.0.0.1:5000/run/user/1000/podman/podman.sock","Identity":"/key","Default":true,"IsMachine":true},` +
		`{"Name":"vm-root","URI":"ssh://root@127.0.0.1:5000/run/podman/podman.sock","Identity":"/key","Default":false,"IsMachine":true}]`
)

func TestPodmanIsAskedWhereItBuilds(t *testing.T) {
	for _, tt := range []struct {
		name, words, version, connections, env string
		build, proxy                           string
		fails                                  string
	}{
		{name: "a URL", words: "--url tcp://host:1 .", version: both, connections: "[]", build: "tcp://host:1", proxy: "tcp://host:1"},
		{name: "the default connection", words: ".", version: both, connections: strings.Replace(vm, `"vm-root"`, `"other"`, 1),
			build: "ssh://core@127.0.0.1:5000/run/user/1000/podman/podman.sock", proxy: "ssh://core@127.0.0.1:5000/run/user/1000/podman/podman.sock"},
		{name: "a machine", words: ".", version: both, connections: vm,
			build: "ssh://core@127.0.0.1:5000/run/user/1000/podman/podman.sock", proxy: "ssh://root@127.0.0.1:5000/run/podman/podman.sock"},
		{name: "a machine's root", words: "--connection vm-root .", version: both, connections: vm,
			build: "ssh://root@127.0.0.1:5000/run/podman/podman.sock", proxy: "ssh://root@127.0.0.1:5000/run/podman/podman.sock"},
		{name: "no such connection", words: "--connection x .", version: both, connections: vm, fails: `no connection "x"`},
		{name: "an old service", words: ".", version: `{"Client":{"Version":"5.4.2"},"Server":{"Version":"4.3.1"}}`, connections: "[]",
			fails: "the podman service is version 4.3.1"},
		{name: "an old client", words: ".", version: `{"Client":{"Version":"4.5.0"},"Server":{"Version":"5.4.2"}}`, connections: "[]",
			fails: "podman on this machine is version 4.5.0"},
		{name: "no version", words: ".", version: `{"Client":{"Version":"x"},"Server":{}}`, connections: "[]", fails: `version ""`},
		{name: "noise", words: ".", version: `podman`, fails: "asking podman for its version"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Setenv("CONTAINER_HOST", "")
			t.Setenv("CONTAINER_CONNECTION", "")
			b := testBuild(t, tt.words)
			got, err := findPlace(context.Background(), talks(t, tt.version, tt.connections), &b.o)
			if tt.fails != "" {
				if err == nil || !strings.Contains(err.Error(), tt.fails) {
					t.Errorf("got %v", err)
				}
				return
			}
			r, ok := got.(*remotePlace)
			if !ok {
				t.Fatalf("got %T, %v", got, err)
			}
			if r.build.URI != tt.build || r.proxy.URI != tt.proxy {
				t.Errorf("builds at %s, the proxy at %s", r.build.URI, r.proxy.URI)
			}
		})
	}
}

func TestTheOrderOfConnectionsIsPodmans(t *testing.T) {
	var named []endpoint
	if err := json.Unmarshal([]byte(vm), &named); err != nil {
		t.Fatal(err)
	}
	named[0].Default = true
	for _, tt := range []struct {
		words string
		env   map[string]string
		want  string
	}{
		{words: "--url u --connection vm-root .", want: "vm-root"},
		{words: "--url tcp://u:1 .", env: map[string]string{"CONTAINER_CONNECTION": "vm"}, want: "tcp://u:1"},
		{words: ".", env: map[string]string{"CONTAINER_CONNECTION": "vm-root", "CONTAINER_HOST": "tcp://h:1"}, want: "vm-root"},
		{words: ".", env: map[string]string{"CONTAINER_HOST": "tcp://h:1"}, want: "tcp://h:1"},
		{words: ".", want: "vm"},
	} {
		got, err := chooseEndpoint(line(t, tt.words), named, func(name string) string { return tt.env[name] })
		if err != nil || got.String() != tt.want {
			t.Errorf("%s %v: %s, %v", tt.words, tt.env, got.String(), err)
		}
	}
	got, err := chooseEndpoint(line(t, "--identity /mine --connection vm ."), named, func(string) string { return "" })
	if err != nil || got.Identity != "/mine" {
		t.Errorf("the identity is %q, %v", got.Identity, err)
	}
}

func TestAPasswordIsNeitherShownNorKept(t *testing.T) {
	r := &remotePlace{proxy: endpoint{URI: "ssh://me:s3cret@host/run/podman.sock"}}
	var s State
	r.note(&s)
	kept, _ := json.Marshal(s)
	if strings.Contains(string(kept)+r.proxy.String(), "s3cret") || !r.reaches(&State{Place: remote, Endpoint: s.Endpoint}) {
		t.Errorf("kept %s", kept)
	}
	if r.reaches(&State{Place: remote, Endpoint: &endpoint{URI: "ssh://other/x"}}) || !r.reaches(&State{Place: rootful}) {
		t.Error("the wrong builds are reached")
	}
}

func remoteInfo(rootless bool) *define.Info {
	i := &define.Info{Host: &define.HostInfo{}, Store: &define.StoreInfo{RunRoot: "/run/user/1000/containers", GraphRoot: "/g", GraphDriverName: "overlay"}}
	i.Host.Security.Rootless = rootless
	return i
}

// No container's label is changed and no host file relabelled: the container
// runs without confinement, and nothing that is mounted has z, Z or U.
func TestNoPlaceRelabels(t *testing.T) {
	for _, p := range allPlaces() {
		b := testBuild(t, ".")
		b.place, b.view = p, b.state.Dir+"/context"
		b.o.Plan.Rewrites = map[string][]byte{"/src/x": nil}
		b.o.RPMMetadata = wire.Createrepo
		c, s := proxySpec(testID, "image"), b.spec()
		p.inContainer(c, &s, b)
		if d := cmp.Diff([]string{"disable"}, c.SelinuxOpts); d != "" {
			t.Errorf("%s: %s", p.kind(), d)
		}
		options := strings.Join(b.volumes(), ",")
		for _, m := range c.Mounts {
			options += "," + strings.Join(m.Options, ",")
		}
		for _, v := range c.Volumes {
			options += "," + strings.Join(v.Options, ",")
		}
		for _, o := range strings.FieldsFunc(options, func(r rune) bool { return r == ',' || r == ':' }) {
			if slices.Contains([]string{"z", "Z", "U"}, o) {
				t.Errorf("%s: %s in %s", p.kind(), o, options)
			}
		}
	}
}

func TestOnlyARootlessPodmanGetsUserXattr(t *testing.T) {
	for _, p := range allPlaces() {
		var s wire.Spec
		p.fit(&s)
		r, isRemote := p.(*remotePlace)
		if want := p.kind() == rootless || isRemote && r.info.Host.Security.Rootless; s.UserXattr != want {
			t.Errorf("%s: %v", p.kind(), s.UserXattr)
		}
	}
}

func TestARemotePodmanGetsNothingOfThisMachine(t *testing.T) {
	for _, rootless := range []bool{false, true} {
		r := &remotePlace{info: remoteInfo(rootless), volume: "v"}
		b := testBuild(t, ".")
		b.place = r
		c, s := proxySpec(testID, "image"), b.spec()
		r.inContainer(c, &s, b)
		if len(c.Mounts) > 0 || len(c.Rlimits) > 0 || len(c.Volumes) != 1 || c.Volumes[0].Name != "v" {
			t.Errorf("mounts %v, volumes %v, limits %v", c.Mounts, c.Volumes, c.Rlimits)
		}
		want := "/run/lazybuild"
		if rootless {
			want = "/run/user/1000/lazybuild"
		}
		if r.base() != want {
			t.Errorf("the base is %s", r.base())
		}
	}
}

func TestARemotePodmanHasNoProxyProcess(t *testing.T) {
	b := testBuild(t, ".")
	b.o.Proxy = ProxyProcess
	_, err := findPlace(context.Background(), talks(t, both, "[]"), &b.o)
	var usage *UsageError
	if !errors.As(err, &usage) {
		t.Errorf("got %v", err)
	}
}

func TestWhatCannotBeMountedSaysBothReasons(t *testing.T) {
	err := error(&NoMountError{Container: errors.New("no /dev/fuse"), Process: errInterrupted})
	for _, want := range []string{"container: no /dev/fuse", "process: interrupted", "hint: "} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if !NoMount(err) || NoMount(errInterrupted) || !errors.Is(err, errInterrupted) {
		t.Error("it is not told apart")
	}
	if one := (&NoMountError{Container: errors.New("x")}).Error(); strings.Contains(one, "process:") {
		t.Error(one)
	}
}
