package content

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/rpmpack"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/store"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// rpmDir is the repository of these tests.
const rpmDir = "deps/rpm/noarch/repo"

// rpmWorld is an origin of RPMs and a store, for several builds.
type rpmWorld struct {
	t                  testing.TB
	server             *httptest.Server
	store              *store.Store
	packages           []tree.File
	modules            string
	allow              string
	metadata, hostRoot string

	mu       sync.Mutex
	contents map[string][]byte
	faults   map[string]http.HandlerFunc
	log      []string
	plain    bool // the server ignores ranges
}

func newRPMWorld(t testing.TB) *rpmWorld {
	t.Helper()
	w := &rpmWorld{t: t, allow: "weak", contents: map[string][]byte{}, faults: map[string]http.HandlerFunc{}}
	w.server = httptest.NewServer(w)
	t.Cleanup(w.server.Close)
	w.store = openStore(t)
	return w
}

func openStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir(), store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return s
}

// ServeHTTP implements http.Handler.
func (w *rpmWorld) ServeHTTP(rw http.ResponseWriter, r *http.Request) {
	name := strings.TrimSuffix(r.URL.Path[1:], ".rpm")
	w.mu.Lock()
	kind := "whole "
	if r.Header.Get("Range") != "" {
		kind = "range "
	}
	w.log = append(w.log, kind+name)
	data, there := w.contents[name]
	fault := w.faults[name]
	if !there {
		fault = http.NotFound
	}
	if w.plain {
		r.Header.Del("Range")
	}
	w.mu.Unlock()
	if fault == nil {
		fault = ranged(data, "")
	}
	fault(rw, r)
}

// asked says, sorted, what the origin was asked for since the last call.
func (w *rpmWorld) asked() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	log := w.log
	w.log = nil
	slices.Sort(log)
	return strings.Join(log, ", ")
}

// fail makes a package's answers wrong; nil mends them.
func (w *rpmWorld) fail(name string, h http.HandlerFunc) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.faults[name] = h
}

func (w *rpmWorld) noRanges() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.plain = true
}

// add locks a package with its checksum.
func (w *rpmWorld) add(name string, data []byte) {
	w.put(name, data)
	w.packages = append(w.packages, tree.File{
		Path: rpmDir + "/" + name + ".rpm", URLs: []string{w.server.URL + "/" + name + ".rpm"},
		Digest: digest.FromBytes(data), Size: int64(len(data)),
	})
}

// addUnlocked locks a package without checksum and size.
func (w *rpmWorld) addUnlocked(name, dir string, data []byte) {
	w.put(dir+"/"+name, data)
	w.packages = append(w.packages, tree.File{
		Path: rpmDir + "/" + name + ".rpm", URLs: []string{w.server.URL + "/" + dir + "/" + name + ".rpm"}, Size: tree.SizeUnknown,
	})
}

func (w *rpmWorld) put(name string, data []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.contents[name] = data
}

// rpmBuild is one build: what a proxy process has of its own.
type rpmBuild struct {
	w   *rpmWorld
	src *Source
}

func (w *rpmWorld) build() *rpmBuild {
	w.t.Helper()
	files := slices.Clone(w.packages)
	args := map[string]string{"dir": rpmDir, "modules": ""}
	if w.modules != "" {
		args["modules"] = rpmDir + "/modules.yaml"
		w.put("modules.yaml", []byte(w.modules))
		files = append(files, tree.File{
			Path: args["modules"], URLs: []string{w.server.URL + "/modules.yaml"},
			Digest: digest.FromBytes([]byte(w.modules)), Size: int64(len(w.modules)),
		})
	}
	tr, err := tree.Build([]tree.Input{{Type: "rpm", Lock: "rpms.lock.yaml"}}, files,
		[]tree.Dir{{Path: rpmDir + "/repodata", Make: tree.Recipe{Kind: "repodata", Args: args}}})
	if err != nil {
		w.t.Fatal(err)
	}
	client, err := fetch.New(fetch.Options{MaxTries: 2, Backoff: func(int) time.Duration { return 0 }})
	if err != nil {
		w.t.Fatal(err)
	}
	src, err := New(w.t.Context(), tr, Options{
		Store: w.store, Events: deaf{}, AllowUnverified: w.allow, RPMMetadata: w.metadata, HostRoot: w.hostRoot, Scratch: w.t.TempDir(),
	})
	if err != nil {
		w.t.Fatal(err)
	}
	if old, err := src.client(); err == nil {
		old.Close()
	}
	src.client = func() (*fetch.Client, error) { return client, nil }
	src.headerClient = src.client
	w.t.Cleanup(src.Close)
	return &rpmBuild{w, src}
}

func (b *rpmBuild) dir() *tree.Dir { return &b.src.tree.Dirs[0] }

// tryExpand makes the repodata and waits until the headers' facts are kept, as
// the end of a build does.
func (b *rpmBuild) tryExpand() ([]tree.File, error) {
	defer b.src.wait()
	return b.src.Expand(b.w.t.Context(), b.dir())
}

func (b *rpmBuild) expand() []tree.File {
	b.w.t.Helper()
	files, err := b.tryExpand()
	if err != nil {
		b.w.t.Error(err)
	}
	return files
}

// read opens and reads a package as a program in the build does.
func (b *rpmBuild) read(name string) error {
	for i := range b.src.tree.Files {
		f := &b.src.tree.Files[i]
		if path.Base(f.Path) == name+".rpm" {
			return b.src.withContent(b.w.t.Context(), f, func(*os.File) error { return nil })
		}
	}
	return fmt.Errorf("there is no %s", name)
}

// ranged serves data as a download server does, with another Content-Range
// where one is given.
func ranged(data []byte, contentRange string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if contentRange == "" {
			http.ServeContent(w, r, "", time.Unix(1, 0), bytes.NewReader(data))
			return
		}
		w.Header().Set("Content-Range", contentRange)
		w.WriteHeader(http.StatusPartialContent)
		w.Write(data)
	}
}

// truncated answers a range with fewer bytes than it announces.
func truncated(data []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes 0-%d/%d", len(data)-1, len(data)))
		w.Header().Set("Content-Length", fmt.Sprint(len(data)))
		w.WriteHeader(http.StatusPartialContent)
		w.Write(data[:len(data)/2])
	}
}

// damaged flips a bit in the middle of the header.
func damaged(data []byte) []byte {
	data = bytes.Clone(data)
	i := bytes.Index(data, []byte("A package of the tests"))
	data[i] ^= 1
	return data
}

// packed makes an RPM with so many empty files.
func packed(t testing.TB, name string, files int) []byte {
	t.Helper()
	r, err := rpmpack.NewRPM(rpmpack.RPMMetaData{
		Name: name, Version: "1", Release: "2", Arch: "noarch", Summary: "A package of the tests", Description: "x",
		Licence: "MIT", Compressor: "gzip", BuildTime: time.Unix(1700000000, 0), BuildHost: "host.example.org",
	})
	if err != nil {
		t.Fatal(err)
	}
	for i := range files {
		r.AddFile(rpmpack.RPMFile{Name: fmt.Sprintf("/usr/share/%s/a-long-name-for-a-small-file-%d", name, i), Mode: 0o100644, Owner: "root", Group: "root"})
	}
	var b bytes.Buffer
	if err := r.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}
