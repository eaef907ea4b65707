package content

import (
	"archive/tar"
	"context"
	"errors"
	"io"
	"math"
	"os"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// halves makes a directory of two files, the halves of what it is made from.
func halves(made *atomic.Int32) maker {
	return maker{download: true, make: func(_ context.Context, r *tree.Recipe, from *os.File, w io.Writer) error {
		made.Add(1)
		data, err := io.ReadAll(io.NewSectionReader(from, 0, math.MaxInt64))
		if err != nil {
			return err
		}
		half := len(data) / 2
		archive := tar.NewWriter(w)
		for _, f := range []struct {
			name string
			mode int64
			data []byte
		}{{"first", 0o644, data[:half]}, {"bin/" + r.Args["name"], 0o755, data[half:]}} {
			if err := archive.WriteHeader(&tar.Header{Name: f.name, Mode: f.mode, Size: int64(len(f.data))}); err != nil {
				return err
			}
			if _, err := archive.Write(f.data); err != nil {
				return err
			}
		}
		return archive.Close()
	}}
}

// madeTree has directories that are made of files of the origin.
func madeTree(t *testing.T, froms ...tree.File) *tree.Tree {
	t.Helper()
	var dirs []tree.Dir
	for _, from := range froms {
		dirs = append(dirs, tree.Dir{Path: "deps/" + from.Path, Make: tree.Recipe{
			Kind: "halves", Args: map[string]string{"name": "second"},
			From: &tree.File{Size: from.Size, Digest: from.Digest, URLs: from.URLs},
		}})
	}
	tr, err := tree.Build([]tree.Input{{Type: "cargo", Lock: "lock"}}, nil, dirs)
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// readPart reads a file as the mount does.
func readPart(t *testing.T, s *Source, f *tree.File) string {
	t.Helper()
	b := s.Open(f)
	defer b.Close()
	file, err := b.Wait(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	data, err := io.ReadAll(io.NewSectionReader(file, f.Part.Offset, f.Size))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestMadeDirectoryIsMadeOnceAndServedInParts(t *testing.T) {
	o := newOrigin(t)
	tr := madeTree(t, o.file("a", "left right"))
	var made atomic.Int32
	s := newTestSource(t, tr)
	s.makers["halves"] = halves(&made)
	files, err := s.Expand(t.Context(), &tr.Dirs[0])
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 2 || files[0].Path != "first" || files[1].Path != "bin/second" || files[0].Exec || !files[1].Exec {
		t.Fatalf("%+v", files)
	}
	if got := readPart(t, s, &files[0]) + "|" + readPart(t, s, &files[1]); got != "left |right" {
		t.Errorf("%q", got)
	}
	s.Opened(&files[0])
	<-s.Settled()
	if sum := s.Summary(); sum.Opened[0].From != "origin" || sum.Fetched.Files != 1 || sum.Unverified != 0 {
		t.Errorf("%+v", sum)
	}
	// Another build of the host, without the origin.
	o.Close()
	again, err := New(t.Context(), tr, Options{Store: s.store, Events: deaf{}})
	if err != nil {
		t.Fatal(err)
	}
	defer again.Close()
	if files, err = again.Expand(t.Context(), &tr.Dirs[0]); err != nil || readPart(t, again, &files[1]) != "right" {
		t.Errorf("from the store: %v", err)
	}
	if made.Load() != 1 {
		t.Errorf("made %d times", made.Load())
	}
}

func TestNothingIsMadeOfWrongBytes(t *testing.T) {
	o := newOrigin(t)
	from := o.file("a", "evil")
	from.Digest = digest.FromBytes([]byte("good"))
	tr := madeTree(t, from)
	var made atomic.Int32
	s := newTestSource(t, tr)
	s.makers["halves"] = halves(&made)
	_, err := s.Expand(t.Context(), &tr.Dirs[0])
	if err == nil || !strings.Contains(err.Error(), "digest") || made.Load() != 0 {
		t.Errorf("%v, made %d times", err, made.Load())
	}
}

func TestUnknownRecipeSaysSo(t *testing.T) {
	tr := madeTree(t, tree.File{Path: "a", Size: tree.SizeUnknown, URLs: []string{"https://example.org/a"}})
	_, err := newTestSource(t, tr).Expand(t.Context(), &tr.Dirs[0])
	if err == nil || !strings.Contains(err.Error(), `"halves"`) {
		t.Errorf("%v", err)
	}
}

func TestOneLookStartsTheLocksOtherDirectories(t *testing.T) {
	o := newOrigin(t)
	tr := madeTree(t, o.file("a", "ab"), o.file("b", "cd"))
	var made atomic.Int32
	s := newTestSource(t, tr)
	s.makers["halves"] = halves(&made)
	if _, err := s.Expand(t.Context(), &tr.Dirs[0]); err != nil {
		t.Fatal(err)
	}
	s.wait()
	if s.stored(whole(&tr.Dirs[1])) == nil {
		t.Error("the other directory was not made")
	}
}

// What a program waits for comes first, also where it is made of something else.
func TestDemandReachesTheOrigin(t *testing.T) {
	o := newOrigin(t)
	tr := madeTree(t, o.gated("a", "ab"))
	s := newTestSource(t, tr)
	s.makers["halves"] = halves(new(atomic.Int32))
	all := whole(&tr.Dirs[0])
	d, _ := s.join(all, fetch.ReadAhead)
	o.waitFor("/a")
	if again, fresh := s.join(all, fetch.Demand); fresh || again != d {
		t.Error("a second attempt")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if d.inner == nil || d.inner.ticket.Priority() != fetch.Demand || !d.inner.demanded {
		t.Errorf("%+v", d.inner)
	}
}

func TestListingRefusesWhatIsNoFile(t *testing.T) {
	var b strings.Builder
	archive := tar.NewWriter(&b)
	if err := archive.WriteHeader(&tar.Header{Name: "link", Typeflag: tar.TypeSymlink, Linkname: "/etc/passwd"}); err != nil {
		t.Fatal(err)
	}
	archive.Close()
	for name, data := range map[string]string{"a link": b.String(), "half a header": b.String()[:100]} {
		if _, err := listed(&tree.File{Path: "d"}, strings.NewReader(data)); err == nil || errors.Is(err, io.EOF) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
