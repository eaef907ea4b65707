package orchestrator

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// newState is a build that lives: its state, locked, and its directories.
func newState(t *testing.T, base string, id BuildID) (*stateFile, State) {
	t.Helper()
	s := State{
		ID: id, Created: time.Unix(1700000000, 0).UTC(), PID: 4, Podman: "/bin/true", Global: []string{"--root", "/r"},
		Dir: filepath.Join(base, string(id)), Scratch: filepath.Join(base, "store", string(id)),
		Tmp: filepath.Join(base, "tmp", id.container()), Storage: mkdir(t, filepath.Join(base, "storage")),
	}
	f, err := createState(base, s)
	if err != nil {
		t.Fatal(err)
	}
	for _, dir := range []string{s.Dir, s.Scratch, s.Tmp} {
		writeFile(t, filepath.Join(mkdir(t, dir), "file"), "x")
	}
	return f, s
}

// dies is what the kernel does to the lock of a process that has ended.
func dies(t *testing.T, f *stateFile) {
	t.Helper()
	if err := f.lock.Unlock(); err != nil {
		t.Fatal(err)
	}
}

func TestALivingBuildsStateIsNotTakenOver(t *testing.T) {
	base := t.TempDir()
	f, s := newState(t, base, testID)
	if g, _ := takeOver(f.path); g != nil {
		t.Fatal("taken over while its owner lives")
	}
	if _, err := createState(base, s); err == nil {
		t.Fatal("two builds have one state")
	}
	dies(t, f)
	g, got := takeOver(f.path)
	if g == nil {
		t.Fatal("a dead build's state was not taken over")
	}
	if d := cmp.Diff(&s, got); d != "" {
		t.Error(d)
	}
	if h, _ := takeOver(f.path); h != nil {
		t.Error("two clean up one build")
	}
	g.remove()
	if left, _ := os.ReadDir(stateDir(base)); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}

// Podman says where its storage is while the build goes on, and may say it when
// the state is no longer the build's.
func TestTheStorageIsNotedBesideTheBuild(t *testing.T) {
	f, s := newState(t, t.TempDir(), testID)
	s.Storage = ""
	stored := func() State {
		t.Helper()
		got, err := readState(f.path)
		if err != nil {
			t.Fatal(err)
		}
		return *got
	}
	if err := f.write(s); err != nil {
		t.Fatal(err)
	}
	if err := f.noteStorage("/storage"); err != nil {
		t.Fatal(err)
	}
	s.Child = 17
	if got := stored(); got.Storage != "/storage" || got.Child != 0 {
		t.Errorf("noted %+v", got)
	}
	if err := f.write(s); err != nil {
		t.Fatal(err)
	}
	if got := stored(); got.Storage != "/storage" || got.Child != 17 {
		t.Errorf("written %+v", got)
	}
	if got := f.end(); got != "/storage" {
		t.Errorf("known at the end: %q", got)
	}
	f.remove()
	if err := f.noteStorage("/late"); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(f.path); err == nil {
		t.Error("the state is there again after its end")
	}
}

// The lock stays with the build while its state is replaced.
func TestANewStateKeepsTheLock(t *testing.T) {
	f, s := newState(t, t.TempDir(), testID)
	s.Child, s.ChildStart = 17, 18
	if err := f.write(s); err != nil {
		t.Fatal(err)
	}
	if g, _ := takeOver(f.path); g != nil {
		t.Fatal("the lock went with the old state")
	}
	dies(t, f)
	if _, got := takeOver(f.path); got == nil || got.Child != 17 || got.ChildStart != 18 {
		t.Errorf("got %+v", got)
	}
}

func TestRemovingAStateRemovesItsSocketToo(t *testing.T) {
	base := t.TempDir()
	f, _ := newState(t, base, testID)
	writeFile(t, socketPath(base, testID), "")
	f.remove()
	if left, _ := os.ReadDir(stateDir(base)); len(left) > 0 {
		t.Errorf("%v are left", left)
	}
}

func TestRemovingAStateRemovesWhatAKillHasLeftOfIt(t *testing.T) {
	base := t.TempDir()
	f, _ := newState(t, base, testID)
	if entries, _ := os.ReadDir(stateDir(base)); len(entries) != 2 { // the state and its lock
		t.Errorf("a new state has %v", entries)
	}
	writeFile(t, filepath.Join(stateDir(base), "."+filepath.Base(f.path)+"12345"), "{")
	other := filepath.Join(stateDir(base), ".0123456789ab-0000.json12345")
	writeFile(t, other, "{")
	f.remove()
	entries, err := os.ReadDir(stateDir(base))
	if err != nil || len(entries) != 1 || entries[0].Name() != filepath.Base(other) {
		t.Errorf("left: %v %v", entries, err)
	}
}

func TestStatesAreForTheirUserOnly(t *testing.T) {
	base := t.TempDir()
	f, _ := newState(t, base, testID)
	for path, want := range map[string]os.FileMode{stateDir(base): 0o700, f.path: 0o600} {
		if info, err := os.Stat(path); err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: %v, %v", path, info.Mode(), err)
		}
	}
}

// A socket's path has at most 107 bytes (unix(7)).
func TestTheSocketFitsIntoAnAddress(t *testing.T) {
	if n := len(socketPath("/run/user/4294967295/lazybuild", testID)); n > 107 {
		t.Errorf("%d bytes", n)
	}
}

func TestAStateThatCannotBeTrustedIsThrownAway(t *testing.T) {
	for name, data := range map[string]string{
		"empty":         "",
		"cut":           `{"id":"0123456789ab-cdef","dir":"/et`,
		"no object":     "[]",
		"another build": `{"id":"` + string(otherID) + `"}`,
		"no ID":         `{"dir":"/etc"}`,
		"a path for ID": `{"id":"../../../etc"}`,
		"wrong types":   `{"id":1}`,
	} {
		base := t.TempDir()
		path := writeFile(t, filepath.Join(mkdir(t, stateDir(base)), string(testID)+".json"), data)
		if f, s := takeOver(path); f != nil {
			t.Errorf("%s: taken for %+v", name, s)
		}
		if left, _ := os.ReadDir(stateDir(base)); len(left) > 0 {
			t.Errorf("%s: %v are left", name, left)
		}
	}
}

func TestStateFilesAreTheOnlyOnesListed(t *testing.T) {
	base := t.TempDir()
	if got := stateFiles(base); got != nil {
		t.Errorf("a new base has %v", got)
	}
	f, _ := newState(t, base, testID)
	writeFile(t, socketPath(base, testID), "")
	if d := cmp.Diff([]string{f.path}, stateFiles(base)); d != "" {
		t.Error(d)
	}
}

// The names of a state's fields are what a newer lazybuild reads.
func TestAStateOnDisk(t *testing.T) {
	f, _ := newState(t, t.TempDir(), testID)
	data, err := os.ReadFile(f.path)
	if err != nil {
		t.Fatal(err)
	}
	var fields map[string]any
	if err := json.Unmarshal(data, &fields); err != nil {
		t.Fatal(err)
	}
	for _, name := range strings.Fields("id created pid podman global dir scratch tmp storage") {
		if _, ok := fields[name]; !ok {
			t.Errorf("no %s in %s", name, data)
		}
	}
	if len(fields) != 9 {
		t.Errorf("more than that in %s", data)
	}
}
