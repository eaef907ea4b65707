package orchestrator

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/containers/podman/v5/pkg/bindings"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// fakeAPI is a podman service that answers what its test wants: the status of
// the answer to a request, by method and the last part of its path.
type fakeAPI struct {
	mu     sync.Mutex
	asked  []string
	answer func(request string, n int) int // n counts this request, from 1
}

func (f *fakeAPI) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Libpod-API-Version", "5.0.0")
	if strings.HasSuffix(r.URL.Path, "/_ping") {
		return
	}
	name := filepath.Base(r.URL.Path)
	if r.URL.Query().Get("external") == "true" {
		name += " external"
	}
	request := r.Method + " " + name
	if r.Method == http.MethodDelete && r.URL.Query().Get("force") != "true" {
		request += " gently"
	}
	f.mu.Lock()
	f.asked = append(f.asked, request)
	n := 0
	for _, a := range f.asked {
		if a == request {
			n++
		}
	}
	f.mu.Unlock()
	status := f.answer(request, n)
	if status == 0 {
		panic(http.ErrAbortHandler) // no answer at all
	}
	w.WriteHeader(status)
	_, _ = io.WriteString(w, "[]")
}

func (f *fakeAPI) count(request string) (n int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, a := range f.asked {
		if a == request {
			n++
		}
	}
	return n
}

// serves starts the service and returns a connection to it.
func serves(t *testing.T, f *fakeAPI) context.Context {
	t.Helper()
	sock := socket(t)
	l, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	s := http.Server{Handler: f}
	served := make(chan struct{})
	go func() { defer close(served); _ = s.Serve(l) }()
	api, err := dialAPI(context.Background(), sock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if c, err := bindings.GetClient(api); err == nil {
			c.Client.CloseIdleConnections()
		}
		s.Close()
		<-served
	})
	return api
}

const (
	asksExists = "GET exists external"
	asksRemove = "DELETE lazybuild-0123456789ab-cdef"
	asksKill   = "POST kill"
	asksGently = asksRemove + " gently"
)

// Only podman's own "no" says that a container is gone, not a failure, and not
// that podman has forgotten what its storage still has.
//
// Shows S45.
func TestAContainerIsGoneWhenPodmanSaysSo(t *testing.T) {
	always := func(status int) func(int) int { return func(int) int { return status } }
	first := func(status, then int) func(int) int {
		return func(n int) int { return []int{status, then}[min(n-1, 1)] }
	}
	for _, tt := range []struct {
		name     string
		exists   func(n int) int
		remove   func(n int) int
		removals int
		gone     bool
	}{
		{"removed", always(404), always(200), 1, true},
		{"podman fails once", first(204, 404), first(500, 200), 2, true},
		{"podman fails, because somebody else has removed it", always(404), always(500), 1, true},
		{"podman cannot remove it", always(204), always(500), 2, false},
		{"podman says that it has, and it is still there", always(204), always(200), 2, false},
		{"podman fails to say", always(500), always(200), 2, false},
		{"nobody answers", always(0), always(0), 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeAPI{answer: func(request string, n int) int {
				switch request {
				case asksExists:
					return tt.exists(n)
				case asksRemove:
					return tt.remove(n)
				}
				return 204
			}}
			err := removeNow(serves(t, f), testID.container())
			if (err == nil) != tt.gone {
				t.Errorf("gone: %v, want %v: %v", err == nil, tt.gone, err)
			}
			// The bindings ask three times where nobody answers.
			if n := f.count(asksRemove); n != tt.removals && n != 3*tt.removals {
				t.Errorf("%d removals, want %d", n, tt.removals)
			}
			if !tt.gone && tt.removals == 2 && f.count(asksKill) != 2 {
				t.Error("nothing was killed")
			}
		})
	}
}

func TestAContainerThatRemovesItselfIsWaitedFor(t *testing.T) {
	f := &fakeAPI{answer: func(request string, n int) int {
		if request == asksExists && n < 4 {
			return []int{204, 500, 204}[n-1]
		}
		return 404
	}}
	if err := waitRemoved(serves(t, f), testID.container(), time.Hour); err != nil || f.count(asksRemove) != 0 {
		t.Errorf("%v, %d removals", err, f.count(asksRemove))
	}
}

