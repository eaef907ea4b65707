package content

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/store"
)

func TestWaitsAreCountedOnce(t *testing.T) {
	at := func(ms int) time.Time { return time.Unix(0, int64(ms)*1e6) }
	for _, c := range []struct {
		spans []span
		want  int
	}{
		{nil, 0},
		{[]span{{at(0), at(10)}}, 10},
		{[]span{{at(0), at(10)}, {at(0), at(10)}}, 10},
		{[]span{{at(5), at(20)}, {at(0), at(10)}}, 20},
		{[]span{{at(0), at(100)}, {at(10), at(20)}, {at(30), at(40)}}, 100},
		{[]span{{at(0), at(10)}, {at(20), at(30)}}, 20},
	} {
		if got := union(c.spans).Milliseconds(); got != int64(c.want) {
			t.Errorf("%v: %d ms, want %d", c.spans, got, c.want)
		}
	}
}

// A download of which read-ahead has lost hope is tried anew when a program
// wants it, and one that a program wants is not given up.
//
// Shows S16.
func TestReadAheadsFailuresAreItsOwn(t *testing.T) {
	o := newOrigin(t)
	s := newTestSource(t, treeOf(t, o.gated("a", "content"), o.file("b", "other")))
	f := &s.tree.Files[0]
	d, fresh := s.join(f, fetch.ReadAhead)
	if !fresh || !s.abandon(d) {
		t.Fatal("nobody wants it, but it can't be given up")
	}
	e, fresh := s.join(f, fetch.Demand)
	if !fresh || s.abandon(e) {
		t.Error("a program wants it, but it was given up")
	}
	if again, fresh := s.join(f, fetch.ReadAhead); fresh || again != e {
		t.Error("a second download")
	}
	failed := &download{src: s, file: &s.tree.Files[1], ticket: fetch.NewTicket(fetch.ReadAhead), done: make(chan struct{}), ahead: true, err: errBudget, retryAt: s.now().Add(time.Hour)}
	close(failed.done)
	s.active[key(failed.file)] = failed
	if _, fresh := s.join(failed.file, fetch.ReadAhead); fresh {
		t.Error("read-ahead repeats its failure")
	}
	if _, fresh := s.join(failed.file, fetch.Demand); !fresh {
		t.Error("a program gets read-ahead's failure")
	}
}

// A reader gets verified content while the store still writes it; what fails to
// be kept after that fails for later readers alone.
func TestReaderDoesNotWaitForTheDisk(t *testing.T) {
	s := newTestSource(t, treeOf(t, newOrigin(t).file("a", "content")))
	d := newDownload(s, &s.tree.Files[0], fetch.Demand, nil) // it never runs: its store takes for ever
	early, late := &Blob{src: s, file: d.file, dl: d}, &Blob{src: s, file: d.file, dl: d}
	defer early.Close()
	if early.Ready() != nil {
		t.Fatal("content out of nothing")
	}
	whole := filepath.Join(t.TempDir(), "whole")
	if err := os.WriteFile(whole, []byte("content"), 0o444); err != nil {
		t.Fatal(err)
	}
	s.stats.started(d)
	d.bytes.Add(7)
	d.serve(func() (*os.File, error) { return os.Open(whole) }, store.Info{Size: 7})
	if got := s.Summary().Fetched; got.Files != 1 || got.Bytes != 7 {
		t.Errorf("a build that ends now has fetched %+v", got)
	}
	file, err := early.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if n, err := late.Size(t.Context()); n != 7 || err != nil {
		t.Errorf("size %d, %v", n, err)
	}
	d.err = errors.New("the disk is full")
	s.stats.ended(d)
	close(d.done)
	if got := s.Summary().Fetched; got.Files != 0 {
		t.Errorf("fetched in vain, and counted: %+v", got)
	}
	if data, err := io.ReadAll(io.NewSectionReader(file, 0, 7)); err != nil || string(data) != "content" {
		t.Errorf("the early reader has %q, %v", data, err)
	}
	if _, err := late.Wait(t.Context()); !errors.Is(err, d.err) {
		t.Errorf("the late reader: %v", err)
	}
}
