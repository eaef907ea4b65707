package store

import (
	"context"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

func TestABrokenPutIsContinued(t *testing.T) {
	for name, d := range map[string]digest.Digest{"sha256": sha256Of("content"), "sha512": sha512Of("content")} {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, Options{})
			broken := errors.New("connection reset")
			_, _, err := s.Put(t.Context(), d, 7, func(_ context.Context, p *Partial) error {
				io.WriteString(p, "cont")
				return broken
			})
			if !errors.Is(err, broken) {
				t.Fatalf("Put: %v", err)
			}
			f, _, err := again(t, s, Options{}).Put(t.Context(), d, 7, func(_ context.Context, p *Partial) error {
				if p.Offset() != 4 {
					t.Errorf("Offset is %d, want 4", p.Offset())
				}
				_, err := io.WriteString(p, "ent")
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			wantContent(t, f, "content")
			wantNothingUnderWay(t, s)
		})
	}
}

func TestWhatAnEarlierTryLeft(t *testing.T) {
	tests := map[string]struct {
		left    string
		size    int64
		offsets []int64 // at which fill is called
	}{
		"complete":                  {"content", 7, nil},
		"complete, size unknown":    {"content", SizeUnknown, nil},
		"wrong bytes":               {"CONT", 7, []int64{4, 0}},
		"wrong bytes, complete":     {"CONTENT", 7, []int64{7, 0}},
		"too long":                  {"content and more", 7, []int64{0}},
		"too long, size unknown":    {"content!", SizeUnknown, []int64{8, 0}},
		"zeros after a power cut":   {"con\x00\x00", 7, []int64{5, 0}},
		"nothing but the file name": {"", 7, []int64{0}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := openTest(t, Options{})
			d := sha256Of("content")
			// 0444: it died between chmod and rename.
			if err := os.WriteFile(s.path("partial/sha256-"+d.Hex()), []byte(tt.left), 0o444); err != nil {
				t.Fatal(err)
			}
			var offsets []int64
			f, _, err := s.Put(t.Context(), d, tt.size, func(_ context.Context, p *Partial) error {
				offsets = append(offsets, p.Offset())
				if p.Offset() > 7 {
					return nil // a server has nothing to send
				}
				_, err := io.WriteString(p, "content"[p.Offset():])
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			wantContent(t, f, "content")
			if len(offsets) != len(tt.offsets) {
				t.Fatalf("fill was called at %v, want %v", offsets, tt.offsets)
			}
			for i := range offsets {
				if offsets[i] != tt.offsets[i] {
					t.Errorf("fill was called at %v, want %v", offsets, tt.offsets)
				}
			}
			wantNothingUnderWay(t, s)
		})
	}
}

func TestALeftoverLongerThanTheStatedSizeDoesNotStay(t *testing.T) {
	s := openTest(t, Options{})
	d := sha256Of("content")
	if err := os.WriteFile(s.path("partial/sha256-"+d.Hex()), []byte("content!"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, _, err := s.Put(t.Context(), d, SizeUnknown, func(ctx context.Context, p *Partial) error {
		if err := p.SetSize(7); err != nil {
			return err
		}
		return fillWith("content")(ctx, p)
	})
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, f, "content")
}

func TestHalfAContentThatCanNotFitIsNotKept(t *testing.T) {
	s := openTest(t, Options{Limits: Limits{MaxBytes: 100, MinFree: -1}})
	_, _, err := s.Put(t.Context(), sha256Of("content"), SizeUnknown, func(_ context.Context, p *Partial) error {
		if _, err := io.WriteString(p, "con"); err != nil {
			return err
		}
		return p.SetSize(1000)
	})
	if !errors.As(err, new(*NoSpaceError)) {
		t.Errorf("Put: %v, want a *NoSpaceError", err)
	}
	wantNothingUnderWay(t, s)
}

func TestResetStartsAgain(t *testing.T) {
	s := openTest(t, Options{})
	f, _, err := s.Put(t.Context(), sha256Of("content"), SizeUnknown, func(_ context.Context, p *Partial) error {
		p.SetSize(100)
		io.WriteString(p, "an error page")
		if err := p.Reset(); err != nil {
			return err
		}
		if p.Offset() != 0 || p.Size() != SizeUnknown {
			t.Errorf("after Reset: offset %d, size %d", p.Offset(), p.Size())
		}
		_, err := io.WriteString(p, "content")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, f, "content")
}

func TestAPartialIsDeadAfterPut(t *testing.T) {
	s := openTest(t, Options{})
	var kept *Partial
	f, _, err := s.Put(t.Context(), sha256Of("content"), 7, func(ctx context.Context, p *Partial) error {
		kept = p
		return fillWith("content")(ctx, p)
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := kept.Write([]byte("x")); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Write: %v", err)
	}
	if err := kept.Reset(); !errors.Is(err, os.ErrClosed) {
		t.Errorf("Reset: %v", err)
	}
	wantContent(t, f, "content")
}
