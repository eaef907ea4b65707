package wire

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lazybuild/lazybuild/internal/sumfile"
	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

func testTree(t testing.TB) *tree.Tree {
	t.Helper()
	tr, err := tree.Build([]tree.Input{{Type: "npm", Lock: "package-lock.json", FoundBy: "flag"}}, []tree.File{
		{Path: "deps/npm/a.tgz", Size: 3, Digest: digest.FromBytes([]byte("abc")), URLs: []string{"https://user:pw@example.org/a.tgz"}, Group: "0", Fits: true, Rank: 4},
		{Path: "small", Content: []byte("\x10\x11 detach keys")},
	}, []tree.Dir{{Path: "repodata", Make: tree.Recipe{Kind: "repodata", Args: map[string]string{"dir": "x"}}}})
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

func fullSpec() Spec {
	return Spec{
		Version: Version, BuildID: "id", Dir: "/d", Output: "/d/o", ReadOnly: true, Scratch: "/s", UserXattr: true, Store: "/store",
		Files: map[string][]byte{"cachi2.env": []byte("export A=\x10\n")},
		View:  &View{Lower: "/l", Target: "/d/t", Files: map[string][]byte{"f": {0, 255}}},
		CA:    []byte("pem"), HTTPProxy: "http://p", HTTPSProxy: "http://q", NoProxy: "localhost",
		Credentials: []Credential{{
			Host: "example.org", Prefix: "/p", PlainHTTP: true, User: "u", Password: "p", Bearer: "b",
			Header: map[string]string{"X": "h"}, Cert: []byte("c"), Key: []byte("k"), CA: []byte("a"), Source: "there",
		}},
		LookedAt:        []string{"there"},
		AllowUnverified: "weak", ReadAhead: "trace", TraceKey: "key", NoPassthrough: true,
	}
}

func TestSpecArrivesAsItWasSent(t *testing.T) {
	var sent bytes.Buffer
	if err := WriteSpec(&sent, fullSpec(), testTree(t)); err != nil {
		t.Fatal(err)
	}
	sent.WriteString(ByeOK + "\n")
	for _, c := range sent.Bytes() {
		if c != '\n' && (c < ' ' || c > '~') {
			t.Fatalf("byte %#x would be taken for a detach key or mangled by a terminal", c)
		}
	}
	r := bufio.NewReader(iotestOneByte{&sent})
	spec, tr, err := ReadSpec(r)
	if err != nil {
		t.Fatal(err)
	}
	want := fullSpec()
	want.TreeBytes = spec.TreeBytes
	if d := cmp.Diff(want, spec); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(testTree(t), tr); d != "" {
		t.Error(d)
	}
	if got := WaitBye(r); got != Succeeded {
		t.Errorf("what follows was lost: %v", got)
	}
}

func TestWhatIsKeptBelowTheStoreIsNotSent(t *testing.T) {
	want := fullSpec()
	want.Store = t.TempDir()
	var encoded bytes.Buffer
	if err := tree.Encode(&encoded, testTree(t)); err != nil {
		t.Fatal(err)
	}
	long := bytes.Repeat([]byte("long"), 1000)
	var err error
	if want.TreeFile, err = sumfile.Write(want.Store, encoded.Bytes()); err != nil {
		t.Fatal(err)
	}
	kept, err := sumfile.Write(want.Store, long)
	if err != nil {
		t.Fatal(err)
	}
	want.View.Kept = map[string]string{"g": kept}
	var sent bytes.Buffer
	if err := WriteSpec(&sent, want, nil); err != nil {
		t.Fatal(err)
	}
	if sent.Len() > len(long) {
		t.Errorf("%d bytes were sent", sent.Len())
	}
	sent.WriteString(ByeOK + "\n")
	all := sent.String()
	r := bufio.NewReader(strings.NewReader(all))
	spec, tr, err := ReadSpec(r)
	if err != nil {
		t.Fatal(err)
	}
	want.View.Files["g"] = long
	if d := cmp.Diff(want, spec); d != "" {
		t.Error(d)
	}
	if d := cmp.Diff(testTree(t), tr); d != "" {
		t.Error(d)
	}
	if got := WaitBye(r); got != Succeeded {
		t.Errorf("what follows was lost: %v", got)
	}
	for _, name := range []string{kept, want.TreeFile} {
		path := filepath.Join(want.Store, name)
		good, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, good[1:], 0o600); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ReadSpec(bufio.NewReader(strings.NewReader(all))); err == nil {
			t.Errorf("%s is damaged, and nobody has noticed", name)
		}
		if err := os.WriteFile(path, good, 0o600); err != nil {
			t.Fatal(err)
		}
		outside := strings.ReplaceAll(all, name, "../"+name)
		if _, _, err := ReadSpec(bufio.NewReader(strings.NewReader(outside))); err == nil || !strings.Contains(err.Error(), "not below the store") {
			t.Errorf("a file outside of the store: %v", err)
		}
	}
}

