package locks

import (
	"bytes"
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"sort"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the golden files anew")

// sample is what the conformance suite needs to know about a format. A new
// format adds one to samples and is held to everything below.
type sample struct {
	name string // of the format
	file string // the valid lock below testdata/conformance, with its golden file beside it
	typ  string
	// found is the file that discovery finds, where that is not file itself.
	found string
	// empty says that an empty file is a lock that names nothing.
	empty bool
	// siblings are the files beside the lock.
	siblings map[string]string
	// naming makes a lock whose one file would stand at the given name; nil
	// where a name can't hold that text.
	naming func(name string) string
	// malformed locks, each with the line and a part of the message.
	malformed []malformed
	many      func(n int) []byte
}

type malformed struct {
	name, data string
	line       int
	msg        string
}

func samples() []sample {
	return []sample{
		pylockSample(), uvSample(), requirementsSample(), npmSample(), yarnSample(), pnpmSample(), bundlerSample(), gomodSample(), cargoSample(), genericSample(), rpmSample(),
		mavenSample(), berrySample(),
	}
}

func (s sample) source(data []byte) Source {
	return Source{
		Path: "dir/" + s.file, Data: data, OutputDir: "/cachi2/output", SourceRPMs: true,
		Sibling: func(name string) ([]byte, error) {
			if text, ok := s.siblings[name]; ok {
				return []byte(text), nil
			}
			return nil, fmt.Errorf("%s: %w", name, fs.ErrNotExist)
		},
		RegistryURL: func(format string) string { return ownRegistry(format) },
		Mirror:      func(string) string { return "https://own.example.org/npm/" },
	}
}

// ownRegistry is what the user of the samples has configured.
func ownRegistry(format string) string {
	if strings.HasPrefix(format, "cargo:") && strings.Contains(format, "unknown") {
		return ""
	}
	if format == "cargo:"+crates {
		return "https://dl.example.org/{crate}/{crate}-{version}.crate"
	}
	if format == "gomod" {
		return "https://goproxy.example.org|mirror.example.org/go/,direct"
	}
	return "https://own.example.org/npm/"
}

func (s sample) parse(src Source) (*Lock, error) { return Parse(s.typ, src) }

func (s sample) valid(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "conformance", s.file))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func each(t *testing.T, f func(t *testing.T, s sample)) {
	for _, s := range samples() {
		t.Run(s.name, func(t *testing.T) { f(t, s) })
	}
}

func TestValidLockGivesItsGoldenArtifacts(t *testing.T) {
	each(t, func(t *testing.T, s sample) {
		lock, err := s.parse(s.source(s.valid(t)))
		if err != nil {
			t.Fatal(err)
		}
		got := dump(lock)
		golden := filepath.Join("testdata", "conformance", s.file+".golden")
		if *update {
			if err := os.WriteFile(golden, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("the result differs from %s:\n%s", golden, got)
		}
	})
}

func TestSampleIsFoundByItsFileName(t *testing.T) {
	each(t, func(t *testing.T, s sample) {
		f, ok := ForFile(cmp.Or(s.found, s.file))
		if !ok || f.Type != s.typ {
			t.Errorf("ForFile(%q) = %q, %v", s.file, f.Type, ok)
		}
	})
}

func TestParsingTwiceGivesTheSame(t *testing.T) {
	each(t, func(t *testing.T, s sample) {
		data := s.valid(t)
		first, err1 := s.parse(s.source(data))
		second, err2 := s.parse(s.source(slices.Clone(data)))
		if err1 != nil || err2 != nil || !reflect.DeepEqual(first, second) {
			t.Errorf("two results: %v, %v", err1, err2)
		}
		if !bytes.Equal(data, s.valid(t)) {
			t.Error("the parser has changed its input")
		}
	})
}

// Shows S36.
func TestMalformedLockIsAnErrorWithFileAndLine(t *testing.T) {
	each(t, func(t *testing.T, s sample) {
		common := []malformed{{"binary", "\x00\x01\xff\xfe", -1, ""}}
		if !s.empty {
			common = append(common, malformed{"empty", "", -1, ""})
		}
		for _, m := range append(common, s.malformed...) {
			t.Run(m.name, func(t *testing.T) {
				e := parseError(t, s, m.data)
				if m.line >= 0 && e.Line != m.line {
					t.Errorf("line %d, want %d: %v", e.Line, m.line, e)
				}
				if !strings.Contains(e.Error(), m.msg) {
					t.Errorf("%q doesn't say %q", e, m.msg)
				}
			})
		}
	})
}

// parseError parses data, which must fail with a good *Error.
func parseError(t *testing.T, s sample, data string) *Error {
	t.Helper()
	lock, err := s.parse(s.source([]byte(data)))
	if err == nil {
		t.Fatalf("no error: %s", dump(lock))
	}
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no *Error", err)
	}
	if e.File != "dir/"+s.file || e.Msg == "" {
		t.Errorf("file %q, message %q", e.File, e.Msg)
	}
	if strings.Contains(e.Error(), "secret") {
		t.Errorf("the message holds a password: %v", e)
	}
	return e
}

// Shows S47.
func TestPathThatLeavesTheTreeIsRefused(t *testing.T) {
	bad := []string{
		"..", ".", "../x", "a/../../x", "/etc/passwd", "a//b", "a/", `..\x`, `a\b`, "a\x00b", "a\x01b", "a\nb",
		strings.Repeat("x", maxNameBytes+1), strings.Repeat("dir/", maxPathBytes/4) + "x",
	}
	each(t, func(t *testing.T, s sample) {
		for _, name := range bad {
			if data := s.naming(name); data != "" {
				parseError(t, s, data)
			}
		}
		if _, err := s.parse(s.source([]byte(s.naming("good-1.0.whl")))); err != nil {
			t.Errorf("a good name is refused: %v", err)
		}
	})
}

