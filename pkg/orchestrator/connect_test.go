package orchestrator

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// A socket's path is short: t.TempDir() has the test's name in it.
func socket(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "lazy")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return filepath.Join(dir, "s")
}

func TestASocketFileAloneDoesNotListen(t *testing.T) {
	sock, ctx := socket(t), context.Background()
	if listens(ctx, sock) {
		t.Error("a socket that is not there listens")
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: sock})
	if err != nil {
		t.Fatal(err)
	}
	l.SetUnlinkOnClose(false)
	if !listens(ctx, sock) {
		t.Error("nobody listens")
	}
	if err := waitListening(ctx, sock, nil); err != nil {
		t.Error(err)
	}
	l.Close()
	if !exists(sock) || listens(ctx, sock) {
		t.Error("a dead service listens")
	}
}

// podman counts connections as busy that have a request and no answer yet.
func TestAServiceOfOurOwnIsKeptBusy(t *testing.T) {
	sock := socket(t)
	l, err := net.Listen("unix", sock)
	if err != nil {
		t.Fatal(err)
	}
	busy, idle := make(chan struct{}), make(chan struct{})
	s := http.Server{ConnState: func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateActive:
			close(busy)
		case http.StateIdle:
			close(idle)
		}
	}}
	served := make(chan error)
	go func() { served <- s.Serve(l) }()
	hold, err := keepAlive(t.Context(), sock)
	if err != nil {
		t.Fatal(err)
	}
	<-busy
	select {
	case <-idle:
		t.Error("it was answered")
	default:
	}
	if _, err := io.WriteString(hold, "x"); err != nil { // what was missing
		t.Fatal(err)
	}
	<-idle
	hold.Close()
	s.Close()
	<-served
}

func TestAServiceThatDoesNotStartSaysWhy(t *testing.T) {
	ended := make(chan error, 1)
	ended <- errors.New("storage is locked")
	err := waitListening(context.Background(), socket(t), ended)
	var h *HintError
	if !errors.As(err, &h) || !strings.Contains(err.Error(), "storage is locked") {
		t.Errorf("got %v", err)
	}
	path, log := fakePodman(t, "echo noise >&2; echo unknown flag >&2; exit 1")
	sock := socket(t)
	p := &podman{path: path, global: []string{"--root", "/r"}}
	if _, err := p.connect(context.Background(), sock); err == nil || !strings.Contains(err.Error(), "did not start: unknown flag") {
		t.Errorf("got %v", err)
	}
	if got, _ := os.ReadFile(log); string(got) != "--root /r system service --time 5 unix://"+sock+"\n" {
		t.Errorf("started with %q", got)
	}
}

func TestWaitingForAServiceEndsWithTheContext(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if err := waitListening(ctx, socket(t), nil); !Interrupted(err) {
		t.Errorf("got %v", err)
	}
}
