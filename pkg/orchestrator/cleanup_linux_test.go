package orchestrator

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestOnlyDirectoriesNamedAfterTheBuildAreRemoved(t *testing.T) {
	top := t.TempDir()
	for name, want := range map[string]bool{
		string(testID): true, testID.container(): true,
		string(otherID): false, otherID.container(): false, "etc": false, "x" + string(testID): false,
		string(testID) + ".json": false, "lazybuild-": false, "Lazybuild-" + string(testID): false,
	} {
		dir := mkdir(t, filepath.Join(top, name, "sub"))
		if err := removeOwn(filepath.Dir(dir), testID); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if exists(dir) == want {
			t.Errorf("%s: removed is %v", name, !want)
		}
	}
	t.Chdir(top)
	mkdir(t, string(testID))
	for _, dir := range []string{"", ".", "/", string(testID), "./" + string(testID)} {
		if err := removeOwn(dir, testID); err != nil {
			t.Errorf("%q: %v", dir, err)
		}
	}
	if !exists(string(testID)) {
		t.Error("a relative path was removed")
	}
	// An ID that is none names nothing.
	mkdir(t, filepath.Join(top, "x"))
	if err := removeOwn(filepath.Join(top, "x"), "x"); err != nil || !exists(filepath.Join(top, "x")) {
		t.Errorf("a directory was removed in the name of no build, %v", err)
	}
}

func TestALinkIsRemovedAndNotWhatItPointsTo(t *testing.T) {
	top := t.TempDir()
	victim := writeFile(t, filepath.Join(mkdir(t, filepath.Join(top, "home")), "file"), "x")
	link := filepath.Join(top, string(testID))
	if err := os.Symlink(filepath.Dir(victim), link); err != nil {
		t.Fatal(err)
	}
	if err := removeOwn(link, testID); err != nil || exists(link) || !exists(victim) {
		t.Errorf("link %v, file %v, %v", exists(link), exists(victim), err)
	}
}

// A mount that would not go may be the user's own files.
func TestNothingInsideAMountIsRemoved(t *testing.T) {
	for _, below := range []string{"", "a/b"} {
		dir := filepath.Join(t.TempDir(), string(testID))
		mountTmp(t, filepath.Join(dir, below))
		file := writeFile(t, filepath.Join(dir, below, "file"), "x")
		_ = removeOwn(dir, testID)
		if !exists(file) {
			t.Errorf("a file in a mount at %q was removed", below)
		}
	}
}

// Run where there is nothing to lose: a prefix of "" is that of every mount.
func TestADamagedStateUnmountsNothing(t *testing.T) {
	inNamespace(t, "damaged state", t.TempDir())
}

func TestADamagedStateNamesNoContainers(t *testing.T) {
	_, s := newState(t, t.TempDir(), testID)
	record := mkdir(t, filepath.Join(s.Storage, "somebodys", "userdata"))
	writeFile(t, filepath.Join(record, "buildah.json"), `{"volumes":["/home/somebody/src:/src"]}`)
	p := &podman{path: "/bin/true"}
	for _, dir := range []string{"", "/", "/home", "/home/somebody", "home", filepath.Join("/home", string(otherID))} {
		s.Dir = dir
		if ids, err := p.workingContainers(context.Background(), &s); err != nil || len(ids) > 0 {
			t.Errorf("%q: %v, %v", dir, ids, err)
		}
	}
}

