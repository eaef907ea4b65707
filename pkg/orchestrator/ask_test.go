package orchestrator

import (
	"context"
	"os"
	"path/filepath"
	"testing"
)

func TestPodmanIsAskedOnceWhenItWasAskedAhead(t *testing.T) {
	path, calls := fakePodman(t, `echo '{"Client":{"Version":"5.4.2"}}'`)
	b := testBuild(t, "--log-level debug .")
	b.o.Asked = Ask(context.Background(), path, b.o.Known, b.o.Line)
	got, err := findPlace(context.Background(), &podman{path: "/no/podman"}, &b.o)
	if err != nil || got.kind() == remote {
		t.Fatalf("got %v, %v", got, err)
	}
	b.o.Asked.Drop()
	b.o.Asked.Drop()
	said, err := os.ReadFile(calls)
	if err != nil || string(said) != "--log-level debug version --format json\n" {
		t.Errorf("podman was called with %q (%v)", said, err)
	}
}

func TestAFailureOfTheQuestionAskedAheadIsThatOfTheBuild(t *testing.T) {
	b := testBuild(t, ".")
	b.o.Asked = Ask(context.Background(), filepath.Join(t.TempDir(), "none"), b.o.Known, b.o.Line)
	if _, err := findPlace(context.Background(), &podman{path: "/no/podman"}, &b.o); err == nil {
		t.Error("there is a place without podman")
	}
}

// Drop would hang here for as long as the question is answered.
func TestADroppedQuestionEnds(t *testing.T) {
	path, _ := fakePodman(t, `exec sleep 1000`)
	a := Ask(context.Background(), path, t.TempDir(), testBuild(t, ".").o.Line)
	a.Drop()
	if _, err := a.versions(); err == nil {
		t.Error("podman has answered")
	}
	var none *Asked
	none.Drop()
}
