package orchestrator

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

func TestBuildsAreListedWithWhatTheyDo(t *testing.T) {
	base := t.TempDir()
	if list, err := List(filepath.Join(base, "nowhere")); err != nil || len(list) != 0 {
		t.Fatal(list, err)
	}
	f, _ := newState(t, base, testID)
	dead, _ := newState(t, base, otherID)
	now := time.Unix(1, 0)
	p := &progressFile{path: progressPath(f.path), now: func() time.Time { return now }}
	check := func(phase, waiting string, bytes int64) {
		t.Helper()
		list, err := List(base)
		if err != nil || len(list) != 2 {
			t.Fatal(list, err)
		}
		want := Live{ID: testID, Phase: phase, Created: list[0].Created, PID: 4, Waiting: waiting, Bytes: bytes, Active: list[0].Active, Files: list[0].Files}
		if d := cmp.Diff(want, list[0]); d != "" {
			t.Error(d)
		}
	}
	check(PhaseStarting, "", 0)
	p.enter(PhaseBuilding)
	check(PhaseBuilding, "", 0)
	now = now.Add(time.Second)
	p.update(&wire.Progress{Active: 1, Bytes: 10, Current: "deps/a"})
	check(PhaseBuilding, "deps/a", 10)
	p.update(&wire.Progress{Active: 2, Bytes: 11, Current: "deps/b"}) // too soon
	check(PhaseBuilding, "deps/a", 10)
	p.update(&wire.Progress{Files: 2, Bytes: 20}) // the last of a download is never too soon
	check(PhaseBuilding, "", 20)
	p.enter(PhaseEnding)
	check(PhaseEnding, "", 20)

	dies(t, dead)
	list, err := List(base)
	if err != nil || list[1].Phase != PhaseDead || list[0].Phase != PhaseEnding {
		t.Error(list, err)
	}
	f.remove()
	if exists(p.path) {
		t.Error("the progress is left")
	}
}

// A build that is being looked at must not be taken for dead, nor a dead one
// for living.
func TestLookingAtABuildDoesNotHoldItsLock(t *testing.T) {
	f, _ := newState(t, t.TempDir(), testID)
	if !lives(f.path) {
		t.Error("a living build is taken for dead")
	}
	dies(t, f)
	if lives(f.path) {
		t.Error("a dead build is taken for living")
	}
	if g, _ := takeOver(f.path); g == nil {
		t.Error("nobody can clean up any more")
	}
	os.Remove(f.path + ".lock")
	if lives(f.path) || exists(f.path+".lock") {
		t.Error("looking has made a lock")
	}
}

// dyingBuild is a lazybuild that ends at the given signal, and a state of which
// it holds the lock; cancelled says how Cancel went.
func dyingBuild(t *testing.T, script string) (base string, cancel func() (string, error)) {
	t.Helper()
	base = t.TempDir()
	f, s := newState(t, base, testID)
	cmd := exec.Command("bash", "-c", script)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if _, err := out.Read(make([]byte, 1)); err != nil { // its trap is set
		t.Fatal(err)
	}
	s.PID, s.PIDStart = cmd.Process.Pid, processStart(cmd.Process.Pid)
	if err := f.write(s); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = cmd.Wait()
		_ = f.lock.Unlock() // as the kernel does
	}()
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		<-ended
	})
	return base, func() (string, error) {
		var said strings.Builder
		err := Cancel(t.Context(), base, string(testID)[:5], NewUI(&said, false, false).Note)
		return said.String(), err
	}
}

// Shows S61.
func TestCancelWorksInEveryState(t *testing.T) {
	for name, tt := range map[string]struct{ script, said string }{
		"one that obeys":   {"echo; trap 'exit 130' TERM; while :; do sleep 0.01; done", "asked to end"},
		"one that stopped": {"trap 'exit 130' TERM; echo; kill -STOP $$; while :; do sleep 0.01; done", "asked to end"},
		"a dead one":       {"echo; kill -KILL $$", ""},
	} {
		t.Run(name, func(t *testing.T) {
			base, cancel := dyingBuild(t, tt.script)
			said, err := cancel()
			if err != nil {
				t.Fatal(err)
			}
			if !strings.Contains(said, tt.said) {
				t.Errorf("said %q", said)
			}
			if exists(filepath.Join(base, string(testID))) || len(stateFiles(base)) > 0 {
				t.Error("something is left")
			}
		})
	}
}

