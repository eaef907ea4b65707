//go:build linux

package proxy

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/store"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// lockOf makes n files of one group, all gated.
func lockOf(o *origin, n int) []tree.File {
	var files []tree.File
	for i := range n {
		f := o.gated(fmt.Sprintf("deps/npm/p%03d-1.0.0.tgz", i), fmt.Sprintf("content %d", i))
		f.Group, f.Fits, f.Rank = "0", true, i
		files = append(files, f)
	}
	return files
}

func (o *origin) releaseAll() {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, f := range o.files {
		f.open()
	}
}

// arrives waits until a file that is being downloaded is in the store.
func (b *build) arrives(o *origin, files ...tree.File) {
	b.t.Helper()
	s, err := store.Open(b.spec.Store, store.Options{})
	if err != nil {
		b.t.Fatal(err)
	}
	defer s.Close()
	for i := range files {
		path := strings.TrimPrefix(files[i].URLs[0], o.URL)
		o.until("the request for "+path, func() bool { return o.files[path].gets > 0 })
		// The downloader holds the store's lock now: this waits for its end.
		f, _, err := s.Put(b.t.Context(), files[i].Digest, files[i].Size, func(context.Context, *store.Partial) error {
			return errors.New("the download has failed")
		})
		if err != nil {
			b.t.Fatalf("%s: %v", path, err)
		}
		f.Close()
	}
}

// A reader that reads one file after the other must not find a file system that
// only reacts: while it waits for the first, others are on their way.
func TestSequentialReaderGetsParallelDownloads(t *testing.T) {
	for mode, parallel := range map[string]bool{"off": false, "group": true, "trace": true} {
		t.Run(mode, func(t *testing.T) {
			o := newOrigin(t)
			files := lockOf(o, 40)
			spec := specFor(t, t.TempDir())
			spec.ReadAhead = mode
			b := run(t, spec, treeOf(t, "npm", files...))
			p := b.starts("cat deps/npm/*")
			if parallel {
				// A prefetch with eight workers would have no more.
				o.until("parallel requests", func() bool { return o.now >= 8 })
			} else {
				o.until("the request", func() bool { return o.now == 1 })
			}
			o.releaseAll()
			out, errs, err := p.ends()
			if err != nil || strings.Count(out, "content") != 40 {
				t.Errorf("%v %s", err, errs)
			}
			sum := b.bye(wire.ByeOK)
			if o.all() != 40 || sum.Fetched.Files != 40 || sum.Unused.Files != 0 || len(sum.Opened) != 40 {
				t.Errorf("%d requests, %+v", o.all(), sum)
			}
			if o.mu.Lock(); !parallel && o.most != 1 {
				t.Errorf("%d requests at once without read-ahead", o.most)
			}
			o.mu.Unlock()
		})
	}
}

// What a program waits for comes before what is merely fetched ahead, also when
// read-ahead had it in its queue already.
func TestDemandOvertakesReadAhead(t *testing.T) {
	o := newOrigin(t)
	files := lockOf(o, 40)
	spec := specFor(t, t.TempDir())
	spec.ReadAhead = "group"
	b := run(t, spec, treeOf(t, "npm", files...))
	first := b.starts("cat deps/npm/p000-1.0.0.tgz")
	o.until("read-ahead", func() bool { return o.now >= 8 })
	last := b.starts("cat deps/npm/p030-1.0.0.tgz")
	o.until("the last file's request", func() bool { return o.files["/deps/npm/p030-1.0.0.tgz"].gets == 1 })
	o.release("/deps/npm/p030-1.0.0.tgz")
	if out, errs, err := last.ends(); err != nil || out != "content 30" {
		t.Errorf("%q %q %v", out, errs, err)
	}
	b.bye(wire.ByeFailed) // and the rest ends with the build
	_, _, _ = first.ends()
	if n := o.all(); n > 20 {
		t.Errorf("%d requests: read-ahead has outlived the build", n)
	}
}

func TestReadAheadLeavesOutWhatDoesNotFit(t *testing.T) {
	for _, typ := range []string{"npm", "generic", "rpm"} {
		t.Run(typ, func(t *testing.T) {
			o := newOrigin(t)
			files := lockOf(o, 6)
			files[2].Fits = false
			files[3].Group = ""  // never
			files[4].Digest = "" // --lazy-allow-unverified says no
			o.releaseAll()
			spec := specFor(t, t.TempDir())
			spec.ReadAhead = "group"
			b := run(t, spec, treeOf(t, typ, files...))
			b.sh("ls deps/npm")
			if n := o.all(); n != 0 {
				t.Errorf("a listing made %d requests", n)
			}
			b.sh("cat deps/npm/p000*")
			if typ == "npm" {
				b.arrives(o, files[1], files[5])
			}
			sum := b.bye(wire.ByeOK)
			want := wire.Count{}
			if typ == "npm" {
				want = wire.Count{Files: 2, Bytes: 18}
			}
			if sum.Unused != want || sum.Fetched.Files != 1+want.Files || o.all() != 1+want.Files {
				t.Errorf("unused %+v, fetched %+v, %d requests", sum.Unused, sum.Fetched, o.all())
			}
		})
	}
}

// Shows S17.
func TestTraceOfAGoodBuildIsFollowed(t *testing.T) {
	o := newOrigin(t)
	dir := t.TempDir()
	files := lockOf(o, 30)
	o.releaseAll()
	tr := treeOf(t, "rpm", files...) // no read-ahead without a trace
	specWith := func() wire.Spec {
		spec := specFor(t, dir)
		spec.ReadAhead, spec.TraceKey = "trace", "this build"
		return spec
	}
	read := "cat deps/npm/p007* deps/npm/p003* deps/npm/p020*"
	first := run(t, specWith(), tr)
	first.sh(read)
	if sum := first.bye(wire.ByeOK); sum.Fetched.Files != 3 {
		t.Errorf("without a trace: %+v", sum.Fetched)
	}
	// A build that fails leaves no trace, and neither does one that dies.
	for _, word := range []string{wire.ByeFailed, wire.Bye} {
		b := run(t, specWith(), tr)
		b.sh("cat deps/npm/p001*")
		b.bye(word)
	}
	// The store is empty again, but for what it remembers.
	if err := os.RemoveAll(filepath.Join(dir, "v1/blobs/sha256")); err != nil {
		t.Fatal(err)
	}
	o.forget()
	second := run(t, specWith(), tr)
	second.sh("cat deps/npm/p007*")
	second.arrives(o, files[3], files[20])
	if sum := second.bye(wire.ByeOK); sum.Unused.Files != 2 || sum.Fetched.Files != 3 {
		t.Errorf("with a trace: %+v", sum)
	}
	// Another build knows nothing of it.
	if err := os.RemoveAll(filepath.Join(dir, "v1/blobs/sha256")); err != nil {
		t.Fatal(err)
	}
	spec := specWith()
	spec.TraceKey = "another build"
	other := run(t, spec, tr)
	other.sh("cat deps/npm/p007*")
	if sum := other.bye(wire.ByeOK); sum.Fetched.Files != 1 {
		t.Errorf("another build: %+v", sum)
	}
}