// Shows S45.
func TestSweepTakesTheDeadAndLeavesTheLiving(t *testing.T) {
	base := t.TempDir()
	dead, ds := newState(t, base, testID)
	living, ls := newState(t, base, otherID)
	for _, s := range []State{ds, ls} {
		out := filepath.Join(s.Dir, "output")
		mountTmp(t, out)
		mountTmp(t, out)
	}
	dies(t, dead)
	if err := Sweep(context.Background(), base); err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{ds.Dir, ds.Scratch, ds.Tmp, dead.path} {
		if exists(dir) {
			t.Errorf("%s is left of the dead build", dir)
		}
	}
	for _, dir := range []string{ls.Dir, ls.Scratch, ls.Tmp} {
		if !exists(filepath.Join(dir, "file")) {
			t.Errorf("%s of the living build has been touched", dir)
		}
	}
	if mountsAt(filepath.Join(ds.Dir, "output")) != 0 || mountsAt(filepath.Join(ls.Dir, "output")) != 2 {
		t.Error("the mounts are not those of the living build alone")
	}
	living.remove() // and until here it was locked
}

func TestContainersOfTheBuildAreRemoved(t *testing.T) {
	_, s := newState(t, t.TempDir(), testID)
	for name, volume := range map[string]string{"ours": s.Dir + "/output:/cachi2/output", "theirs": "/srv/" + string(otherID) + "/output:/x"} {
		dir := mkdir(t, filepath.Join(s.Storage, name, "userdata"))
		writeFile(t, filepath.Join(dir, "buildah.json"), `{"build-volumes":["`+volume+`"]}`)
	}
	var log string
	s.Podman, log = fakePodman(t, "")
	if err := removeContainers(context.Background(), &s); err != nil {
		t.Fatal(err)
	}
	want := "--root /r rm --force --ignore --time 5 lazybuild-0123456789ab-cdef ours\n"
	if got, _ := os.ReadFile(log); string(got) != want {
		t.Errorf("podman was called with %q, want %q", got, want)
	}
}