func TestCancelNamesWhatIsWrongWithAnID(t *testing.T) {
	base := t.TempDir()
	newState(t, base, testID)
	newState(t, base, BuildID(strings.Replace(string(testID), "cdef", "0000", 1)))
	for prefix, want := range map[string]string{
		"ffff": "there is no build", "": "there is no build", string(testID)[:6]: "2 builds begin with", "../x": "there is no build",
	} {
		err := Cancel(t.Context(), base, prefix, func(string, ...any) {})
		var usage *UsageError
		if !errors.As(err, &usage) || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", prefix, err)
		}
	}
}

func TestCancelNeverSignalsAnotherProcess(t *testing.T) {
	start := processStart(os.Getpid())
	for _, s := range []State{{}, {PID: 1}, {PID: os.Getpid()}, {PID: os.Getpid(), PIDStart: start + 1}} {
		if endCLI(&s, 0) {
			t.Errorf("%+v was signalled", s)
		}
	}
}

// Shows S61.
func TestDoctorFindsWhatIsLeftAndNothingElse(t *testing.T) {
	base := t.TempDir()
	store, tmp := filepath.Join(base, "store"), filepath.Join(base, "tmpdir")
	living, ls := newState(t, base, testID)
	dead, ds := newState(t, base, otherID)
	dies(t, dead)
	const gone, foreign = "0000000000aa-0001", "0000000000aa-0002"
	old := time.Unix(1000, 0) // before this machine's start
	mk := func(dir string, when time.Time) string {
		writeFile(t, filepath.Join(mkdir(t, dir), "file"), "x")
		if err := os.Chtimes(dir, when, when); err != nil {
			t.Fatal(err)
		}
		return dir
	}
	left := []string{mk(filepath.Join(base, gone), time.Now()), mk(filepath.Join(store, "scratch", gone), old), mk(filepath.Join(tmp, "lazybuild-"+gone), old), ds.Dir}
	kept := []string{ls.Dir, mk(filepath.Join(store, "scratch", foreign), time.Now()), mk(filepath.Join(tmp, "lazybuild-"+foreign), time.Now()),
		mk(filepath.Join(tmp, "lazybuild-mine"), old), mk(filepath.Join(tmp, "buildah123"), old)}
	for id, volume := range map[string]string{"theirs": "/srv/" + gone + "/output", "ours": base + "/" + gone + "/output", "living": ls.Dir + "/output"} {
		dir := mkdir(t, filepath.Join(base, "overlay-containers", id, "userdata"))
		writeFile(t, filepath.Join(dir, "buildah.json"), `{"build-volumes":["`+volume+`:/cachi2/output"]}`)
	}
	podman, log := fakePodman(t, `case "$*" in
"info --format {{.Store"*) printf '`+base+`\toverlay\n';;
"info "*) printf '5.4.2\tfalse\tfalse\toverlay\tcrun\t/s\n';;
"ps "*) echo '[{"Id":"proxy1","Labels":{"io.lazybuild.build":"`+gone+`"},"Mounts":["`+base+`"]},{"Id":"proxy2","Labels":{"io.lazybuild.build":"`+gone+`"},"Mounts":["/other"]}]';;
esac`)
	c := Checkup{Podman: podman, Base: base, Store: store, Tmp: tmp}

	problems := 0
	for _, f := range Doctor(context.Background(), c) {
		if f.Check == "leftovers" && f.Status == FindingFail {
			problems++
		}
	}
	if problems != 6 || !exists(left[0]) {
		t.Errorf("found %d leftovers, want 6", problems)
	}
	c.Fix = true
	for _, f := range Doctor(context.Background(), c) {
		if f.Check == "leftovers" && f.Status != FindingOK {
			t.Errorf("%+v", f)
		}
	}
	for _, dir := range left {
		if exists(dir) {
			t.Errorf("%s is left", dir)
		}
	}
	for _, dir := range kept {
		if !exists(filepath.Join(dir, "file")) {
			t.Errorf("%s was touched", dir)
		}
	}
	calls, _ := os.ReadFile(log)
	for _, id := range []string{"ours", "proxy1"} {
		if !strings.Contains(string(calls), "rm --force --ignore --time 5 "+id+"\n") {
			t.Errorf("container %s was not removed:\n%s", id, calls)
		}
	}
	if strings.Contains(string(calls), "5 theirs") || strings.Contains(string(calls), "5 living") || strings.Contains(string(calls), "5 proxy2") {
		t.Errorf("another container was removed:\n%s", calls)
	}
	living.remove()
}

