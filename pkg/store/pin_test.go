package store

import (
	"bufio"
	"errors"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// Shows S46.
func TestAPinHoldsOtherNamesOfABlob(t *testing.T) {
	s, _ := aged(t, noLimit(), "abc")
	if err := s.Alias(sha256Of(letter('a')), sha512Of(letter('a'))); err != nil {
		t.Fatal(err)
	}
	release, err := s.Pin(t.Context(), "build", slices.Values([]digest.Digest{sha512Of(letter('a')), sha512Of("not there")}))
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if _, err := s.GC(t.Context(), Policy{MaxAge: time.Nanosecond}); err != nil {
		t.Fatal(err)
	}
	if got := kept(t, s, "abc"); got != "ac" { // c was used this moment
		t.Errorf("kept %q, want ac", got)
	}
}

func TestPinNames(t *testing.T) {
	s := openTest(t, Options{})
	for _, name := range []string{"", ".", "..", ".gate", "a/b", "../x", strings.Repeat("x", 129), "a\nb"} {
		if _, err := s.Pin(t.Context(), name, digestsOf()); err == nil {
			t.Errorf("Pin(%q) succeeded", name)
		}
	}
	release, err := s.Pin(t.Context(), "one", digestsOf("a"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := again(t, s, Options{}).Pin(t.Context(), "one", digestsOf("b")); !errors.Is(err, ErrInUse) {
		t.Errorf("a second live pin of one name: %v, want ErrInUse", err)
	}
	if err := release(); err != nil {
		t.Error(err)
	}
	if release, err = s.Pin(t.Context(), "one", digestsOf("b")); err != nil {
		t.Fatal(err)
	}
	release()
	if left := names(t, s, pinDir); len(left) != 1 {
		t.Errorf("left: %q", left)
	}
}

// Shows S46.
func TestADeadBuildsPinIsFree(t *testing.T) {
	s, _ := aged(t, noLimit(), "a")
	mustPut(t, s, testContent(1))
	cmd := child(t, "", "pin", s.Dir(), "1")
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	if line, err := bufio.NewReader(stdout).ReadString('\n'); line != "pinned\n" {
		t.Fatalf("%q, %v", line, err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(s.path(blobPath(sha256Of(testContent(1)))), old, old); err != nil {
		t.Fatal(err)
	}
	policy := Policy{MaxAge: time.Minute}
	if r, err := s.GC(t.Context(), policy); err != nil || r.Pinned != 1 || len(r.Removed) != 0 {
		t.Errorf("while it lives: %+v, %v", r, err)
	}
	if u, err := s.Du(t.Context()); err != nil || u.Pinned.Files != 1 || u.Blobs.Files != 2 {
		t.Errorf("Du: %+v, %v", u, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	stdin.Close()
	if err := cmd.Wait(); !killed(err) {
		t.Errorf("the child ended with %v", err)
	}
	if u, err := s.Du(t.Context()); err != nil || u.Pinned.Files != 0 {
		t.Errorf("Du after its death: %+v, %v", u, err)
	}
	if r, err := s.GC(t.Context(), policy); err != nil || len(r.Removed) != 1 {
		t.Errorf("after its death: %+v, %v", r, err)
	}
	if left := names(t, s, pinDir); len(left) != 1 || left[0] != pinGate {
		t.Errorf("left: %q", left)
	}
}
