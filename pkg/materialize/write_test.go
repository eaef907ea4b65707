package materialize

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/content"
	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/store"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// heard keeps the events that a user would see.
type heard struct {
	mu     sync.Mutex
	events []wire.Event
}

func (h *heard) Send(ev wire.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, ev)
}

// world is an origin, a store and a directory to write to.
type world struct {
	t      *testing.T
	dir    string
	store  *store.Store
	origin *httptest.Server
	asked  atomic.Int32
	heard  heard

	mu     sync.Mutex
	bodies map[string]string
}

func newWorld(t *testing.T) *world {
	w := &world{t: t, dir: filepath.Join(t.TempDir(), "out"), bodies: map[string]string{}}
	w.origin = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.asked.Add(1)
		w.mu.Lock()
		body, ok := w.bodies[r.URL.Path]
		w.mu.Unlock()
		if !ok {
			http.NotFound(rw, r)
			return
		}
		_, _ = rw.Write([]byte(body))
	}))
	t.Cleanup(w.origin.Close)
	var err error
	if w.store, err = store.Open(t.TempDir(), store.Options{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { w.store.Close() })
	return w
}

func (w *world) file(name, body string) tree.File {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.bodies["/"+name] = body
	return tree.File{Path: name, Size: tree.SizeUnknown, Digest: digest.FromBytes([]byte(body)), URLs: []string{w.origin.URL + "/" + name}, Fits: true}
}

// write runs Write with everything new but the store and the directory.
func (w *world) write(o Options, files ...tree.File) (Result, error) {
	w.t.Helper()
	t, err := tree.Build([]tree.Input{{Type: "npm", Lock: "lock"}}, files, nil)
	if err != nil {
		w.t.Fatal(err)
	}
	src, err := content.New(w.t.Context(), t, content.Options{Store: w.store, Events: &w.heard, AllowUnverified: "weak"})
	if err != nil {
		w.t.Fatal(err)
	}
	defer src.Close()
	o.Dir = w.dir
	w.asked.Store(0)
	return Write(w.t.Context(), t, src, o)
}

