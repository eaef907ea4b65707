package locks

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/BurntSushi/toml"
)

func fuzzFormat(f *testing.F, s sample) {
	f.Add(s.valid(f))
	f.Add(s.many(2))
	for _, m := range s.malformed {
		f.Add([]byte(m.data))
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkAnswer(t, s, data) })
}

func FuzzPylock(f *testing.F)       { fuzzFormat(f, pylockSample()) }
func FuzzUV(f *testing.F)           { fuzzFormat(f, uvSample()) }
func FuzzRequirements(f *testing.F) { fuzzFormat(f, requirementsSample()) }
func FuzzNpm(f *testing.F)          { fuzzFormat(f, npmSample()) }
func FuzzYarn(f *testing.F)         { fuzzFormat(f, yarnSample()) }
func FuzzPnpm(f *testing.F)         { fuzzFormat(f, pnpmSample()) }
func FuzzBundler(f *testing.F)      { fuzzFormat(f, bundlerSample()) }
func FuzzGoSum(f *testing.F)        { fuzzFormat(f, gomodSample()) }
func FuzzCargo(f *testing.F)        { fuzzFormat(f, cargoSample()) }
func FuzzGeneric(f *testing.F)      { fuzzFormat(f, genericSample()) }
func FuzzRPM(f *testing.F)          { fuzzFormat(f, rpmSample()) }
func FuzzBerry(f *testing.F)        { fuzzFormat(f, berrySample()) }
func FuzzMaven(f *testing.F)        { fuzzFormat(f, mavenSample()) }

