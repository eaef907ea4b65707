package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// A kill before the state is written, or while it is removed, leaves these.
func strays(t *testing.T, base string) {
	t.Helper()
	dir := mkdir(t, stateDir(base))
	for _, name := range []string{".json.lock", ".sock", ".progress", ".progress.new"} {
		writeFile(t, filepath.Join(dir, string(testID)+name), "")
	}
	writeFile(t, filepath.Join(dir, "."+string(testID)+".json123"), "{")
}

// Shows S45.
func TestWhatIsLeftOfNoStateIsSwept(t *testing.T) {
	base := t.TempDir()
	strays(t, base)
	living, s := newState(t, base, otherID)
	if err := os.Remove(living.path); err != nil { // as if it was not written yet
		t.Fatal(err)
	}
	own := writeFile(t, filepath.Join(stateDir(base), "README"), "")
	if err := Sweep(context.Background(), base); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(stateDir(base))
	if err != nil || len(entries) != 2 {
		t.Errorf("left: %v, %v", entries, err)
	}
	if !exists(living.path+".lock") || !exists(own) || !exists(s.Dir) {
		t.Error("something of others was removed")
	}
}

func TestTheReaperRemovesWhatIsLeftOfNoState(t *testing.T) {
	base := t.TempDir()
	strays(t, base)
	if err := Reap(strings.NewReader(""), statePath(base, testID)); err != nil {
		t.Fatal(err)
	}
	if entries, err := os.ReadDir(stateDir(base)); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}

// A sweep that meets a build between making and locking the lock's file must not
// keep it from starting, nor take its lock from it.
func TestBuildsBeginWhileOthersSweep(t *testing.T) {
	base := t.TempDir()
	ctx, stop := context.WithCancel(context.Background())
	var sweepers sync.WaitGroup
	for range 2 {
		sweepers.Go(func() {
			for ctx.Err() == nil {
				if err := Sweep(ctx, base); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for i := range 1000 {
		id := BuildID(fmt.Sprintf("0123456789ab-%04x", i))
		f, err := createState(base, State{ID: id})
		if err != nil {
			t.Fatal(err)
		}
		if g, _ := takeOver(f.path); g != nil {
			t.Fatalf("build %s has lost its lock", id)
		}
		f.remove()
	}
	stop()
	sweepers.Wait()
}

// An error of reading says nothing about what the state names.
func TestAStateThatCannotBeReadIsKept(t *testing.T) {
	path := filepath.Join(mkdir(t, stateDir(t.TempDir())), string(testID)+".json")
	mkdir(t, path)
	if f, s := takeOver(path); f != nil || !exists(path) {
		t.Errorf("taken for %+v, still there: %v", s, exists(path))
	}
	if lives(path) {
		t.Error("nobody can take it over")
	}
}

// A build that is killed at any moment of its start has its reaper already.
func TestTheReaperIsThereBeforeTheState(t *testing.T) {
	b := testBuild(t, ".")
	exe, log := fakePodman(t, "cat")
	b.o.Executable, b.o.Base, b.o.Proxy, b.o.Now = exe, t.TempDir(), ProxyProcess, time.Now
	b.findPlace = func() (place, error) { return b.place, nil }
	writeFile(t, stateDir(b.o.Base), "") // no place for a state
	if err := b.prepare(context.Background()); !errors.Is(err, syscall.ENOTDIR) {
		t.Fatalf("got %v", err)
	}
	if err := b.end(); err != nil {
		t.Error(err)
	}
	if got, _ := os.ReadFile(log); string(got) != "reap "+statePath(b.o.Base, b.id)+"\n" {
		t.Errorf("started with %q", got)
	}
	if b.reaper.cmd.ProcessState == nil {
		t.Error("the reaper was not dismissed")
	}
}