func (w *world) must(o Options, files ...tree.File) Result {
	w.t.Helper()
	r, err := w.write(o, files...)
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// there lists all files below the directory with their content.
func (w *world) there() string {
	w.t.Helper()
	var all []string
	err := filepath.WalkDir(w.dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == manifestName {
			return err
		}
		data, err := os.ReadFile(path)
		rel, _ := filepath.Rel(w.dir, path)
		all = append(all, rel+"="+string(data))
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return strings.Join(all, " ")
}

func TestTreeIsWrittenOnce(t *testing.T) {
	w := newWorld(t)
	files := func() []tree.File {
		return []tree.File{w.file("deps/npm/a.tgz", "content of a"), w.file("deps/npm/b.tgz", ""), {Path: "env", Content: []byte("made")}}
	}
	if r := w.must(Options{}, files()...); r != (Result{Files: 3, Written: 3, Bytes: 16}) {
		t.Errorf("%+v", r)
	}
	const want = "deps/npm/a.tgz=content of a deps/npm/b.tgz= env=made"
	if got := w.there(); got != want {
		t.Errorf("%s", got)
	}
	a := w.file("deps/npm/a.tgz", "content of a")
	fi, err := os.Stat(filepath.Join(w.dir, a.Path))
	if err != nil || fi.Mode() != 0o644 || !fi.ModTime().Equal(a.Mtime()) {
		t.Errorf("%v %v", fi, err)
	}
	for name, o := range map[string]Options{"trusting": {}, "checking": {Check: true}} {
		if r := w.must(o, files()...); r != (Result{Files: 3, Bytes: 16}) || w.asked.Load() != 0 {
			t.Errorf("%s: %+v, %d requests", name, r, w.asked.Load())
		}
	}
	if got := w.there(); got != want {
		t.Errorf("%s", got)
	}
}

// Shows S63.
func TestWhatTheTreeNoLongerHasIsRemovedAndNothingElse(t *testing.T) {
	w := newWorld(t)
	a, b := w.file("deps/a", "1"), w.file("old/deep/b", "2")
	w.must(Options{}, a, b)
	if err := os.WriteFile(filepath.Join(w.dir, "deps/mine"), []byte("own"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := w.must(Options{}, a); r.Removed != 1 {
		t.Errorf("%+v", r)
	}
	if got := w.there(); got != "deps/a=1 deps/mine=own" {
		t.Errorf("%s", got)
	}
	if _, err := os.Stat(filepath.Join(w.dir, "old")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("an empty directory is left: %v", err)
	}
}

func TestAPartOfTheTreeLeavesTheRestAsItIs(t *testing.T) {
	w := newWorld(t)
	a, b := w.file("a", "1"), w.file("b", "2")
	w.must(Options{}, a)
	r := w.must(Options{Keep: func(f *tree.File) bool { return f.Path == "b" }}, a, b)
	if r.Files != 1 || r.Removed != 0 || w.there() != "a=1 b=2" {
		t.Errorf("%+v %s", r, w.there())
	}
}

// Shows S62.
func TestChangedFileIsWrittenAnew(t *testing.T) {
	for name, spoil := range map[string]func(string) error{
		"another size":       func(p string) error { return os.WriteFile(p, []byte("x"), 0o644) },
		"the same size":      func(p string) error { return os.WriteFile(p, []byte("evil"), 0o644) },
		"a link elsewhere":   func(p string) error { return errors.Join(os.Remove(p), os.Symlink("/etc/passwd", p)) },
		"no longer there":    os.Remove,
		"half of a download": func(p string) error { return os.Truncate(p, 2) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			a := w.file("a", "good")
			w.must(Options{}, a)
			if err := spoil(filepath.Join(w.dir, "a")); err != nil {
				t.Fatal(err)
			}
			if r := w.must(Options{}, a); r.Written != 1 || w.there() != "a=good" {
				t.Errorf("%+v %s", r, w.there())
			}
		})
	}
}

func TestCheckFindsWhatSizeAndTimeDoNotTell(t *testing.T) {
	w := newWorld(t)
	a := w.file("a", "good")
	w.must(Options{}, a)
	path := filepath.Join(w.dir, "a")
	if err := errors.Join(os.WriteFile(path, []byte("evil"), 0o644), os.Chtimes(path, a.Mtime(), a.Mtime())); err != nil {
		t.Fatal(err)
	}
	if r := w.must(Options{Check: true}, a); r.Written != 1 || w.there() != "a=good" {
		t.Errorf("%+v %s", r, w.there())
	}
}

// Shows S62.
func TestOneFailureDoesNotKeepTheOthers(t *testing.T) {
	w := newWorld(t)
	bad, good := w.file("bad", "good"), w.file("good", "2")
	w.bodies["/bad"] = "evil"
	_, err := w.write(Options{}, bad, good)
	var failed *FailedError
	if !errors.As(err, &failed) || failed.Files != 1 {
		t.Fatalf("%v", err)
	}
	if got := w.there(); got != "good=2" {
		t.Errorf("%s", got)
	}
	if len(w.heard.events) == 0 || w.heard.events[len(w.heard.events)-1].Kind != wire.Failed {
		t.Errorf("the user hears %+v", w.heard.events)
	}
	w.mu.Lock()
	w.bodies["/bad"] = "good"
	w.mu.Unlock()
	if r := w.must(Options{}, bad, good); r.Written != 1 || w.there() != "bad=good good=2" {
		t.Errorf("afterwards: %+v %s", r, w.there())
	}
}

// Shows S63.
func TestNothingIsWrittenOutside(t *testing.T) {
	w := newWorld(t)
	outside := t.TempDir()
	if err := errors.Join(os.MkdirAll(w.dir, 0o755), os.Symlink(outside, filepath.Join(w.dir, "deps"))); err != nil {
		t.Fatal(err)
	}
	if _, err := w.write(Options{}, w.file("deps/a", "1")); err == nil {
		t.Error("no error")
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("%v", left)
	}
}

// Shows S62.
func TestKilledRunIsContinuedAndSweptUp(t *testing.T) {
	w := newWorld(t)
	a, b := w.file("deps/a", "1"), w.file("deps/b", "2")
	// What a run leaves that dies after the first file.
	ctx, cancel := context.WithCancelCause(t.Context())
	tr, err := tree.Build([]tree.Input{{Type: "npm"}}, []tree.File{a, b}, nil)
	if err != nil {
		t.Fatal(err)
	}
	src, err := content.New(ctx, tr, content.Options{Store: w.store, Events: &w.heard, AllowUnverified: "weak"})
	if err != nil {
		t.Fatal(err)
	}
	enough := errors.New("enough")
	_, err = Write(ctx, tr, src, Options{Dir: w.dir, Jobs: 1, Done: func(*tree.File, int64, bool) { cancel(enough) }})
	src.Close()
	if !errors.Is(err, enough) {
		t.Fatalf("%v", err)
	}
	if err := os.WriteFile(filepath.Join(w.dir, "deps", tmpPrefix+"X"), []byte("half"), 0o644); err != nil {
		t.Fatal(err)
	}
	if r := w.must(Options{}, a, b); r.Files != 2 || r.Written != 1 {
		t.Errorf("%+v", r)
	}
	if got := w.there(); got != "deps/a=1 deps/b=2" {
		t.Errorf("%s", got)
	}
}

func TestSecondRunAtOnceIsRefused(t *testing.T) {
	w := newWorld(t)
	if err := os.MkdirAll(w.dir, 0o755); err != nil {
		t.Fatal(err)
	}
	root, err := os.OpenRoot(w.dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	unlock, err := lock(root)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.write(Options{}, w.file("a", "1")); err == nil || !strings.Contains(err.Error(), "another lazybuild") {
		t.Errorf("%v", err)
	}
	unlock()
	w.must(Options{}, w.file("a", "1"))
}

// Shows S63.
func TestForeignManifestRemovesNothing(t *testing.T) {
	for _, data := range []string{"", "{}", `{"version":1,"files":["../mine"]}`, `{"version":9,"files":["mine"]}`, "nonsense"} {
		w := newWorld(t)
		mine := filepath.Join(w.dir, "mine")
		if err := errors.Join(os.MkdirAll(w.dir, 0o755), os.WriteFile(mine, nil, 0o644), os.WriteFile(filepath.Join(w.dir, manifestName), []byte(data), 0o644)); err != nil {
			t.Fatal(err)
		}
		w.must(Options{}, w.file("a", "1"))
		if _, err := os.Stat(mine); err != nil {
			t.Errorf("%s: %v", data, err)
		}
	}
}

func TestLinksShareTheStoresBlob(t *testing.T) {
	w := newWorld(t)
	a := w.file("a", "content")
	// The store and the directory are on one file system.
	if r := w.must(Options{Link: true}, a); r.Written != 1 {
		t.Errorf("%+v", r)
	}
	one, err := os.Stat(filepath.Join(w.dir, "a"))
	if err != nil || one.Mode().Perm() != 0o444 {
		t.Fatalf("%v %v", one, err)
	}
	blob, _, err := w.store.Get(a.Digest)
	if err != nil {
		t.Fatal(err)
	}
	defer blob.Close()
	if two, err := blob.Stat(); err != nil || !os.SameFile(one, two) {
		t.Errorf("it is a copy (%v)", err)
	}
	if r := w.must(Options{Link: true}, a); r.Written != 0 {
		t.Errorf("again: %+v", r)
	}
}

func BenchmarkWrite(b *testing.B) {
	s, err := store.Open(b.TempDir(), store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var files []tree.File
	for i := range 500 {
		body := []byte(strings.Repeat(fmt.Sprint(i), 10_000))
		if _, err := s.PutBytes(b.Context(), body); err != nil {
			b.Fatal(err)
		}
		files = append(files, tree.File{Path: fmt.Sprintf("deps/npm/p%d", i), Size: int64(len(body)), Digest: digest.FromBytes(body)})
	}
	tr, err := tree.Build([]tree.Input{{Type: "npm"}}, files, nil)
	if err != nil {
		b.Fatal(err)
	}
	src, err := content.New(b.Context(), tr, content.Options{Store: s, Events: &heard{}})
	if err != nil {
		b.Fatal(err)
	}
	defer src.Close()
	for name, fresh := range map[string]bool{"fresh": true, "again": false} {
		b.Run(name, func(b *testing.B) {
			dir := b.TempDir()
			for b.Loop() {
				if fresh {
					dir = b.TempDir()
				}
				if _, err := Write(b.Context(), tr, src, Options{Dir: dir}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
