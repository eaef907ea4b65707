//go:build linux

package mount

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// A fakeSource has the content of a file when a test delivers it.
type fakeSource struct {
	t      testing.TB
	dir    string
	expand func(context.Context, *tree.Dir) ([]tree.File, error)

	mu       sync.Mutex
	contents map[string]*fakeContent
}

type fakeContent struct {
	waiting chan struct{} // one value per Wait that had to block
	sizing  chan struct{} // one value per Size that had to block
	closed  chan struct{} // one value per Close

	mu     sync.Mutex
	opens  int
	size   int64 // what Source.Size knows
	origin chan struct{}
	length int64 // what the origin has stated
	done   chan struct{}
	path   string
	err    error
}

func newFakeSource(t testing.TB) *fakeSource {
	return &fakeSource{t: t, dir: t.TempDir(), contents: map[string]*fakeContent{}}
}

func (s *fakeSource) content(path string) *fakeContent {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.contents[path]
	if c == nil {
		c = &fakeContent{
			waiting: make(chan struct{}, 100), sizing: make(chan struct{}, 100), closed: make(chan struct{}, 100000),
			size: tree.SizeUnknown, origin: make(chan struct{}), done: make(chan struct{}),
		}
		s.contents[path] = c
	}
	return c
}

// deliver ends the download of a file with success.
func (s *fakeSource) deliver(path, data string) {
	s.t.Helper()
	c := s.content(path)
	c.path = filepath.Join(s.dir, digest.FromBytes([]byte(path)).Hex()) // by path: no file is written twice
	if err := os.WriteFile(c.path, []byte(data), 0o444); err != nil {
		s.t.Fatal(err)
	}
	close(c.done)
}

// fail ends the download of a file with an error.
func (s *fakeSource) fail(path string, err error) {
	c := s.content(path)
	c.err = err
	close(c.done)
}

// state says how long a file is, as the origin's header does before the content.
func (s *fakeSource) state(path string, length int64) {
	c := s.content(path)
	c.length = length
	close(c.origin)
}

func (s *fakeSource) opens(path string) int {
	c := s.content(path)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.opens
}

func (s *fakeSource) totalOpens() int {
	s.mu.Lock()
	var all []string
	for path := range s.contents {
		all = append(all, path)
	}
	s.mu.Unlock()
	sum := 0
	for _, path := range all {
		sum += s.opens(path)
	}
	return sum
}

func (s *fakeSource) Size(f *tree.File) (int64, bool) {
	c := s.content(f.Path)
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.size, c.size >= 0
}

func (s *fakeSource) Open(f *tree.File) Blob {
	c := s.content(f.Path)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.opens++
	return &fakeBlob{c: c}
}

func (s *fakeSource) Expand(ctx context.Context, d *tree.Dir) ([]tree.File, error) {
	return s.expand(ctx, d)
}

type fakeBlob struct {
	c    *fakeContent
	mu   sync.Mutex
	file *os.File
}

func (b *fakeBlob) Ready() *os.File {
	select {
	case <-b.c.done:
		f, _ := b.open()
		return f
	default:
		return nil
	}
}

func (b *fakeBlob) open() (*os.File, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.c.err != nil {
		return nil, b.c.err
	}
	if b.file == nil {
		var err error
		if b.file, err = os.Open(b.c.path); err != nil {
			return nil, err
		}
	}
	return b.file, nil
}

func (b *fakeBlob) Wait(ctx context.Context) (*os.File, error) {
	select {
	case <-b.c.done:
	default:
		b.c.waiting <- struct{}{}
		select {
		case <-b.c.done:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
	return b.open()
}

func (b *fakeBlob) Size(ctx context.Context) (int64, error) {
	b.c.sizing <- struct{}{}
	select {
	case <-b.c.origin:
		return b.c.length, nil
	case <-b.c.done:
		return 0, b.c.err
	case <-ctx.Done():
		return 0, ctx.Err()
	}
}

func (b *fakeBlob) Close() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.file != nil {
		b.file.Close()
	}
	b.c.closed <- struct{}{}
}

// recorder is an Observer that tests can wait for.
type recorder struct {
	events chan string
}

func newRecorder() *recorder { return &recorder{events: make(chan string, 100000)} }

func (r *recorder) Opened(f *tree.File)                  { r.events <- "opened " + f.Path }
func (r *recorder) Waited(f *tree.File, _ time.Duration) { r.events <- "waited " + f.Path }
func (r *recorder) Failed(f *tree.File, err error) {
	r.events <- fmt.Sprintf("failed %s: %v", f.Path, err)
}

// drain returns what has happened so far.
func (r *recorder) drain() []string {
	var all []string
	for {
		select {
		case e := <-r.events:
			all = append(all, e)
		default:
			return all
		}
	}
}

// file makes a tree.File whose digest is that of data.
func file(path, data string) tree.File {
	return tree.File{Path: path, Size: int64(len(data)), Digest: digest.FromBytes([]byte(data))}
}

// unsized is a file whose lock states no size.
func unsized(path, data string) tree.File {
	f := file(path, data)
	f.Size = tree.SizeUnknown
	return f
}

// testMount is a mounted tree with its fake source.
type testMount struct {
	*Mount
	dir string
	src *fakeSource
	rec *recorder
}

func (m *testMount) path(name string) string { return filepath.Join(m.dir, name) }

// mountTree mounts files; the test's end unmounts and checks that every Blob was closed.
func mountTree(t testing.TB, o Options, tr *tree.Tree) *testMount {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "mnt")
	if err := os.Mkdir(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	// Temporary directories are 0700: other users could not get to the mount.
	if err := os.Chmod(filepath.Dir(filepath.Dir(dir)), 0o755); err != nil {
		t.Fatal(err)
	}
	src, rec := newFakeSource(t), newRecorder()
	if o.ID == "" {
		o.ID = "test"
	}
	o.AllowOther, o.Observer, o.ProbeDir = true, rec, src.dir
	m, err := Start(dir, tr, src, o)
	if err != nil {
		t.Fatalf("these tests need FUSE and the right to mount: %v", err)
	}
	tm := &testMount{Mount: m, dir: m.Dir(), src: src, rec: rec}
	t.Cleanup(func() {
		if err := m.Unmount(); err != nil {
			t.Error(err)
		}
		tm.checkClosed(t)
	})
	return tm
}

func (m *testMount) checkClosed(t testing.TB) {
	t.Helper()
	m.src.mu.Lock()
	defer m.src.mu.Unlock()
	for path, c := range m.src.contents {
		if len(c.closed) != c.opens {
			t.Errorf("%s: opened %d times, closed %d times", path, c.opens, len(c.closed))
		}
	}
}

func files(fs ...tree.File) *tree.Tree { return &tree.Tree{Files: fs} }
