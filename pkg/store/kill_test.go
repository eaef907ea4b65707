package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// childScript does everything that changes a store, some of it twice: <store>.
// It can be run any number of times on one directory, and always ends well with
// the same contents.
func childScript(args []string) error {
	ctx := context.Background()
	clock := &clock{time.Now()}
	s, err := Open(args[0], Options{Now: clock.now})
	if err != nil {
		return err
	}
	defer s.Close()
	release, err := s.Pin(ctx, "script", digestsOf(testContent(10)))
	if err != nil {
		return err
	}
	for _, work := range []func(context.Context, *Store) error{
		scriptPuts, scriptBreak, scriptCorrupt, scriptPlant,
		func(ctx context.Context, s *Store) error { _, err := s.Verify(ctx, true); return err },
		func(ctx context.Context, s *Store) error {
			clock.advance(partialAge + time.Minute)
			_, _, err := s.AutoGC(ctx)
			return err
		},
		func(ctx context.Context, s *Store) error {
			_, err := s.GC(ctx, Policy{MaxAge: time.Hour})
			return err
		},
		scriptPuts,
	} {
		if err := work(ctx, s); err != nil {
			return err
		}
	}
	return release()
}

// scriptPuts puts contents by each kind of name, in several writes.
func scriptPuts(ctx context.Context, s *Store) error {
	var got []error
	keep := func(f *os.File, _ Info, err error) {
		if err == nil {
			f.Close()
		}
		got = append(got, err)
	}
	keep(s.Put(ctx, sha256Of(testContent(10)), 160, fillWith(testContent(10))))
	keep(s.Put(ctx, sha512Of(testContent(20)), SizeUnknown, func(_ context.Context, p *Partial) error {
		for rest := testContent(20)[p.Offset():]; rest != ""; {
			n := min(len(rest), 100)
			if _, err := io.WriteString(p, rest[:n]); err != nil {
				return err
			}
			rest = rest[n:]
		}
		return nil
	}))
	keep(s.Make(ctx, "recipe", func(_ context.Context, w io.Writer) error {
		_, err := io.WriteString(w, testContent(30))
		return err
	}))
	keep(s.Put(ctx, goZipOf(testZip()), SizeUnknown, fillWith(testZip())))
	keep(s.Put(ctx, goModOf(testContent(40)), SizeUnknown, fillWith(testContent(40))))
	got = append(got, s.SetFacts(sha512Of(testContent(20)), Facts{Size: 300}))
	return errors.Join(got...)
}

// scriptBreak leaves a partial, and throws one away.
func scriptBreak(ctx context.Context, s *Store) error {
	broken := errors.New("broken")
	_, _, err := s.Put(ctx, sha256Of("never whole"), SizeUnknown, func(_ context.Context, p *Partial) error {
		if err := p.Reset(); err != nil {
			return err
		}
		if _, err := io.WriteString(p, "never"); err != nil {
			return err
		}
		return broken
	})
	if !errors.Is(err, broken) {
		return err
	}
	_, _, err = s.Put(ctx, sha256Of("never right"), SizeUnknown, fillWith("something else"))
	if !errors.As(err, new(*MismatchError)) {
		return fmt.Errorf("wrong content: %w", err)
	}
	return nil
}

// scriptCorrupt damages a blob and lets the store find it.
func scriptCorrupt(_ context.Context, s *Store) error {
	blob := filepath.Join(s.Dir(), format, blobPath(sha256Of(testContent(30))))
	if err := os.Remove(blob); err != nil {
		return err
	}
	if err := os.WriteFile(blob, []byte("damaged"), 0o444); err != nil {
		return err
	}
	if _, _, err := s.GetKey("recipe"); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("a damaged blob: %w", err)
	}
	return nil
}

// scriptPlant leaves what a dead process would, and a stranger.
func scriptPlant(_ context.Context, s *Store) error {
	v1 := filepath.Join(s.Dir(), format)
	return errors.Join(os.WriteFile(filepath.Join(v1, pinDir, "dead"), nil, 0o600),
		os.WriteFile(filepath.Join(v1, "facts", "stray"), nil, 0o600))
}

// failpointBinary is this test binary built so that it dies where it is told to.
var failpointBinary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(scratch(), "store.test")
	out, err := exec.Command("go", "test", "-c", "-tags", "failpoint", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building with failpoints: %w\n%s", err, out)
	}
	return path, nil
})

type killer struct {
	binary string
	steps  []string // every step of the script, before and after, in order
}

func newKiller(t *testing.T) killer {
	t.Helper()
	binary, err := failpointBinary()
	if err != nil {
		t.Fatal(err)
	}
	k := killer{binary: binary}
	log := filepath.Join(tempDir(t), "log")
	if err := k.run(t, tempDir(t), "LAZYBUILD_FAILPOINT_LOG="+log); err != nil {
		t.Fatalf("the script fails undisturbed: %v", err)
	}
	data, err := os.ReadFile(log)
	if err != nil {
		t.Fatal(err)
	}
	k.steps = strings.Fields(string(data))
	return k
}

func (k killer) run(t *testing.T, dir string, env ...string) error {
	t.Helper()
	cmd := child(t, k.binary, "script", dir)
	cmd.Env = append(cmd.Env, env...)
	out, err := cmd.CombinedOutput()
	if err != nil && !killed(err) {
		return fmt.Errorf("%w\n%s", err, out)
	}
	return err
}

