package untrusted

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"

	"github.com/BurntSushi/toml"
)

// Shows S76.
func TestNestingWithoutBoundIsNotDecoded(t *testing.T) {
	const n = 200_000
	for name, text := range map[string]string{
		"lists":           "a = " + strings.Repeat("[", n),
		"inline tables":   "a = " + strings.Repeat("{a=", n),
		"both":            "a = " + strings.Repeat("[{a=", n),
		"a key":           "a" + strings.Repeat(".a", n) + " = 1",
		"a key, spaced":   "a" + strings.Repeat(" . a", n) + " = 1",
		"a quoted key":    "a" + strings.Repeat(`."a"`, n) + " = 1",
		"a header":        "[a" + strings.Repeat(".a", n) + "]",
		"a table's key":   "a = {a" + strings.Repeat(".a", n) + " = 1}",
		"behind a string": "b = \"\"\"\n#\\\"\"\"\" \na = " + strings.Repeat("[", n),
		"behind a quote":  "b = 'it'\na = " + strings.Repeat("[", n),
		"an open string":  "b = \"\na = " + strings.Repeat("[", n),
	} {
		t.Run(name, func(t *testing.T) {
			var v map[string]any
			_, err := DecodeTOML(text, &v)
			if err == nil || !strings.Contains(err.Error(), "too deeply") {
				t.Errorf("%.200v", err)
			}
		})
	}
}

func TestWhatPeopleWriteIsDecoded(t *testing.T) {
	for _, text := range []string{
		"a = 1\n[b.c.d]\ne = [[1, 2], [{f = 'x'}]]\n",
		"a = '[[['\nb = \"{{{\\\"\"\nc = '''\n[[[\n'''\nd = \"\"\"[[[\\\"\"\"\"\n# [[[[\n",
		"a = '" + strings.Repeat("[", 1000) + "'\nb = [" + strings.Repeat("1.5, ", 1000) + "]\n# " + strings.Repeat("{", 1000),
		strings.Repeat("[[x]]\na.b.c = {d = [1]}\n", 100),
		"a = \"" + strings.Repeat(".", 1000) + "\"\n",
	} {
		var got, want map[string]any
		_, err := DecodeTOML(text, &got)
		if _, werr := toml.Decode(text, &want); err != nil || werr != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%.60q: %v, %v", text, err, werr)
		}
	}
}

// Shows S76.
func TestReadFileTakesRegularFilesOfTheSizeOnly(t *testing.T) {
	dir := t.TempDir()
	file, pipe, zero := filepath.Join(dir, "file"), filepath.Join(dir, "pipe"), filepath.Join(dir, "zero")
	if err := os.WriteFile(file, []byte("12345"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("/dev/zero", zero); err != nil {
		t.Fatal(err)
	}
	if data, err := ReadFile(file, 5); err != nil || string(data) != "12345" {
		t.Errorf("%q, %v", data, err)
	}
	for name, max := range map[string]int64{file: 4, pipe: 100, zero: 100, dir: 100, filepath.Join(dir, "none"): 100} {
		if data, err := ReadFile(name, max); err == nil {
			t.Errorf("%s: %q", name, data)
		}
	}
}

// FuzzTooDeep: what is refused is nested, and what the decoder takes in depth is refused.
func FuzzTooDeep(f *testing.F) {
	f.Add("a = [[{b = 1}]]", 3)
	f.Add("a.b.c = '''x'''", 70)
	f.Add("[x]\na = \"\\\"[\"", 1)
	f.Fuzz(func(t *testing.T, text string, n int) {
		if len(text) > 1<<10 || tooDeep(text) > 0 {
			return
		}
		// A good text with a good deep value behind it.
		if n = n % 200; n <= 0 {
			return
		}
		var v map[string]any
		if _, err := toml.Decode(text, &v); err != nil || v["deep"] != nil {
			return
		}
		deep := text + "\ndeep_" + strings.Repeat("x", 8) + " = " + strings.Repeat("[", n) + strings.Repeat("]", n) + "\n"
		if _, err := toml.Decode(deep, &v); err == nil && n > maxDepth && tooDeep(deep) == 0 {
			t.Errorf("%q has passed", deep)
		}
	})
}