// TestTruncatedLockNeverPanics cuts the valid lock at every byte. What is cut
// in a good place may be valid; nothing may panic or lack its file.
func TestTruncatedLockNeverPanics(t *testing.T) {
	each(t, func(t *testing.T, s sample) {
		data := s.valid(t)
		for i := range data {
			checkAnswer(t, s, data[:i])
		}
	})
}

// TestBombsAreRefused: nesting, references and sizes that only an attacker writes.
//
// Shows S48.
func TestBombsAreRefused(t *testing.T) {
	deep := 200_000
	laughs := "a: &a [x,x,x,x,x,x,x,x,x]\n"
	for c := 'b'; c < 'j'; c++ {
		laughs += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat("*"+string(c-1)+",", 9), ","))
	}
	bombs := map[string]string{
		"deep lists":      strings.Repeat("[", deep),
		"deep value":      "a = " + strings.Repeat("[", deep),
		"deep tables":     strings.Repeat(`{"a":`, deep),
		"deep inline":     "a = " + strings.Repeat("{a=", deep),
		"long key":        strings.Repeat("a.", deep) + "a = 1",
		"long header":     "[" + strings.Repeat("a.", deep) + "a]",
		"deep block":      strings.Repeat("- ", 20_000) + "x",
		"deep flow yaml":  "a: " + strings.Repeat("{a: ", deep),
		"billion laughs":  laughs,
		"alias to itself": "a: &a [*a]\n",
	}
	each(t, func(t *testing.T, s sample) {
		for name, data := range bombs {
			t.Run(name, func(t *testing.T) { parseError(t, s, data) })
		}
	})
}

// Shows S48.
func TestLockOfImpossibleSizeIsNotRead(t *testing.T) {
	e := parseError(t, rpmSample(), strings.Repeat(" ", maxLockBytes+1))
	if !strings.Contains(e.Msg, "bytes") {
		t.Error(e)
	}
}

// checkAnswer parses arbitrary bytes and checks what always has to hold.
func checkAnswer(t *testing.T, s sample, data []byte) {
	t.Helper()
	lock, err := s.parse(s.source(data))
	if err != nil {
		var e *Error
		// YAML 1.1 takes a bare carriage return, U+0085, U+2028 and U+2029 for line ends.
		lines := bytes.Count(data, []byte("\n")) + bytes.Count(data, []byte("\r")) +
			bytes.Count(data, []byte("\u0085")) + bytes.Count(data, []byte("\u2028")) + bytes.Count(data, []byte("\u2029"))
		if !errors.As(err, &e) || e.File == "" || e.Line < 0 || e.Line > lines+2 {
			t.Errorf("%#v for %q", err, data)
		}
		return
	}
	seen := make(map[string]bool)
	for _, a := range lock.Artifacts {
		if err := checkPath(a.Path); err != nil || seen[a.Path] || !strings.HasPrefix(a.Path, "deps/") {
			t.Errorf("path %q: %v", a.Path, err)
		}
		seen[a.Path] = true
		if a.Make != nil && a.Digest != "" && a.Make.Kind != MakeCrate {
			t.Errorf("%s: %+v", a.Path, a)
		}
		if len(a.URLs) == 0 || a.Size < SizeUnknown {
			t.Errorf("%s: URLs %q, size %d", a.Path, a.URLs, a.Size)
		}
		if a.Digest != "" && a.Digest.Strength() == 0 {
			t.Errorf("%s: digest %q", a.Path, a.Digest)
		}
	}
}

// dump writes a lock for people to compare.
func dump(l *Lock) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s\n", l.Type, l.File)
	for _, a := range l.Artifacts {
		fmt.Fprintf(&b, "\n%s\n  line %d: %q %q, %d bytes, %s\n", a.Path, a.Line, a.Name, a.Version, a.Size, a.Digest)
		for _, u := range a.URLs {
			fmt.Fprintf(&b, "  %s\n", u)
		}
		fmt.Fprintf(&b, "  %s\n", a.PURL)
		if !reflect.ValueOf(a.Only).IsZero() {
			fmt.Fprintf(&b, "  only %+v\n", a.Only)
		}
		if a.Make != nil {
			fmt.Fprintf(&b, "  make %+v\n", *a.Make)
		}
		if a.Spare {
			fmt.Fprintln(&b, "  spare")
		}
		if a.Auth != nil {
			fmt.Fprintf(&b, "  auth %+v\n", *a.Auth)
		}
	}
	for _, p := range slices.Sorted(maps.Keys(l.Lists)) {
		fmt.Fprintf(&b, "\nlist %s %s\n", p, l.Lists[p])
	}
	for _, u := range l.Unresolved {
		fmt.Fprintf(&b, "\nunresolved %+v\n", u)
	}
	for _, x := range l.Indexes {
		fmt.Fprintf(&b, "\n%s %s\n", x.Kind, x.URL)
	}
	for _, r := range l.Repos {
		fmt.Fprintf(&b, "\nrepo %s modules %q\n", r.Dir, r.Modules)
	}
	for _, e := range l.Env {
		fmt.Fprintf(&b, "\nenv %s=%s\n", e.Name, e.Value)
	}
	for _, w := range l.Warnings {
		fmt.Fprintf(&b, "\nwarning %s\n", w)
	}
	var texts []string
	for p := range l.Texts {
		texts = append(texts, p)
	}
	sort.Strings(texts)
	for _, p := range texts {
		fmt.Fprintf(&b, "\n--- text %s\n%s", p, l.Texts[p])
	}
	for _, r := range l.Rewrites {
		fmt.Fprintf(&b, "\n--- rewrite %s\n%s", r.Path, r.Content)
	}
	return b.Bytes()
}