// The heart of the promise "nothing is ever lost or left": a process that dies
// before or after any step leaves a store that is good as it is, and in which the
// next process finds or makes everything.
//
// Shows S6.
func TestKillAtEveryStep(t *testing.T) {
	k := newKiller(t)
	count := make(map[string]int)
	for _, name := range k.steps {
		count[name]++
	}
	for _, name := range slices.Sorted(maps.Keys(count)) {
		// The first time and the last: a new store, and one in use.
		for _, n := range slices.Compact([]int{1, count[name]}) {
			t.Run(fmt.Sprintf("%s@%d", name, n), func(t *testing.T) {
				dir := tempDir(t)
				err := k.run(t, dir, fmt.Sprintf("LAZYBUILD_FAILPOINT=%s=kill@%d", name, n))
				if !killed(err) {
					t.Fatalf("the process ended with %v, want SIGKILL", err)
				}
				wantGoodAfterDeath(t, dir)
				if err := k.run(t, dir); err != nil {
					t.Fatalf("the next process: %v", err)
				}
				wantScriptDone(t, dir)
			})
		}
	}
}

// A kill does not lose what is in the page cache, so no kill shows what an fsync
// is for. The order of the steps is held here instead.
func TestABlobIsOnTheDiskBeforeItHasItsName(t *testing.T) {
	want := []string{"put.chmod", "put.reopen", "put.fsync", "put.rename", "facts.rename"}
	var got []string
	for _, step := range newKiller(t).steps {
		if name, ok := strings.CutSuffix(step, ".after"); ok && slices.Contains(want, name) {
			got = append(got, name)
		}
	}
	if len(got) < len(want) || !slices.Equal(got[:len(want)], want) {
		t.Errorf("the steps of a commit are %q, want %q", got[:min(len(got), len(want))], want)
	}
}

// Deaths one after another, in one store that never gets a rest.
//
// Shows S6.
func TestKillAtRandom(t *testing.T) {
	kills := 1000
	if s := os.Getenv("LAZYBUILD_KILLS"); s != "" { // make torture
		n, err := strconv.Atoi(s)
		if err != nil {
			t.Fatal(err)
		}
		kills = n
	}
	k := newKiller(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	dir := tempDir(t)
	for range kills {
		name := k.steps[r.IntN(len(k.steps))]
		err := k.run(t, dir, fmt.Sprintf("LAZYBUILD_FAILPOINT=%s=kill@%d", name, 1+r.IntN(3)))
		if err != nil && !killed(err) { // nil: there was less to do this time
			t.Fatalf("at %s: %v", name, err)
		}
		wantGoodAfterDeath(t, dir)
	}
	if err := k.run(t, dir); err != nil {
		t.Fatal(err)
	}
	wantScriptDone(t, dir)
}

// A write that fails is told, and leaves a good store too.
//
// Shows S6.
func TestFailAtEveryStep(t *testing.T) {
	k := newKiller(t)
	slices.Sort(k.steps)
	for _, name := range slices.Compact(k.steps) {
		errnos := []string{"eio"}
		if strings.HasPrefix(name, "put.") {
			errnos = append(errnos, "enospc") // which is an error of its own there
		}
		for _, errno := range errnos {
			t.Run(name+" "+errno, func(t *testing.T) {
				dir := tempDir(t)
				// It may end well: what can be made again is not worth an error.
				if err := k.run(t, dir, "LAZYBUILD_FAILPOINT="+name+"="+errno); killed(err) {
					t.Fatal(err)
				}
				wantGoodAfterDeath(t, dir)
				if err := k.run(t, dir); err != nil {
					t.Fatalf("the next process: %v", err)
				}
				wantScriptDone(t, dir)
			})
		}
	}
}

// wantGoodAfterDeath looks before anything could be repaired.
func wantGoodAfterDeath(t *testing.T, dir string) {
	t.Helper()
	s, err := Open(dir, Options{ReadOnly: true})
	if errors.Is(err, fs.ErrNotExist) {
		return // it died before there was a store
	}
	if err != nil {
		t.Error(err)
		return
	}
	defer s.Close()
	r, err := s.Verify(t.Context(), false)
	if err != nil {
		t.Error(err)
	}
	for _, p := range r.Problems {
		switch {
		case p.Path == blobPath(sha256Of(testContent(30))):
			// The script itself has damaged it, and died before it was found.
		case strings.HasSuffix(p.What, "does not say how long the blob is"):
			// It died between a blob and its facts, which can be made again.
		case p.Path == "facts/stray":
		default:
			t.Errorf("%s %s", p.Path, p.What)
		}
	}
}

// wantScriptDone checks that the script has reached its end and nothing is left.
func wantScriptDone(t *testing.T, dir string) {
	t.Helper()
	s, err := Open(dir, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for d, want := range map[digest.Digest]string{
		sha256Of(testContent(10)): testContent(10), sha512Of(testContent(20)): testContent(20),
		sha256Of(testContent(30)): testContent(30), goZipOf(testZip()): testZip(), goModOf(testContent(40)): testContent(40),
	} {
		f, _, err := s.Get(d)
		if err != nil {
			t.Errorf("%s: %v", d, err)
			continue
		}
		wantContent(t, f, want)
	}
	for _, d := range []digest.Digest{sha256Of("never whole"), sha256Of("never right"), sha256Of("something else")} {
		if _, err := s.Stat(d); err == nil {
			t.Errorf("%s is there", d)
		}
	}
	if _, err := s.GC(t.Context(), Policy{}); err != nil {
		t.Error(err)
	}
	wantVerified(t, s)
	for dir, want := range map[string]int{partialDir: 0, lockDir: 0, pinDir: 1} { // the gate
		if left := names(t, s, dir); len(left) != want {
			t.Errorf("left in %s: %q", dir, left)
		}
	}
}
