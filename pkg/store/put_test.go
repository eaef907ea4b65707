package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

func TestPutThenGet(t *testing.T) {
	for name, d := range map[string]digest.Digest{
		"sha256": sha256Of("content"), "sha512": sha512Of("content"), "sha1": sha1Of("content"),
	} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, Options{})
			if _, _, err := s.Get(d); !errors.Is(err, fs.ErrNotExist) {
				t.Fatalf("Get before Put: %v, want fs.ErrNotExist", err)
			}
			f, info, err := s.Put(t.Context(), d, SizeUnknown, fillWith("content"))
			if err != nil {
				t.Fatal(err)
			}
			wantContent(t, f, "content")
			want := Info{Digest: sha256Of("content"), Size: 7}
			if info != want {
				t.Errorf("Put: %+v, want %+v", info, want)
			}
			f, info, err = s.Get(d)
			if err != nil || info != want {
				t.Fatalf("Get: %+v, %v", info, err)
			}
			if _, err := f.Write([]byte("x")); err == nil {
				t.Error("the file can be written to")
			}
			wantContent(t, f, "content")
			if n, ok := s.Size(d); n != 7 || !ok {
				t.Errorf("Size: %d, %v", n, ok)
			}
			f, _, err = s.Put(t.Context(), d, 7, fillNever(t))
			if err != nil {
				t.Fatal(err)
			}
			f.Close()
			fi, err := os.Stat(s.path(blobPath(info.Digest)))
			if err != nil || fi.Mode() != 0o444 {
				t.Errorf("blob's mode: %v, %v", fi.Mode(), err)
			}
			wantNothingUnderWay(t, s)
		})
	}
}

func wantNothingUnderWay(t *testing.T, s *Store) {
	t.Helper()
	for _, dir := range []string{partialDir, lockDir} {
		if left := names(t, s, dir); len(left) > 0 {
			t.Errorf("left in %s: %q", dir, left)
		}
	}
}

// Shows S1.
func TestWrongContentIsNeverSeen(t *testing.T) {
	tests := map[string]struct {
		content string
		size    int64
		stated  int64
	}{
		"wrong bytes":               {"CONTENT", 7, 7},
		"wrong bytes, size unknown": {"CONTENT", SizeUnknown, SizeUnknown},
		"short":                     {"cont", 7, SizeUnknown},
		"short of the stated size":  {"cont", SizeUnknown, 7},
		"empty":                     {"", 7, SizeUnknown},
		"long":                      {"content and more", 7, SizeUnknown},
		"long, size unknown":        {"content and more", SizeUnknown, SizeUnknown},
		"the size stated is wrong":  {"content", 7, 8},
		"the size known is wrong":   {"content", 8, SizeUnknown},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, Options{})
			d := sha256Of("content")
			_, _, err := s.Put(t.Context(), d, tt.size, func(_ context.Context, p *Partial) error {
				if err := p.SetSize(tt.stated); err != nil {
					return err
				}
				_, err := io.WriteString(p, tt.content)
				return err
			})
			var mismatch *MismatchError
			if !errors.As(err, &mismatch) {
				t.Fatalf("Put: %v, want a *MismatchError", err)
			}
			if mismatch.Want != d {
				t.Errorf("mismatch wants %s", mismatch.Want)
			}
			if _, err := s.Stat(d); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("Stat: %v, want fs.ErrNotExist", err)
			}
			wantNothingUnderWay(t, s)
		})
	}
}