func TestPodmanIsAskedForItsStorage(t *testing.T) {
	path, _ := fakePodman(t, `case "$*" in "info --format "*) printf '/srv/store\tvfs\n';; esac`)
	got, err := (&podman{path: path}).containerStorage(context.Background())
	if err != nil || got != "/srv/store/vfs-containers" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAPodmanThatFailsIsReportedAndTheRestIsRemoved(t *testing.T) {
	base := t.TempDir()
	f, s := newState(t, base, testID)
	s.Podman, _ = fakePodman(t, "echo first; echo storage is locked >&2; exit 125")
	if err := f.write(s); err != nil {
		t.Fatal(err)
	}
	dies(t, f)
	err := Sweep(context.Background(), base)
	if err == nil || !strings.Contains(err.Error(), "storage is locked") {
		t.Errorf("got %v", err)
	}
	if exists(s.Dir) || exists(s.Tmp) {
		t.Error("directories are left")
	}
	// The state is there for the next start.
	if g, _ := takeOver(f.path); g == nil {
		t.Error("nobody will try again")
	}
}

func TestTheReaperCleansUpAfterADeadBuild(t *testing.T) {
	f, s := newState(t, t.TempDir(), testID)
	r, w := io.Pipe()
	done := make(chan error)
	go func() { done <- Reap(r, f.path) }()
	if _, err := w.Write([]byte("x")); err != nil || !exists(s.Dir) {
		t.Errorf("reaped too early, %v", err)
	}
	dies(t, f)
	w.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if exists(s.Dir) || exists(f.path) {
		t.Error("something is left")
	}
}

func TestTheReaperWaitsForTheLockOfADyingBuild(t *testing.T) {
	f, s := newState(t, t.TempDir(), testID)
	// The pipe has ended; the lock goes when the reaper has looked once.
	ended := readerFunc(func([]byte) (int, error) {
		go f.lock.Unlock()
		return 0, io.EOF
	})
	if err := Reap(ended, f.path); err != nil || exists(s.Dir) {
		t.Errorf("left: %v, %v", exists(s.Dir), err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }

func TestTheReaperHasNothingToDoAfterAGoodEnd(t *testing.T) {
	f, s := newState(t, t.TempDir(), testID)
	f.remove()
	if err := Reap(strings.NewReader(""), f.path); err != nil || !exists(s.Dir) {
		t.Errorf("touched: %v, %v", !exists(s.Dir), err)
	}
}

func TestAReaperIsDismissed(t *testing.T) {
	exe, log := fakePodman(t, "cat; echo end >>\"$2\"")
	mark := filepath.Join(t.TempDir(), "mark")
	r, err := startReaper(exe, mark, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.dismiss()
	if got, _ := os.ReadFile(log); string(got) != "reap "+mark+"\n" {
		t.Errorf("started with %q", got)
	}
	if got, _ := os.ReadFile(mark); string(got) != "end\n" {
		t.Errorf("dismiss has not waited: %q", got)
	}
	if _, err := startReaper(filepath.Join(t.TempDir(), "none"), mark, nil); err == nil {
		t.Error("a reaper that is not there was started")
	}
}

// A request for the proxy container may be carried out after its lazybuild's
// death, and so after the container's removal.
func TestAContainerThatIsMadeLateIsRemoved(t *testing.T) {
	const rm = "rm --force --ignore --time 5 lazybuild-0123456789ab-cdef"
	died := func(t *testing.T) (State, func() int) {
		_, s := newState(t, t.TempDir(), testID)
		s.PID, s.PIDStart, s.Global = os.Getpid(), 1, nil
		var log string
		s.Podman, log = fakePodman(t, "")
		return s, func() int {
			text, err := os.ReadFile(log)
			if err != nil {
				t.Fatal(err)
			}
			return strings.Count(string(text), rm)
		}
	}
	service := func(s State, id BuildID) int {
		sock := "unix://" + socketPath(filepath.Dir(s.Dir), id)
		cmd, _ := started(t, &exec.Cmd{Path: "/bin/sh", Args: []string{"podman", "-c", "echo ready; read x", "system", "service", sock}})
		return cmd.Process.Pid
	}
	t.Run("by the build's own service, which is ended", func(t *testing.T) {
		s, removals := died(t)
		own, other := service(s, testID), service(s, otherID)
		if err := cleanup(context.Background(), &s, true); err != nil || removals() != 1 {
			t.Errorf("%d removals, %v", removals(), err)
		}
		if processStart(own) != 0 || processStart(other) == 0 {
			t.Errorf("the build's service runs: %v, another's: %v", processStart(own) != 0, processStart(other) != 0)
		}
	})
	t.Run("by its service, before it has a directory", func(t *testing.T) {
		s, removals := died(t)
		own := service(s, testID)
		s.Sock, s.Dir = socketPath(filepath.Dir(s.Dir), testID), ""
		if err := cleanup(context.Background(), &s, true); err != nil || removals() != 1 || processStart(own) != 0 {
			t.Errorf("%d removals, %v, its service runs: %v", removals(), err, processStart(own) != 0)
		}
	})
	t.Run("when nobody has answered", func(t *testing.T) {
		s, removals := died(t)
		s.PIDStart, s.Late = processStart(s.PID), true
		if err := cleanup(context.Background(), &s, true); err != nil || removals() != 2 {
			t.Errorf("%d removals, %v", removals(), err)
		}
	})
	t.Run("by somebody's service", func(t *testing.T) {
		s, removals := died(t)
		if err := cleanup(context.Background(), &s, true); err != nil || removals() != 2 {
			t.Errorf("%d removals, %v", removals(), err)
		}
	})
	t.Run("never, when podman build ran already", func(t *testing.T) {
		s, removals := died(t)
		s.Child, s.ChildStart = 1<<22+1, 1
		if err := cleanup(context.Background(), &s, true); err != nil || removals() != 1 {
			t.Errorf("%d removals, %v", removals(), err)
		}
	})
	t.Run("never, when lazybuild lives", func(t *testing.T) {
		s, removals := died(t)
		s.PIDStart = processStart(s.PID)
		if err := cleanup(context.Background(), &s, true); err != nil || removals() != 1 {
			t.Errorf("%d removals, %v", removals(), err)
		}
	})
}
