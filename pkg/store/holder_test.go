package store

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// holderOf makes a Holder.
func holderOf(t *testing.T, s *Store, identity string) Holder {
	t.Helper()
	h, err := s.Holder(t.Context(), identity)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// putAs puts content through a View and says whether it was filled.
func putAs(t *testing.T, v *View, d digest.Digest, content []byte, by ...Holder) (filled bool) {
	t.Helper()
	f, _, err := v.Put(t.Context(), d, int64(len(content)), func(_ context.Context, p *Partial) error {
		filled = true
		p.CameBy(by...)
		_, err := p.Write(content[p.Offset():])
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	return filled
}

func sees(t *testing.T, v *View, d digest.Digest) bool {
	t.Helper()
	f, _, err := v.Get(d)
	if err == nil {
		f.Close()
	} else if !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	_, statErr := v.Stat(d)
	if (statErr == nil) != (err == nil) {
		t.Errorf("Stat says %v, Get %v", statErr, err)
	}
	return err == nil
}

// Shows S57.
func TestAViewSeesWhatIsPublicAndWhatCameByItsCredentials(t *testing.T) {
	for _, algo := range []string{"sha256", "sha512"} {
		t.Run(algo, func(t *testing.T) {
			s := openTest(t, Options{})
			content := []byte("for holders alone")
			d := map[string]digest.Digest{"sha256": digest.FromBytes(content), "sha512": sha512Of(string(content))}[algo]
			mine, others := holderOf(t, s, "mine"), holderOf(t, s, "theirs")
			owner, other, nobody := s.As(mine, others), s.As(others), s.As()

			if !putAs(t, owner, d, content, mine) || putAs(t, owner, d, content, mine) {
				t.Error("it must be filled once")
			}
			if !sees(t, owner, d) || sees(t, other, d) || sees(t, nobody, d) {
				t.Error("it came by one credential, and is there for its holder alone")
			}
			// Another process, which has nothing in memory, and knows the same key.
			s = again(t, s, Options{})
			if h := holderOf(t, s, "mine"); h != mine || h == holderOf(t, s, "Mine") {
				t.Error("a holder is another one in another process, or another holder is the same")
			}
			owner, other, nobody = s.As(mine), s.As(others), s.As()
			if !sees(t, owner, d) || sees(t, other, d) || sees(t, nobody, d) {
				t.Error("another process sees something else")
			}
			// Who can fetch it too, sees it too.
			if !putAs(t, other, d, content, others) || !sees(t, other, d) || !sees(t, owner, d) || sees(t, nobody, d) {
				t.Error("a second credential")
			}
			// Facts for other reasons take nothing away.
			if err := s.SetFacts(d, Facts{Size: SizeUnknown}); err != nil || !sees(t, owner, d) || sees(t, nobody, d) {
				t.Errorf("after other facts: %v", err)
			}
			// A server that gives it to everybody makes it public.
			if !putAs(t, nobody, d, content) || !sees(t, nobody, d) || !sees(t, s.As(holderOf(t, s, "x")), d) {
				t.Error("it did not become public")
			}
		})
	}
}

// Shows S57.
func TestWhoseFactsAreLostIsNobodys(t *testing.T) {
	s := openTest(t, Options{})
	content := []byte("for holders alone")
	d := digest.FromBytes(content)
	mine := holderOf(t, s, "mine")
	putAs(t, s.As(mine), d, content, mine)
	for name, damage := range map[string]func(string) error{
		"removed": os.Remove,
		"emptied": func(name string) error { return os.WriteFile(name, nil, 0o600) },
		"without": func(name string) error { return os.WriteFile(name, []byte(`{"size":17,"verified":true}`), 0o600) },
	} {
		if err := damage(s.path(factsPath(d))); err != nil {
			t.Fatal(err)
		}
		s = again(t, s, Options{})
		if sees(t, s.As(), d) || sees(t, s.As(mine), d) {
			t.Errorf("facts %s: it is somebody's", name)
		}
		if !putAs(t, s.As(mine), d, content, mine) || !sees(t, s.As(mine), d) {
			t.Errorf("facts %s: it did not come back", name)
		}
	}
}

func TestALostKeyMakesHoldersStrangers(t *testing.T) {
	s := openTest(t, Options{})
	mine := holderOf(t, s, "mine")
	fi, err := os.Stat(s.path(keyName))
	if err != nil || fi.Mode().Perm() != 0o600 {
		t.Fatalf("the key: %v, %v", fi, err)
	}
	if err := os.WriteFile(s.path(keyName), []byte("short"), 0o600); err != nil {
		t.Fatal(err)
	}
	if holderOf(t, s, "mine") == mine {
		t.Error("the old key lives on")
	}
}

// Shows S57.
func TestAPartialIsContinuedByItsHoldersAlone(t *testing.T) {
	s := openTest(t, Options{})
	content := []byte("begun by a holder")
	d := digest.FromBytes(content)
	mine := holderOf(t, s, "mine")
	broken := errors.New("broken")
	half := func(v *View) (from int64) {
		_, _, err := v.Put(t.Context(), d, int64(len(content)), func(_ context.Context, p *Partial) error {
			if from = p.Offset(); from == 0 {
				if _, err := p.Write(content[:5]); err != nil {
					return err
				}
			}
			return broken
		})
		if !errors.Is(err, broken) {
			t.Fatal(err)
		}
		return from
	}
	if half(s.As(mine)) != 0 || half(s.As(mine)) != 5 {
		t.Error("its holders do not go on with it")
	}
	if half(s.As()) != 0 || half(s.As(holderOf(t, s, "other"))) != 0 {
		t.Error("somebody else goes on with it")
	}
	// What was begun under a credential is not public, whatever the rest came by.
	putAs(t, s.As(mine), d, content)
	if sees(t, s.As(), d) || !sees(t, s.As(mine), d) {
		t.Error("continued content changed hands")
	}
}

func TestKeysOfDifferentHoldersNeverMeet(t *testing.T) {
	s := openTest(t, Options{})
	mine := holderOf(t, s, "mine")
	text := func(v *View, made string) string {
		f, _, err := v.Make(t.Context(), "url:x", func(_ context.Context, w io.Writer) error {
			_, err := io.Copy(w, strings.NewReader(made))
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		got, _ := io.ReadAll(f)
		if g, _, err := v.GetKey("url:x"); err != nil {
			t.Error(err)
		} else {
			g.Close()
		}
		return string(got)
	}
	if got := text(s.As(mine), "mine") + text(s.As(), "public") + text(s.As(mine), "again"); got != "minepublicmine" {
		t.Error(got)
	}
	if sees(t, s.As(), digest.FromBytes([]byte("mine"))) || !sees(t, s.As(), digest.FromBytes([]byte("public"))) {
		t.Error("what holders made is there by its digest for everybody, or what is public is not")
	}
}

func TestPartialsOfHoldersAreSwept(t *testing.T) {
	s := openTest(t, Options{})
	v := s.As(holderOf(t, s, "mine"))
	d := digest.FromBytes([]byte("x"))
	name := s.path(v.partialName(ref{"sha256", d.Hex()}))
	if err := os.WriteFile(name, []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	old := s.now().Add(-2 * partialAge)
	if err := os.Chtimes(name, old, old); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GC(t.Context(), Policy{}); err != nil {
		t.Fatal(err)
	}
	left, _ := filepath.Glob(s.path("*/*sha256-*"))
	if len(left) != 0 {
		t.Errorf("left: %q", left)
	}
}

// Shows S58.
func TestNoCredentialIsInTheStore(t *testing.T) {
	s := openTest(t, Options{})
	content := []byte("x")
	v := s.As(holderOf(t, s, "user:s3cret"))
	putAs(t, v, digest.FromBytes(content), content, v.by...)
	filepath.WalkDir(s.Dir(), func(name string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		data, err := os.ReadFile(name)
		if bytes.Contains(data, []byte("s3cret")) || strings.Contains(name, "s3cret") {
			t.Errorf("%s holds it", name)
		}
		return err
	})
}