func TestAFailedWriteIsNotForgottenByTheFill(t *testing.T) {
	s := openTest(t, Options{})
	_, _, err := s.Put(t.Context(), sha256Of("content"), 3, func(_ context.Context, p *Partial) error {
		if n, err := io.WriteString(p, "content"); n != 0 || !errors.As(err, new(*MismatchError)) {
			t.Errorf("writing too much: %d, %v", n, err)
		}
		return nil
	})
	if !errors.As(err, new(*MismatchError)) {
		t.Fatalf("Put: %v, want a *MismatchError", err)
	}
	// Where no digest could tell, half a content would become a blob.
	full := again(t, s, Options{Limits: Limits{MaxBytes: 3, MinFree: -1}})
	_, _, err = full.PutKey(t.Context(), "key", SizeUnknown, func(_ context.Context, p *Partial) error {
		io.WriteString(p, "con")
		io.WriteString(p, "tent")
		return nil
	})
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("PutKey: %v, want ENOSPC", err)
	}
	wantNothingUnderWay(t, s)
}

func TestOneFillForManyCallers(t *testing.T) {
	s := openTest(t, Options{})
	other := again(t, s, Options{})
	var fills atomic.Int32
	var wg sync.WaitGroup
	for i := range 40 {
		wg.Go(func() {
			s := []*Store{s, other}[i%2]
			f, _, err := s.Put(t.Context(), sha256Of("content"), 7, func(ctx context.Context, p *Partial) error {
				fills.Add(1)
				return fillWith("content")(ctx, p)
			})
			if err != nil {
				t.Error(err)
				return
			}
			wantContent(t, f, "content")
		})
	}
	wg.Wait()
	if n := fills.Load(); n != 1 {
		t.Errorf("%d fills, want 1", n)
	}
	wantNothingUnderWay(t, s)
}

func TestAWaiterGivesUpWithItsContext(t *testing.T) {
	s := openTest(t, Options{})
	for name, other := range map[string]*Store{"same Store": s, "another Store": again(t, s, Options{})} {
		t.Run(name, func(t *testing.T) {
			d := sha256Of(name)
			_, _, err := s.Put(t.Context(), d, SizeUnknown, func(context.Context, *Partial) error {
				ctx, cancel := context.WithCancel(t.Context())
				waited := make(chan error)
				go func() {
					_, _, err := other.Put(ctx, d, SizeUnknown, fillNever(t))
					waited <- err
				}()
				cancel()
				if err := <-waited; !errors.Is(err, context.Canceled) {
					t.Errorf("the waiter got %v", err)
				}
				return errors.New("enough")
			})
			if err == nil {
				t.Error("Put succeeded")
			}
		})
	}
}