func TestPodmanIsNotAskedWhileItRemovesAContainer(t *testing.T) {
	files := mkdir(t, filepath.Join(t.TempDir(), "files"))
	early := make(chan struct{}, 100)
	f := &fakeAPI{answer: func(string, int) int {
		if exists(files) {
			early <- struct{}{}
		}
		return 404
	}}
	api, done, answered := serves(t, f), make(chan error, 1), make(chan struct{})
	close(answered)
	go func() { done <- waitRemovedBy(api, testID.container(), files, answered, time.Hour) }()
	select {
	case <-early:
		t.Error("it was asked while the container's files were there")
	case <-time.After(20 * time.Millisecond):
	}
	if err := os.Remove(files); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil || f.count(asksExists) == 0 {
		t.Errorf("%v, asked %d times", err, f.count(asksExists))
	}
}

// By force it would be killed while it unmounts.
func TestAContainerThatHasEndedIsRemovedGently(t *testing.T) {
	var over atomic.Bool
	f := &fakeAPI{answer: func(string, int) int {
		if !over.Load() {
			t.Error("podman was asked before the container's streams had ended")
		}
		return 200
	}}
	api, ended, done := serves(t, f), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		removeEnded(api, ended, testID.container(), time.Hour)
	}()
	over.Store(true)
	close(ended)
	<-done
	if f.count(asksGently) != 1 || f.count(asksRemove) != 0 {
		t.Errorf("podman was asked for %v", f.asked)
	}
}

func TestAContainerThatDoesNotEndIsNotRemovedGently(t *testing.T) {
	f := &fakeAPI{answer: func(string, int) int { return 200 }}
	removeEnded(serves(t, f), make(chan struct{}), testID.container(), time.Millisecond)
	if len(f.asked) != 0 {
		t.Errorf("podman was asked for %v", f.asked)
	}
}

func TestAContainerWhoseFilesStayIsRemoved(t *testing.T) {
	f := &fakeAPI{answer: func(string, int) int { return 404 }}
	if err := waitRemovedBy(serves(t, f), testID.container(), t.TempDir(), nil, time.Millisecond); err != nil || f.count(asksRemove) == 0 {
		t.Errorf("%v, %d removals", err, f.count(asksRemove))
	}
}

func TestAServiceThatIsGoneIsNotWaitedForByFiles(t *testing.T) {
	f := &fakeAPI{answer: func(string, int) int { return 0 }}
	if err := waitRemovedBy(serves(t, f), testID.container(), t.TempDir(), nil, time.Hour); err == nil || f.count(asksRemove) != 0 {
		t.Errorf("%v, %d removals", err, f.count(asksRemove))
	}
}

// The clean-up removes it then, without the service.
func TestAServiceThatIsGoneIsNotWaitedFor(t *testing.T) {
	f := &fakeAPI{answer: func(string, int) int { return 0 }}
	if err := waitRemoved(serves(t, f), testID.container(), time.Hour); err == nil || f.count(asksRemove) != 0 {
		t.Errorf("%v, %d removals", err, f.count(asksRemove))
	}
}

// A service that does not answer may carry out later what it was asked for; one
// that says no does not.
func TestAContainerThatMayHaveBeenMadeIsNotForgotten(t *testing.T) {
	for _, tt := range []struct {
		name                   string
		create, exists         int
		wantUnsure, wantIsLate bool
	}{
		{name: "refused", create: 500, exists: 404},
		{name: "no answer", create: 0, exists: 404, wantUnsure: true, wantIsLate: true},
		{name: "refused, and there", create: 500, exists: 204, wantUnsure: true},
		{name: "refused, and nobody knows", create: 500, exists: 500, wantUnsure: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			f := &fakeAPI{answer: func(request string, _ int) int {
				switch request {
				case "POST create":
					return tt.create
				case asksExists:
					return tt.exists
				}
				return 200
			}}
			api, b := serves(t, f), testBuild(t, ".")
			var err error
			if b.file, err = createState(t.TempDir(), b.state); err != nil {
				t.Fatal(err)
			}
			defer b.file.remove()
			_, err = startContainer(api, proxySpec(b.id, "image"), b.spec(), b.o.Plan.Tree, func(wire.Event) {})
			if err == nil {
				t.Fatal("it was made")
			}
			b.notStarted(api, err)
			if b.unsure != tt.wantUnsure || b.state.Late != tt.wantIsLate {
				t.Errorf("unsure %v, late %v after %v", b.unsure, b.state.Late, err)
			}
			if s, err := readState(b.file.path); err != nil || s.Late != tt.wantIsLate {
				t.Errorf("the state says %+v, %v", s, err)
			}
		})
	}
}

