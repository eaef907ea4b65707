package orchestrator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	spec "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// proxyContainer is everything that the container is given. A line that comes
// here is a privilege or a part of the host that somebody has to justify (the
// list of reasons is proxySpec's comment).
const proxyContainer = `{
  "name": "lazybuild-0123456789ab-cdef",
  "Networks": null,
  "healthLogDestination": "local",
  "healthMaxLogCount": 5,
  "healthMaxLogSize": 500,
  "init_container_type": "",
  "remove": true,
  "stdin": true,
  "labels": {
    "io.lazybuild.build": "0123456789ab-cdef"
  },
  "pidns": {
    "nsmode": "host"
  },
  "utsns": {},
  "log_configuration": {
    "driver": "none"
  },
  "image": "localhost/lazybuild-proxy:tag",
  "mounts": [
    {
      "destination": "/base",
      "type": "bind",
      "source": "/base",
      "options": [
        "rbind",
        "rshared",
        "rw"
      ]
    },
    {
      "destination": "/store",
      "type": "bind",
      "source": "/store",
      "options": [
        "bind",
        "private",
        "rw"
      ]
    },
    {
      "destination": "/lazybuild",
      "type": "bind",
      "source": "/usr/bin/lazybuild",
      "options": [
        "bind",
        "private",
        "ro",
        "nosuid",
        "nodev"
      ]
    }
  ],
  "devices": [
    {
      "path": "/dev/fuse",
      "type": "",
      "major": 0,
      "minor": 0
    }
  ],
  "ipcns": {},
  "cap_add": [
    "SYS_ADMIN",
    "CHOWN",
    "FOWNER",
    "DAC_OVERRIDE",
    "FSETID",
    "SETFCAP"
  ],
  "cap_drop": [
    "ALL"
  ],
  "selinux_opts": [
    "disable"
  ],
  "apparmor_profile": "unconfined",
  "seccomp_profile_path": "unconfined",
  "no_new_privileges": true,
  "userns": {},
  "read_only_filesystem": true,
  "cgroupns": {},
  "netns": {
    "nsmode": "host"
  }
}`

// Shows S52.
func TestTheProxyHasThesePrivilegesAndNoMore(t *testing.T) {
	b := testBuild(t, ".")
	s, ws := proxySpec(testID, "localhost/lazybuild-proxy:tag"), b.spec()
	b.place.inContainer(s, &ws, b)
	mountProgram(s, "/usr/bin/lazybuild")
	s.Rlimits = nil // of the machine
	got, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(decode(t, proxyContainer), decode(t, string(got))); d != "" {
		t.Error(d)
	}
}

func decode(t *testing.T, s string) (v map[string]any) {
	t.Helper()
	if err := json.Unmarshal([]byte(s), &v); err != nil {
		t.Fatal(err)
	}
	return v
}

func TestTheContextIsMountedOnlyForAView(t *testing.T) {
	b := testBuild(t, ".")
	b.o.Plan.Rewrites, b.view = map[string][]byte{"/src/x": nil}, b.state.Dir+"/context"
	s, ws := proxySpec(testID, "image"), b.spec()
	b.place.inContainer(s, &ws, b)
	want := spec.Mount{Type: "bind", Source: "/src", Destination: "/context", Options: []string{"bind", "private", "ro"}}
	if d := cmp.Diff(want, s.Mounts[len(s.Mounts)-1]); d != "" || ws.View.Lower != "/context" {
		t.Errorf("%s, lower %s", d, ws.View.Lower)
	}
}

// What podman stores of a container, everybody who may use podman can read.
//
// Shows S58.
func TestNoSecretsInTheContainersSpec(t *testing.T) {
	b := testBuild(t, "--build-arg TOKEN=s3cret --creds me:s3cret .")
	b.o.Credentials = []wire.Credential{{Host: "example.org", User: "me", Password: "s3cret", Bearer: "s3cret", Key: []byte("s3cret")}}
	b.o.HTTPSProxy, b.o.CA = "http://me:s3cret@proxy.example.org", []byte("s3cret")
	s, ws := proxySpec(testID, "image"), b.spec()
	b.place.inContainer(s, &ws, b)
	got, err := json.Marshal(s)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(got), "s3cret") || strings.Contains(string(got), "hunter2") {
		t.Errorf("a secret in %s", got)
	}
	if len(s.Env)+len(s.Command)+len(s.Entrypoint)+len(s.Secrets) > 0 || s.EnvHost != nil {
		t.Errorf("the container gets an environment or arguments: %s", got)
	}
}

// stubProxy is a proxy whose container is events and stdin.
func stubProxy() (p *proxy, stdin *io.PipeReader) {
	r, w := io.Pipe()
	return newProxy("the proxy container", w), r
}

func events(t *testing.T, evs ...wire.Event) io.Reader {
	t.Helper()
	var b bytes.Buffer
	for _, ev := range evs {
		if err := json.NewEncoder(&b).Encode(ev); err != nil {
			t.Fatal(err)
		}
	}
	return &b
}

