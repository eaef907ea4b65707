package materialize

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"go.uber.org/goleak"

	"github.com/lazybuild/lazybuild/pkg/content"
	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/store"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// The test binary can be a process that writes a tree: <store> <dir>.
func TestMain(m *testing.M) {
	if os.Getenv("MATERIALIZE_TEST_CHILD") != "" {
		if err := childWrite(os.Args[1], os.Args[2]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

type silent struct{}

func (silent) Send(wire.Event) {}

// childWrite writes one tree and then another one over it, so that there is
// something to write, to leave and to remove.
func childWrite(dir, out string) error {
	s, err := store.Open(dir, store.Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	for _, names := range [][]string{{"a", "sub/gone", "gone"}, {"a", "sub/b", "c"}} {
		var files []tree.File
		for _, name := range names {
			data := []byte("content of " + name)
			if _, err := s.PutBytes(context.Background(), data); err != nil {
				return err
			}
			files = append(files, tree.File{Path: name, Size: int64(len(data)), Digest: digest.FromBytes(data)})
		}
		t, err := tree.Build([]tree.Input{{Type: "generic"}}, files, nil)
		if err != nil {
			return err
		}
		src, err := content.New(context.Background(), t, content.Options{Store: s, Events: silent{}})
		if err != nil {
			return err
		}
		_, err = Write(context.Background(), t, src, Options{Dir: out, Jobs: 1})
		src.Close()
		if err != nil {
			return err
		}
	}
	return nil
}

// A run that is killed, or whose disk fails or is full, before or after any step
// leaves no file that is not whole under its name, and the next run leaves
// exactly its tree.
//
// Shows S62.
func TestKillAtEveryStep(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "materialize.test")
	if out, err := exec.Command("go", "test", "-c", "-tags", "failpoint", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("building with failpoints: %v\n%s", err, out)
	}
	count := stepsOf(t, binary)
	if len(count) != 14 {
		t.Errorf("%d steps: %v", len(count), count)
	}
	for name, n := range count {
		for at := 1; at <= n; at++ {
			for _, action := range []string{"kill", "eio", "enospc"} {
				t.Run(fmt.Sprintf("%s@%d %s", name, at, action), func(t *testing.T) {
					dir := t.TempDir()
					err := child(t, binary, dir, fmt.Sprintf("LAZYBUILD_FAILPOINT=%s=%s@%d", name, action, at))
					wantEnd(t, err, action)
					got := wantWhole(t, filepath.Join(dir, "out"))
					if action != "kill" && err == nil && !slices.Equal(got, inTree) {
						t.Errorf("a run that says it is good leaves %v", got)
					}
					if err := child(t, binary, dir); err != nil {
						t.Fatalf("the next run: %v", err)
					}
					if got := wantWhole(t, filepath.Join(dir, "out")); !slices.Equal(got, inTree) {
						t.Errorf("the next run leaves %v", got)
					}
				})
			}
		}
	}
}

// inTree is what a whole run leaves.
var inTree = []string{"a", "c", "sub/b"}

// child runs this test's program as a process of its own.
func child(t *testing.T, binary, dir string, env ...string) error {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), binary, filepath.Join(dir, "store"), filepath.Join(dir, "out"))
	cmd.Env = append(append(os.Environ(), "MATERIALIZE_TEST_CHILD=1"), env...)
	out, err := cmd.CombinedOutput()
	if err != nil && len(out) > 0 {
		err = fmt.Errorf("%w\n%s", err, out)
	}
	return err
}

// stepsOf counts how often an undisturbed run comes to each step. The store has
// a loop of its own.
func stepsOf(t *testing.T, binary string) map[string]int {
	t.Helper()
	log := filepath.Join(t.TempDir(), "log")
	if err := child(t, binary, t.TempDir(), "LAZYBUILD_FAILPOINT_LOG="+log); err != nil {
		t.Fatalf("undisturbed: %v", err)
	}
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, name := range strings.Fields(string(data)) {
		if strings.HasPrefix(name, "file.") || strings.HasPrefix(name, "manifest.") {
			count[name]++
		}
	}
	return count
}

// wantEnd checks how a child has ended: killed, or with the disk's error, or
// well, where there was another way.
func wantEnd(t *testing.T, err error, action string) {
	t.Helper()
	exit, died := errors.AsType[*exec.ExitError](err)
	killed := died && exit.Sys().(syscall.WaitStatus).Signal() == syscall.SIGKILL
	if killed != (action == "kill") {
		t.Fatalf("%s: ended with %v", action, err)
	}
	if err != nil && !killed && !strings.Contains(err.Error(), "failpoint") {
		t.Errorf("the cause is not in %v", err)
	}
}

// wantWhole checks each file that stands under a name of its own, and returns
// all names, those of what is unfinished too.
func wantWhole(t *testing.T, dir string) []string {
	t.Helper()
	var names []string
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) || d != nil && (d.IsDir() || d.Name() == manifestName) {
			return nil
		}
		rel, _ := filepath.Rel(dir, path)
		names = append(names, rel)
		if strings.HasPrefix(d.Name(), tmpPrefix) {
			return err
		}
		if data, err := os.ReadFile(path); err != nil || string(data) != "content of "+rel {
			t.Errorf("%s holds %q (%v)", rel, data, err)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	return names
}