// iotestOneByte returns one byte at a time, as a slow pipe may.
type iotestOneByte struct{ r io.Reader }

func (o iotestOneByte) Read(p []byte) (int, error) { return o.r.Read(p[:min(len(p), 1)]) }

func TestCutSpecIsAnError(t *testing.T) {
	var sent bytes.Buffer
	if err := WriteSpec(&sent, fullSpec(), testTree(t)); err != nil {
		t.Fatal(err)
	}
	all := sent.Bytes()
	for n := range len(all) {
		if _, _, err := ReadSpec(bufio.NewReader(bytes.NewReader(all[:n]))); err == nil {
			t.Fatalf("%d of %d bytes are a spec", n, len(all))
		}
	}
}

func TestOtherVersionIsRefused(t *testing.T) {
	_, _, err := ReadSpec(bufio.NewReader(strings.NewReader(fmt.Sprintf(`{"Version":%d}`+"\n", Version+1))))
	if err == nil || !strings.Contains(err.Error(), fmt.Sprint("version ", Version+1)) {
		t.Errorf("%v", err)
	}
}

func TestEndlessSpecIsRefused(t *testing.T) {
	_, err := readLine(bufio.NewReader(endless{}), 1<<10)
	if err == nil || !strings.Contains(err.Error(), "longer") {
		t.Errorf("%v", err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

func TestSpecCannotBeSentToTheDead(t *testing.T) {
	r, w := io.Pipe()
	r.Close()
	if err := WriteSpec(w, Spec{}, testTree(t)); err == nil {
		t.Error("no error")
	}
}

func TestWaitBye(t *testing.T) {
	for in, want := range map[string]End{
		"bye\n": Ended, "bye ok\n": Succeeded, "bye failed\n": Failure, "": Gone, "bye": Gone, "bye ok": Gone,
		"\n\nnoise\nbye ok\n": Succeeded, "bye okay\n": Gone, "bye ok\nbye failed\n": Succeeded, strings.Repeat("x", 2<<10): Gone,
	} {
		if got := WaitBye(bufio.NewReader(strings.NewReader(in))); got != want {
			t.Errorf("%.20q: %v, want %v", in, got, want)
		}
	}
}

func FuzzReadSpec(f *testing.F) {
	var sent bytes.Buffer
	if err := WriteSpec(&sent, fullSpec(), testTree(f)); err != nil {
		f.Fatal(err)
	}
	f.Add(sent.Bytes())
	f.Add([]byte(`{"Version":1,"TreeBytes":-1}` + "\n"))
	f.Add([]byte(`{"Version":1,"TreeBytes":9223372036854775807}` + "\nAAAA"))
	f.Fuzz(func(t *testing.T, data []byte) {
		spec, tr, err := ReadSpec(bufio.NewReader(bytes.NewReader(data)))
		if err != nil {
			return
		}
		var again bytes.Buffer
		if err := WriteSpec(&again, spec, tr); err != nil {
			t.Fatal(err)
		}
		if _, _, err := ReadSpec(bufio.NewReader(&again)); err != nil {
			t.Errorf("what was read cannot be sent: %v", err)
		}
	})
}