func TestWaitingForTheMount(t *testing.T) {
	mode := &wire.Proxy{Passthrough: true}
	over, cancel := context.WithCancel(context.Background())
	cancel()
	for _, tt := range []struct {
		name, stderr, want string
		ctx                context.Context
		ev                 wire.Event
		ended              bool
	}{
		{name: "ready", ev: wire.Event{Kind: wire.Ready, Proxy: mode}},
		{name: "fatal", ev: wire.Event{Kind: wire.Fatal, Text: "no /dev/fuse"}, want: "the proxy cannot work: no /dev/fuse"},
		{name: "fatal with advice", ev: wire.Event{Kind: wire.Fatal, Text: "no /dev/fuse", Hint: "modprobe fuse"},
			want: "the proxy cannot work: no /dev/fuse\n  hint: modprobe fuse"},
		{name: "ended", ended: true, want: "the proxy container: it ended before its mount was there"},
		{name: "ended with a word", ended: true, stderr: "noise\ncrun: no such device\n",
			want: "the proxy container: it ended before its mount was there: crun: no such device"},
		{name: "interrupted", ctx: over, want: "interrupted"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			p, _ := stubProxy()
			fmt.Fprint(&p.stderr, tt.stderr)
			if tt.ev.Kind != "" {
				p.readEvents(events(t, tt.ev, tt.ev), func(wire.Event) {})
			}
			if tt.ended {
				close(p.ended)
			}
			if tt.ctx == nil {
				tt.ctx = context.Background()
			}
			got, err := p.waitReady(tt.ctx)
			if tt.want == "" && (err != nil || !got.Passthrough) || tt.want != "" && (err == nil || err.Error() != tt.want) {
				t.Errorf("got %+v, %v", got, err)
			}
		})
	}
}

func TestByeIsSaidOnceAndBringsTheSummary(t *testing.T) {
	p, stdin := stubProxy()
	said := make(chan string)
	go func() {
		b, _ := io.ReadAll(stdin)
		p.readEvents(events(t, wire.Event{Kind: wire.SummaryKind, Summary: &wire.Summary{WaitedMS: 7}}), func(wire.Event) {})
		said <- string(b)
	}()
	if s := p.bye(wire.ByeOK, time.Minute); s == nil || s.WaitedMS != 7 {
		t.Errorf("got %+v", s)
	}
	if got := <-said; got != wire.ByeOK+"\n" {
		t.Errorf("said %q", got)
	}
	close(p.ended)
	if s := p.bye(wire.ByeFailed, time.Minute); s != nil {
		t.Errorf("a second summary: %+v", s)
	}
}

func TestASummaryIsTakenFromAProxyThatHasEnded(t *testing.T) {
	p, stdin := stubProxy()
	p.summary <- &wire.Summary{}
	close(p.ended)
	stdin.CloseWithError(io.ErrClosedPipe)
	if p.bye(wire.Bye, time.Minute) == nil {
		t.Error("the summary was lost")
	}
}

func TestAProxyThatHangsIsNotWaitedForForever(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, stdin := stubProxy()
		began := time.Now()
		if s := p.bye(wire.Bye, 10*time.Second); s != nil || time.Since(began) != 10*time.Second {
			t.Errorf("%+v after %v", s, time.Since(began))
		}
		stdin.Close()
	})
}

func TestOnlyTheEndOfWhatTheRuntimeSaysIsKept(t *testing.T) {
	var l tail
	for i := range 5000 {
		fmt.Fprintf(&l, "line %d\n", i)
	}
	s := l.String()
	if len(s) > 8<<10 || !strings.HasSuffix(s, "line 4998\nline 4999") {
		t.Errorf("%d bytes, ending in %q", len(s), s[len(s)-20:])
	}
}

func TestFailuresAreKeptForTheReport(t *testing.T) {
	b := testBuild(t, ".")
	var out strings.Builder
	b.o.UI = NewUI(&out, true, false)
	for _, ev := range []wire.Event{
		{Kind: wire.Failed, Path: "deps/a", URL: "https://example.org/a", Text: "not found", Hint: "renew the lock"},
		{Kind: wire.Warning, Text: "slow"}, {Kind: wire.Debug, Text: "detail"}, {Kind: wire.ProgressKind}, {Kind: "new kind"},
	} {
		b.onEvent(ev)
	}
	if len(b.failed) != 1 || b.failed[0].Path != "deps/a" {
		t.Errorf("kept %+v", b.failed)
	}
	for _, want := range []string{"cannot provide deps/a from https://example.org/a: not found (renew the lock)\n", "warning: slow\n", "detail\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no %q in %q", want, out.String())
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 3 {
		t.Errorf("%d lines", n)
	}
}

func TestFindPodman(t *testing.T) {
	_, err := findPodman(t.TempDir()+"/podman", nil)
	var h *HintError
	if !errors.As(err, &h) || !strings.Contains(err.Error(), "install podman") || !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	path, _ := fakePodman(t, "")
	p, err := findPodman(path, []string{"--root", "/r"})
	if err != nil {
		t.Fatal(err)
	}
	if got := p.command(context.Background(), "build", ".").Args; strings.Join(got[1:], " ") != "--root /r build ." {
		t.Errorf("the command is %q", got)
	}
	t.Setenv("PATH", strings.TrimSuffix(path, "/podman"))
	if p, err := findPodman("", nil); err != nil || p.path != path {
		t.Errorf("got %+v, %v", p, err)
	}
}
