package content

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/store"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// deaf are events that nobody hears.
type deaf struct{}

func (deaf) Send(wire.Event) {}

// origin is a server of small files. How programs meet a server that does
// everything wrong is pkg/proxy's to test.
type origin struct {
	*httptest.Server
	t testing.TB

	mu     sync.Mutex
	bodies map[string]string
	gates  map[string]chan struct{}
	asked  map[string]chan struct{} // closed at the first request
}

func newOrigin(t testing.TB) *origin {
	o := &origin{t: t, bodies: map[string]string{}, gates: map[string]chan struct{}{}, asked: map[string]chan struct{}{}}
	o.Server = httptest.NewServer(o)
	t.Cleanup(o.Close)
	return o
}

func (o *origin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	body, ok := o.bodies[r.URL.Path]
	gate := o.gates[r.URL.Path]
	if ok {
		select {
		case <-o.asked[r.URL.Path]:
		default:
			close(o.asked[r.URL.Path])
		}
	}
	o.mu.Unlock()
	if !ok {
		http.NotFound(w, r)
		return
	}
	if gate != nil {
		select {
		case <-gate:
		case <-r.Context().Done():
			return
		}
	}
	_, _ = w.Write([]byte(body))
}

// file has the origin serve a file, and locks it.
func (o *origin) file(name, body string) tree.File {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.bodies["/"+name], o.asked["/"+name] = body, make(chan struct{})
	return tree.File{Path: name, Size: int64(len(body)), Digest: digest.FromBytes([]byte(body)), URLs: []string{o.URL + "/" + name}}
}

// gated is file with a body that never comes.
func (o *origin) gated(name, body string) tree.File {
	f := o.file(name, body)
	o.mu.Lock()
	defer o.mu.Unlock()
	o.gates["/"+name] = make(chan struct{})
	return f
}

// waitFor waits until a file has been asked for.
func (o *origin) waitFor(path string) {
	o.t.Helper()
	select {
	case <-o.asked[path]:
	case <-time.After(30 * time.Second):
		o.t.Fatalf("%s was not asked for", path)
	}
}

func treeOf(t testing.TB, files ...tree.File) *tree.Tree {
	t.Helper()
	tr, err := tree.Build([]tree.Input{{Type: "npm", Lock: "lock"}}, files, nil)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// newTestSource has a store of its own, and reads ahead by groups when it is told to.
func newTestSource(t testing.TB, tr *tree.Tree) *Source {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	src, err := New(context.Background(), tr, Options{Store: s, Events: deaf{}, ReadAhead: "group", AllowUnverified: "weak"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		src.Close()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return src
}