// end is the end of a build whose proxy is gone or not, with a podman that can
// remove its container or not.
func end(t *testing.T, gone error, podman string) (log, state string, err error) {
	t.Helper()
	b := testBuild(t, ".")
	base := t.TempDir()
	f, s := newState(t, base, testID)
	s.Podman, log = fakePodman(t, podman)
	b.file, b.state = f, s
	b.progress = &progressFile{path: progressPath(f.path), now: time.Now}
	var stdin *io.PipeReader
	b.proxy, stdin = stubProxy()
	go func() { _, _ = io.Copy(io.Discard, stdin) }()
	close(b.proxy.ended)
	b.proxy.waitGone = func(time.Duration) error { return gone }
	err = b.end()
	b.progress.enter(PhaseEnding) // the proxy's last words may come late
	return log, f.path, err
}

// Shows S45.
func TestAStateEndsWhenItsContainerIsSeenToBeGone(t *testing.T) {
	stuck := errors.New("stuck")
	t.Run("gone", func(t *testing.T) {
		log, state, err := end(t, nil, "")
		if said, _ := os.ReadFile(log); err != nil || len(said) > 0 {
			t.Errorf("%v, podman was called with %q", err, said)
		}
		nothingOf(t, state)
	})
	t.Run("removed by podman", func(t *testing.T) {
		log, state, err := end(t, stuck, "")
		if said, _ := os.ReadFile(log); err != nil || !strings.Contains(string(said), "rm --force --ignore --time 5 lazybuild-0123456789ab-cdef") {
			t.Errorf("%v, podman was called with %q", err, said)
		}
		nothingOf(t, state)
	})
	t.Run("not even then", func(t *testing.T) {
		_, state, err := end(t, stuck, `case "$*" in *" container exists "*) exit 0;; esac; echo device is busy >&2; exit 125`)
		if err == nil || !strings.Contains(err.Error(), "device is busy") {
			t.Errorf("got %v", err)
		}
		if f, _ := takeOver(state); f == nil {
			t.Error("nobody will try again")
		}
	})
}

func nothingOf(t *testing.T, state string) {
	t.Helper()
	if entries, err := os.ReadDir(filepath.Dir(state)); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// podman may be wrong about what it has removed, and a removal may fail because
// of another one that then fails too.
//
// Shows S45.
func TestARemovalIsHeldAgainstPodmansStorage(t *testing.T) {
	const exists = `*" container exists --external "*)`
	for _, tt := range []struct {
		name, script, stored string
		ok                   bool
	}{
		{"removed", "", "", true},
		{"still in the storage", "", `[{"id":"x","names":["lazybuild-0123456789ab-cdef"]}]`, false},
		{"somebody else's is there", "", `[{"id":"x","names":["lazybuild-fedcba987654-3210"]}]`, true},
		{"removed by somebody else", `case "$*" in ` + exists + ` exit 1;; *) exit 2;; esac`, "", true},
		{"removed by somebody else in part", `case "$*" in ` + exists + ` exit 0;; *) exit 2;; esac`, "", false},
		{"podman does not know", `case "$*" in ` + exists + ` exit 125;; *) exit 2;; esac`, "", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, s := newState(t, t.TempDir(), testID)
			s.Podman, _ = fakePodman(t, tt.script)
			writeFile(t, filepath.Join(s.Storage, "volatile-containers.json"), tt.stored)
			if err := removeContainers(context.Background(), &s); (err == nil) != tt.ok {
				t.Errorf("got %v, want it to be well: %v", err, tt.ok)
			}
		})
	}
}

// It would make its socket later, when nobody looks any more.
func TestAServiceThatNobodyWaitsForIsEnded(t *testing.T) {
	path, _ := fakePodman(t, `mkfifo "$0.never"; read x <"$0.never"`)
	sock := filepath.Join(filepath.Dir(socket(t)), string(testID)+".sock")
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if _, err := (&podman{path: path}).startService(ctx, sock); !Interrupted(err) {
		t.Errorf("got %v", err)
	}
	if stopService(&State{ID: testID, Sock: sock}) {
		t.Error("it still ran")
	}
}

// A Ctrl-C that ends podman in the middle of a removal leaves half a container.
func TestACleanUpIsNotForTheTerminalsSignals(t *testing.T) {
	path, log := fakePodman(t, `cut -d ' ' -f 5 /proc/$$/stat >>"$0.pgid"; echo $$ >>"$0.pid"`)
	if err := (&podman{path: path}).remove(context.Background(), "x"); err != nil {
		t.Fatal(err)
	}
	group, _ := os.ReadFile(path + ".pgid")
	pid, _ := os.ReadFile(path + ".pid")
	if g, p := strings.Fields(string(group)), strings.Fields(string(pid)); len(p) != 1 || !slices.Equal(g, p) {
		said, _ := os.ReadFile(log)
		t.Errorf("podman %q is in the process groups %v, and its PIDs are %v", said, g, p)
	}
}