func TestDoctorSaysWhatIsWrongWithPodman(t *testing.T) {
	for script, want := range map[string]string{
		`printf '5.4.2\ttrue\tfalse\toverlay\tcrun\t/s\n'`:  "ok rootless, local",
		`printf '4.2.0\tfalse\tfalse\toverlay\tcrun\t/s\n'`: "problem podman 4.2.0",
		`printf '10.0-dev\tfalse\ttrue\tvfs\tcrun\t/s\n'`:   "ok rootful, remote",
		`printf '5.0.0\tfalse\tfalse\tvfs\tcrun\t/s\n'`:     "warning with vfs",
		`echo 'cannot lock the database' >&2; exit 125`:     "problem cannot lock the database",
		`echo what`: "problem says",
	} {
		path, _ := fakePodman(t, script)
		f := checkPodmanInfo(context.Background(), &podman{path: path})
		status, text, _ := strings.Cut(want, " ")
		if f.Status != status || !strings.Contains(f.Text, text) {
			t.Errorf("%s: %+v, want %q", script, f, want)
		}
	}
	if f := Doctor(context.Background(), Checkup{Podman: "/no/such/podman", Base: t.TempDir()})[0]; f.Status != FindingFail || f.Hint == "" {
		t.Errorf("%+v", f)
	}
}

func TestDoctorSaysNothingOfThisMachineWhenPodmanIsElsewhere(t *testing.T) {
	for version, want := range map[string]string{
		both: "ok new enough",
		`{"Client":{"Version":"5.4.2"},"Server":{"Version":"4.3.1"}}`: "problem the podman service is version 4.3.1",
		`{"Client":{"Version":"4.5.0"},"Server":{"Version":"5.4.2"}}`: "problem podman on this machine is version 4.5.0",
	} {
		path, _ := fakePodman(t, `case "$*" in
"--url tcp://h:1 version --format json") echo '`+version+`' ;;
"--url tcp://h:1 info --format "*) printf '5.4.2\tfalse\ttrue\toverlay\tcrun\t/s\n' ;;
*) exit 1 ;;
esac`)
		found := Doctor(context.Background(), Checkup{Podman: path, Global: []string{"--url", "tcp://h:1"}, Base: t.TempDir()})
		var checks []string
		for _, f := range found {
			checks = append(checks, f.Check)
		}
		if got := strings.Join(checks, " "); got != "podman remote leftovers" {
			t.Errorf("%s: looked at %s", version, got)
			continue
		}
		status, text, _ := strings.Cut(want, " ")
		if f := found[1]; f.Status != status || !strings.Contains(f.Text, text) {
			t.Errorf("%s: %+v, want %q", version, f, want)
		}
	}
}

func TestDoctorLooksAtTheSysctlsOfFUSE(t *testing.T) {
	dir := t.TempDir()
	if f := checkTimeouts(dir); len(f) != 1 || f[0].Status != FindingOK {
		t.Errorf("%+v", f)
	}
	writeFile(t, filepath.Join(dir, "default_request_timeout"), "0\n")
	writeFile(t, filepath.Join(dir, "max_request_timeout"), "600\n")
	if f := checkTimeouts(dir); len(f) != 1 || f[0].Status != FindingWarn || !strings.Contains(f[0].Hint, "max_request_timeout=0") {
		t.Errorf("%+v", f)
	}
}
