package store

import (
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

func TestAKeyFindsItsContent(t *testing.T) {
	s := openTest(t, Options{})
	const key = "url:https://user:secret@example.org/a/../b"
	if _, _, err := s.GetKey(key); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("GetKey: %v, want fs.ErrNotExist", err)
	}
	f, info, err := s.PutKey(t.Context(), key, SizeUnknown, fillWith("content"))
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, f, "content")
	if info.Digest != sha256Of("content") {
		t.Errorf("digest %s", info.Digest)
	}
	for _, get := range []func() (*os.File, Info, error){
		func() (*os.File, Info, error) { return s.GetKey(key) },
		func() (*os.File, Info, error) { return s.Get(info.Digest) },
		func() (*os.File, Info, error) { return s.PutKey(t.Context(), key, 7, fillNever(t)) },
	} {
		f, _, err := get()
		if err != nil {
			t.Fatal(err)
		}
		wantContent(t, f, "content")
	}
	wantNothingUnderWay(t, s)
}

func TestContentWithoutADigestIsNotContinued(t *testing.T) {
	s := openTest(t, Options{})
	broken := errors.New("broken")
	_, _, err := s.PutKey(t.Context(), "key", 7, func(_ context.Context, p *Partial) error {
		io.WriteString(p, "old")
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatal(err)
	}
	wantNothingUnderWay(t, s)
	if err := os.WriteFile(s.path(partialPath(keyRef("key").name())), []byte("con"), 0o600); err != nil {
		t.Fatal(err)
	}
	f, _, err := s.PutKey(t.Context(), "key", 7, func(ctx context.Context, p *Partial) error {
		if p.Offset() != 0 {
			t.Errorf("Offset is %d", p.Offset())
		}
		return fillWith("content")(ctx, p)
	})
	if err != nil {
		t.Fatal(err)
	}
	wantContent(t, f, "content")
}

func TestMakeRunsOncePerKey(t *testing.T) {
	s := openTest(t, Options{})
	made := 0
	produce := func(_ context.Context, w io.Writer) error {
		made++
		_, err := io.WriteString(w, "same")
		return err
	}
	for _, key := range []string{"a", "a", "b", "a"} {
		f, _, err := s.Make(t.Context(), key, produce)
		if err != nil {
			t.Fatal(err)
		}
		wantContent(t, f, "same")
	}
	if made != 2 {
		t.Errorf("made %d times, want once for each of 2 keys", made)
	}
	if blobs, err := s.List(t.Context()); len(blobs) != 1 {
		t.Errorf("%d blobs, %v, want 1", len(blobs), err)
	}
}

func TestPutBytes(t *testing.T) {
	s := openTest(t, Options{})
	for range 2 {
		info, err := s.PutBytes(t.Context(), []byte("content"))
		if want := (Info{sha256Of("content"), 7}); err != nil || info != want {
			t.Errorf("%+v, %v, want %+v", info, err, want)
		}
	}
}

func TestAliasIsProvedBeforeItIsKept(t *testing.T) {
	s := openTest(t, Options{})
	d := mustPut(t, s, "content")
	for _, other := range []digest.Digest{sha512Of("content"), sha1Of("content"), d} {
		if err := s.Alias(d, other); err != nil {
			t.Errorf("Alias: %v", err)
		}
		f, _, err := s.Get(other)
		if err != nil {
			t.Fatal(err)
		}
		wantContent(t, f, "content")
	}
	var mismatch *MismatchError
	if err := s.Alias(d, sha512Of("another")); !errors.As(err, &mismatch) {
		t.Errorf("Alias of another content: %v", err)
	}
	if _, _, err := s.Get(sha512Of("another")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Get: %v", err)
	}
}

func TestADamagedAliasIsNotThere(t *testing.T) {
	for _, damage := range []string{"", "sha256:", "sha1:" + sha1Of("x").Hex(), "../../../etc/passwd", "\x00"} {
		s := openTest(t, Options{})
		d := sha512Of("content")
		for range 2 {
			f, _, err := s.Put(t.Context(), d, 7, fillWith("content"))
			if err != nil {
				t.Fatal(err)
			}
			wantContent(t, f, "content")
			r, _ := digestRef(d)
			if err := os.WriteFile(s.path(r.alias()), []byte(damage), 0o600); err != nil {
				t.Fatal(err)
			}
			s = again(t, s, Options{}) // which remembers nothing
			if _, _, err := s.Get(d); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("%q: Get: %v, want fs.ErrNotExist", damage, err)
			}
		}
	}
}
