package tree

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

func encoded(t interface{ Fatal(...any) }, tr *Tree) []byte {
	var buf bytes.Buffer
	if err := Encode(&buf, tr); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// sample has every kind of file.
func sample() *Tree {
	tr, err := Build(inputs, []File{
		{Path: "deps/pip/a.whl", Size: 1, Digest: digestA, URLs: []string{"https://example.org/a.whl", "https://example.org/b"}, Group: "pip", Fits: true, Unverified: true},
		{Path: "deps/pip/b.whl", Size: SizeUnknown, Digest: sha1A, Input: 1, Rank: 7},
		{Path: "cachi2.env", Content: []byte("export A=b\n")},
		{Path: "empty", Content: []byte{}},
		{Path: "made", Size: SizeUnknown, Make: &Recipe{Kind: "git", Args: map[string]string{"ref": "1", "url": "u"}}},
	}, []Dir{
		{Path: "deps/rpm/repodata", Make: Recipe{Kind: "repodata", Args: map[string]string{"dir": "x"}}, Input: 1},
		{Path: "deps/cargo/a-1", Make: Recipe{Kind: "crate", From: &File{Size: 7, Digest: digestA, URLs: []string{"https://example.org/a", "u"}}}},
		{Path: "deps/cargo/b-1", Make: Recipe{Kind: "git", From: &File{Size: SizeUnknown, URLs: []string{"u"}}}},
	})
	if err != nil {
		panic(err)
	}
	return tr
}

func TestWireRoundTrip(t *testing.T) {
	same := func(t interface{ Fatal(...any) }, want *Tree) {
		data := encoded(t, want)
		got, err := Decode(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		kept, err := DecodeKept(data)
		if diff := cmp.Diff(got, kept); err != nil || diff != "" {
			t.Fatal(err, diff)
		}
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
		for i := range want.Files { // which EquateEmpty does not tell apart
			if (want.Files[i].Content == nil) != (got.Files[i].Content == nil) {
				t.Fatal("an empty generated file is no longer one: " + want.Files[i].Path)
			}
		}
		if want.Fingerprint() != got.Fingerprint() {
			t.Fatal("the fingerprint changed on the wire")
		}
	}
	t.Run("sample", func(t *testing.T) { same(t, sample()) })
	t.Run("empty", func(t *testing.T) { same(t, &Tree{}) })
	t.Run("any", func(t *testing.T) { rapid.Check(t, func(t *rapid.T) { same(t, trees(t)) }) })
}

func TestDecodeLeavesWhatFollows(t *testing.T) {
	r := bufio.NewReader(io.MultiReader(bytes.NewReader(encoded(t, sample())), strings.NewReader("next")))
	if _, err := Decode(r); err != nil {
		t.Fatal(err)
	}
	if rest, _ := io.ReadAll(r); string(rest) != "next" {
		t.Errorf("%q is left", rest)
	}
}

func TestDecodeReportsTruncationAtEveryByte(t *testing.T) {
	whole := encoded(t, sample())
	for n := range whole {
		_, err := Decode(bytes.NewReader(whole[:n]))
		_, kerr := DecodeKept(whole[:n])
		if !errors.Is(err, io.ErrUnexpectedEOF) || !errors.Is(kerr, io.ErrUnexpectedEOF) {
			t.Errorf("%d of %d bytes: %v, %v", n, len(whole), err, kerr)
		}
	}
}

func TestDecodeNeverPanicsOnAFlippedByte(t *testing.T) {
	whole := encoded(t, sample())
	for i := range whole {
		for _, x := range []byte{0x01, 0x80, 0xff} {
			damaged := bytes.Clone(whole)
			damaged[i] ^= x
			if tr, err := Decode(bytes.NewReader(damaged)); err == nil {
				checkValid(t, tr)
			}
			_, _ = DecodeKept(damaged)
		}
	}
}

func TestDecodeRefusesAnotherVersion(t *testing.T) {
	data := encoded(t, sample())
	data[len(wireMagic)]++
	if _, err := Decode(bytes.NewReader(data)); err == nil || !strings.Contains(err.Error(), "version 3") {
		t.Errorf("got %v", err)
	}
	if _, err := Decode(strings.NewReader("<html>no tree")); err == nil || !strings.Contains(err.Error(), "no tree") {
		t.Errorf("got %v", err)
	}
}

// Shows S47.
func TestDecodeRefusesWhatBuildRefuses(t *testing.T) {
	for name, tr := range map[string]*Tree{
		"path leaves the tree": {Inputs: inputs, Files: []File{{Path: "../x"}}},
		"out of order":         {Inputs: inputs, Files: []File{{Path: "b"}, {Path: "a"}}},
		"twice":                {Inputs: inputs, Files: []File{{Path: "a"}, {Path: "a"}}},
		"no input":             {Files: []File{{Path: "a"}}},
		"file above file":      {Inputs: inputs, Files: []File{{Path: "a"}, {Path: "a/b"}}},
		"dirs out of order":    {Inputs: inputs, Dirs: []Dir{{Path: "b"}, {Path: "a"}}},
		"bad dir":              {Inputs: inputs, Dirs: []Dir{{Path: "/b"}}},
		"dir of no input":      {Dirs: []Dir{{Path: "b"}}},
		"malformed digest":     {Inputs: inputs, Files: []File{{Path: "a", Digest: "sha256:00"}}},
		"unknown algorithm":    {Inputs: inputs, Files: []File{{Path: "a", Digest: "crc:00"}}},
		"negative size":        {Inputs: inputs, Files: []File{{Path: "a", Size: -5}}},
		"content and recipe":   {Inputs: inputs, Files: []File{{Path: "a", Content: []byte{}, Digest: digest.FromBytes(nil), Make: &Recipe{}}}},
		"content of another":   {Inputs: inputs, Files: []File{{Path: "a", Content: []byte{}, Digest: digestA}}},
		"content of no digest": {Inputs: inputs, Files: []File{{Path: "a", Content: []byte{}}}},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := Decode(bytes.NewReader(encoded(t, tr))); err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A few bytes that announce a lot must not make the decoder reserve a lot.
func TestDecodeReservesNothingForAnnouncedCounts(t *testing.T) {
	head := append([]byte(wireMagic), wireVersion)
	oneInput := append(bytes.Clone(head), 1, 0, 0, 0)
	for name, data := range map[string][]byte{
		"inputs":         binary.AppendUvarint(bytes.Clone(head), maxInputs),
		"files":          binary.AppendUvarint(bytes.Clone(oneInput), maxFiles),
		"too many":       binary.AppendUvarint(bytes.Clone(oneInput), 1<<63),
		"path":           binary.AppendUvarint(append(bytes.Clone(oneInput), 1, 0), maxString),
		"content":        binary.AppendUvarint(append(bytes.Clone(oneInput), 1, 0, 1, 'p', flagContent, 0, 0, 0, 0, 0), maxContent),
		"endless varint": append(bytes.Clone(head), bytes.Repeat([]byte{0x80}, 20)...),
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			if _, err := Decode(bytes.NewReader(data)); err == nil {
				t.Error("accepted")
			}
			runtime.ReadMemStats(&after)
			if n := after.TotalAlloc - before.TotalAlloc; n > 8<<20 {
				t.Errorf("%d bytes were allocated for %d", n, len(data))
			}
		})
	}
}

type brokenWriter struct{}

func (brokenWriter) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestEncodeReportsABrokenPipe(t *testing.T) {
	if err := Encode(brokenWriter{}, sample()); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("got %v", err)
	}
}

// checkValid holds a decoded tree to the promises of the package.
func checkValid(t testing.TB, tr *Tree) {
	t.Helper()
	again, err := Build(tr.Inputs, append([]File(nil), tr.Files...), append([]Dir(nil), tr.Dirs...))
	if err != nil {
		t.Fatalf("Decode returned a tree that Build refuses: %v", err)
	}
	if diff := cmp.Diff(tr, again, cmpopts.EquateEmpty()); diff != "" {
		t.Fatal(diff)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(encoded(f, sample()))
	f.Add(encoded(f, &Tree{}))
	f.Fuzz(func(t *testing.T, data []byte) {
		tr, err := Decode(bytes.NewReader(data))
		if err != nil {
			return
		}
		checkValid(t, tr)
		again, err := Decode(bytes.NewReader(encoded(t, tr)))
		if err != nil {
			t.Fatalf("a decoded tree does not survive the wire: %v", err)
		}
		if diff := cmp.Diff(tr, again, cmpopts.EquateEmpty()); diff != "" {
			t.Fatal(diff)
		}
	})
}