func TestTheNextWaiterTakesOver(t *testing.T) {
	s := openTest(t, Options{})
	d := sha256Of("content")
	leading := make(chan struct{})
	fail := make(chan struct{})
	failed := make(chan error, 1)
	go func() {
		_, _, err := s.Put(t.Context(), d, 7, func(_ context.Context, p *Partial) error {
			io.WriteString(p, "con")
			close(leading)
			<-fail
			return context.Canceled
		})
		failed <- err
	}()
	<-leading
	done := make(chan error)
	go func() {
		f, _, err := s.Put(t.Context(), d, 7, func(ctx context.Context, p *Partial) error {
			if p.Offset() != 3 {
				t.Errorf("Offset is %d, want 3", p.Offset())
			}
			return fillWith("content")(ctx, p)
		})
		if err == nil {
			f.Close()
		}
		done <- err
	}()
	close(fail)
	if err := <-failed; !errors.Is(err, context.Canceled) {
		t.Errorf("the first: %v", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestAPanicInFillFreesTheLock(t *testing.T) {
	s := openTest(t, Options{})
	func() {
		defer func() { recover() }()
		s.Put(t.Context(), sha256Of("content"), 7, func(context.Context, *Partial) error { panic("bug") })
	}()
	mustPut(t, s, "content")
	wantNothingUnderWay(t, s)
}

func TestNoSpaceIsToldBeforeTheFirstByte(t *testing.T) {
	s := openTest(t, Options{Limits: Limits{MinFree: 1 << 60}})
	wantNoSpace := func(err error) {
		t.Helper()
		var e *NoSpaceError
		if !errors.As(err, &e) || !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%v, want a *NoSpaceError", err)
		}
	}
	_, _, err := s.Put(t.Context(), sha256Of("content"), 7, fillNever(t))
	wantNoSpace(err)
	_, _, err = s.Put(t.Context(), sha256Of("content"), SizeUnknown, func(_ context.Context, p *Partial) error {
		return p.SetSize(7)
	})
	wantNoSpace(err)
	_, _, err = s.Put(t.Context(), sha256Of("content"), SizeUnknown, fillWith("content"))
	wantNoSpace(err)
	wantNothingUnderWay(t, s)
	if s.space.promised != 0 {
		t.Errorf("%d bytes are still promised", s.space.promised)
	}
}

func TestWhatIsPromisedIsGivenBack(t *testing.T) {
	s := openTest(t, Options{})
	mustPut(t, s, "content")
	s.Put(t.Context(), sha256Of("long"), SizeUnknown, fillWith(strings.Repeat("long", 100)))
	s.Put(t.Context(), sha256Of("short"), 1<<20, func(_ context.Context, p *Partial) error {
		io.WriteString(p, "sho")
		p.Reset()
		io.WriteString(p, "sh")
		return errors.New("broken")
	})
	if s.space.promised != 0 {
		t.Errorf("%d bytes are still promised", s.space.promised)
	}
	if used, err := s.bytesIn(t.Context(), blobDir, partialDir); s.space.used != used || err != nil {
		t.Errorf("%d bytes are on the account, %d in the store, %v", s.space.used, used, err)
	}
}

func TestAnInvalidDigestNamesNoFile(t *testing.T) {
	s := openTest(t, Options{})
	for _, d := range []digest.Digest{"", "sha256:", "sha256:../../etc/passwd", "sha256:AB", "crc32:00"} {
		if _, _, err := s.Put(t.Context(), d, 1, fillNever(t)); err == nil {
			t.Errorf("Put(%q) succeeded", d)
		}
		if _, _, err := s.Get(d); err == nil || errors.Is(err, fs.ErrNotExist) {
			t.Errorf("Get(%q): %v", d, err)
		}
		if err := s.SetFacts(d, Facts{}); err == nil {
			t.Errorf("SetFacts(%q) succeeded", d)
		}
	}
}

// What WhenWhole gives out has passed the check and is right, and the blob has no
// name yet: that comes after the disk has the bytes.
func TestWholeContentIsGivenOutBeforeTheDiskHasIt(t *testing.T) {
	s := openTest(t, Options{})
	for name, right := range map[string]bool{"content": true, "wrong": false} {
		called, opener := false, Opener(nil)
		f, _, err := s.Put(t.Context(), sha256Of("content"), SizeUnknown, func(_ context.Context, p *Partial) error {
			p.WhenWhole(func(open Opener, info Info) {
				called, opener = true, open
				f, err := open()
				if err != nil {
					t.Fatal(err)
				}
				defer f.Close()
				if data, err := io.ReadAll(f); err != nil || string(data) != "content" || info.Size != 7 || info.Digest != sha256Of("content") {
					t.Errorf("%q, %+v, %v", data, info, err)
				}
				if _, err := f.Write([]byte("x")); err == nil {
					t.Error("it can be written to")
				}
				if _, _, err := s.Get(sha256Of("content")); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("the blob is there already: %v", err)
				}
			})
			_, err := io.WriteString(p, name)
			return err
		})
		if called != right || (err == nil) != right {
			t.Errorf("%s: given out: %v, error: %v", name, called, err)
		}
		if f == nil {
			continue
		}
		f.Close()
		again, err := opener()
		if err != nil {
			t.Fatalf("under its new name: %v", err)
		}
		again.Close()
		os.RemoveAll(filepath.Join(s.Dir(), format, blobDir))
		if _, err := opener(); !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("when it is gone: %v", err)
		}
	}
}