// FuzzNpmRewriteStaysJSON: what npm gets to read is JSON that differs in
// strings alone.
func FuzzNpmRewriteStaysJSON(f *testing.F) {
	s := npmSample()
	f.Add(s.valid(f))
	f.Add([]byte(`{"lockfileVersion":3,"packages":{"node_modules/a":{"version":"1"}}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		lock, err := s.parse(s.source(data))
		if err != nil {
			return
		}
		for _, r := range lock.Rewrites {
			if !json.Valid(r.Content) {
				t.Errorf("%s is no JSON any more:\n%s", r.Path, r.Content)
			}
		}
	})
}

// FuzzUVRewriteStaysALock: what uv gets to read is the same lock with other places.
func FuzzUVRewriteStaysALock(f *testing.F) {
	s := uvSample()
	f.Add(s.valid(f))
	f.Add(s.many(2))
	f.Add([]byte("version = 1\n[[package]]\nname = \"a\"\nsource = { url = \"https://h/a%22b.whl\" }\nwheels = [{ url = \"https://h/a%22b.whl\" }]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lock, err := s.parse(s.source(data))
		if err != nil {
			return
		}
		for _, r := range lock.Rewrites {
			before, err1 := readTOML(data)
			after, err2 := readTOML(r.Content)
			if err1 != nil || err2 != nil || len(before.get("package").items) != len(after.get("package").items) {
				t.Errorf("%v, %v:\n%s", err1, err2, r.Content)
			}
		}
	})
}

// FuzzPlainYAMLAgreesWithFullYAML: the short way may refuse, but never differ.
func FuzzPlainYAMLAgreesWithFullYAML(f *testing.F) {
	for _, s := range []sample{genericSample(), rpmSample(), pnpmSample()} {
		f.Add(string(s.valid(f)))
		f.Add(string(s.many(2)))
		for _, m := range s.malformed {
			f.Add(m.data)
		}
	}
	for _, text := range []string{
		"a:\n- b\n- c: d\n  e: 'f'\ng: []\n", "a: b\n  c\n", "a:\nb: c\n", "- a: b\n\n# x\n- a: c # d\n",
		"a: 'b''c'\n", "a: \"b\\n\"\n", "a:   b  \n", "---\na: b\n...\n", "a: b: c\n", "a: null\n", "x: !!str y\n", "---\n---\na: b\n",
		strings.Repeat("k", 1025) + ": v\n",
		"a: {b: [c, 'd'], e: >=1}\n", "a: {b: [c, 'd''e'], \"f\": ^1 || 2}\n'@g/h@1(i@2)': {j: k://l}\n", "- [a, b,]\n- {}\n- []\n",
		"a: {b}\n", "a: [b: c]\n", "a: {b: c} d\n", "a: {b: }\n", "a: ''''\n", "'a' : b\n", "<<: {a: b}\n", "(a): ~\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		plain, ok := readPlainYAML(text)
		if !ok {
			return
		}
		full, err := readFullYAML([]byte(text))
		if err != nil {
			t.Fatalf("only the short way accepts %q: %v", text, err)
		}
		if d := differ(plain, full); d != "" {
			t.Fatalf("%q: %s", text, d)
		}
	})
}

func differ(a, b *node) string {
	if a.kind != b.kind || a.text != b.text || a.line != b.line || a.pos != b.pos || len(a.items) != len(b.items) {
		return fmt.Sprintf("kind %d, %q, line %d, byte %d, %d items; yaml.v3: kind %d, %q, line %d, byte %d, %d items",
			a.kind, a.text, a.line, a.pos, len(a.items), b.kind, b.text, b.line, b.pos, len(b.items))
	}
	if !reflect.DeepEqual(a.keys, b.keys) {
		return fmt.Sprintf("keys %v and %v", a.keys, b.keys)
	}
	for i := range a.items {
		if d := differ(a.items[i], b.items[i]); d != "" {
			return d
		}
	}
	return ""
}

func TestToolWrittenYAMLTakesTheShortWay(t *testing.T) {
	for _, file := range []string{"quay.pnpm-lock.yaml", "odh.rpms.lock.yaml", "odh.artifacts.lock.yaml", "quay.artifacts.lock.yaml"} {
		text := string(readReal(t, file))
		plain, ok := readPlainYAML(text)
		if !ok {
			t.Errorf("%s takes the long way", file)
			continue
		}
		full, err := readFullYAML([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if d := differ(plain, full); d != "" {
			t.Errorf("%s: %s", file, d)
		}
	}
}

// FuzzTOMLAgreesWithBurntSushi: the same documents are accepted, with the same
// values. Both may be more lenient than TOML 1.0, in different places; there
// the values of what both accept still have to agree.
func FuzzTOMLAgreesWithBurntSushi(f *testing.F) {
	f.Add(string(pylockSample().valid(f)))
	for _, m := range pylockSample().malformed {
		f.Add(m.data)
	}
	for _, text := range tomlTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		mine, err := readTOML([]byte(text))
		if err != nil {
			return
		}
		var theirs map[string]any
		if _, err := toml.Decode(text, &theirs); err != nil {
			return
		}
		if d := differTOML("", mine, theirs); d != "" {
			t.Fatalf("%q: %s", text, d)
		}
	})
}

// tomlTexts are valid documents, beside those that stand in testdata.
var tomlTexts = []string{
	"", "\n#x\n", "a=1", "a.b.c = 1\na.b.d = 2", "[a]\nb.c=1\n[a.d]\n", "[a.b.c]\nx=1\n[a]\ny=2",
	"[[a]]\nx=1\n[[a]]\n[a.b]\ny=1\n[[a.c]]\n[[a.c]]", "a = [1, 2,\n #c\n 3,]", "a = {b = 1, c.d = 'x'}",
	`"a b".'c.d' = "\u00e9\t\"\\"`, "a = '''\nx'y''z'''''", "a = \"\"\"\\\n  x\\\n  y\"\"\"\"\"", "a = 0x_1",
	"a = 1_000\nb = 0xFF\nc = 0o17\nd = 0b11\ne = -0\nf = +9", "a = 1.5e+3\nb = 6.6_2\nc = inf\nd = -nan\ne = 1e5",
	"a = 1979-05-27T07:32:00Z\nb = 1979-05-27 07:32:00.5+01:00\nc = 1979-05-27\nd = 07:32:00", "a = true\r\nb = false\r\n",
}

func TestValidTOMLIsRead(t *testing.T) {
	for _, text := range tomlTexts {
		var theirs map[string]any
		_, err := toml.Decode(text, &theirs)
		mine, myErr := readTOML([]byte(text))
		if (err == nil) != (myErr == nil) {
			t.Errorf("%q: %v; BurntSushi: %v", text, myErr, err)
		} else if err == nil {
			if d := differTOML("", mine, theirs); d != "" {
				t.Errorf("%q: %s", text, d)
			}
		}
	}
}

func TestInvalidTOMLIsRefusedWithItsLine(t *testing.T) {
	lenient := map[string]bool{ // invalid by TOML 1.0, and accepted by BurntSushi 1.6
		"[a.b]\n[a]\nb.c = 1": true, "a = {b = 1}\n[a.c]": true, "a = {b = 1}\na.c = 1": true,
		"a = {b.c = 1, b = 2}": true, "a.b = 1\n[a]": true,
	}
	for _, text := range []string{
		"a", "a =", "a = 1 b = 2", "a = 1\na = 2", "[a]\n[a]", "a = 1\n[a]", "[a.b]\n[a]\nb.c = 1", "a = []\n[[a]]",
		"[[a]]\n[a]", "a = {b = 1}\n[a.c]", "a = {b = 1}\na.c = 1", "a = {b.c = 1, b = 2}", "a = [1 2]", "a = 'x\ny'",
		"a = \"\\q\"", "a = \"\\ud800\"", "a = 01", "a = 1__0", "a = _1", "a = 1.", "a = .5", "a = 1e", "a = tru",
		"a = 2020-13-01", "[a", "[[a]", "[]", "[a.]", "= 1", "a.b. = 1", "a = \"\x01\"", "#\x01", "a = 1\rb = 2", "a = \"\xff\"",
		"[a.b]\n[a.b.c]\n[a.b]", "a.b = 1\n[a]", "a = +-1", "a = {", "a = [", "a = \"\"\"x", "a = 0x", "a = '''x",
	} {
		_, err := readTOML([]byte("\n" + text))
		if e := (*Error)(nil); !errors.As(err, &e) || e.Line < 2 || e.Line > 4 {
			t.Errorf("%q: %v", text, err)
		}
		var theirs map[string]any
		if _, err := toml.Decode(text, &theirs); err == nil && !lenient[text] {
			t.Errorf("BurntSushi accepts %q: is it invalid?", text)
		}
	}
}

// differTOML compares a node with BurntSushi's value.
func differTOML(at string, n *node, v any) string {
	bad := func() string { return fmt.Sprintf("%s: kind %d %q, BurntSushi: %T %v", at, n.kind, n.text, v, v) }
	switch v := v.(type) {
	case map[string]any:
		if n.kind != kindMap || len(v) != len(n.keys) {
			return bad()
		}
		for i, k := range n.keys {
			if d := differTOML(at+"."+k.name, n.items[i], v[k.name]); d != "" {
				return d
			}
		}
	case []map[string]any:
		items := make([]any, len(v))
		for i := range v {
			items[i] = v[i]
		}
		return differTOML(at, n, items)
	case []any:
		if n.kind != kindList || len(v) != len(n.items) {
			return bad()
		}
		for i := range v {
			if d := differTOML(at+"[]", n.items[i], v[i]); d != "" {
				return d
			}
		}
	case string:
		if n.kind != kindString || n.text != v {
			return bad()
		}
	case int64:
		if n.kind != kindBare || n.text != strconv.FormatInt(v, 10) {
			return bad()
		}
	case bool, float64, time.Time:
		if n.kind != kindBare {
			return bad()
		}
	default:
		return bad()
	}
	return ""
}

func TestRewriteWithoutResolvedFollowsTheFilesStyle(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`{"version":"1"}`, `{"version":"1","resolved":"file:///o/deps/npm/a-1.tgz"}`},
		{"{\r\n\t\"version\" : \"1\",\r\n\t\"dev\" : true\r\n}",
			"{\r\n\t\"version\" : \"1\",\r\n\t\"resolved\" : \"file:///o/deps/npm/a-1.tgz\",\r\n\t\"dev\" : true\r\n}"},
	} {
		head, tail := `{"lockfileVersion":3,"packages":{"node_modules/a":`, `}}`
		lock, err := Parse("npm", Source{
			Path: "package-lock.json", Data: []byte(head + c.in + tail), OutputDir: "/o",
			RegistryURL: func(string) string { return "https://own.example.org" },
		})
		if err != nil {
			t.Fatal(err)
		}
		got := lock.Rewrites[0].Content
		if want := head + c.want + tail; string(got) != want {
			t.Errorf("%q\nbecame %q\nwant   %q", c.in, got, want)
		}
		if !bytes.HasPrefix(got, []byte(head)) || strings.Count(string(got), "resolved") != 1 {
			t.Errorf("%s", got)
		}
	}
}
