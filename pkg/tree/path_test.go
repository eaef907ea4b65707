package tree

import (
	"strings"
	"testing"
)

func TestCheckPathAccepts(t *testing.T) {
	for _, p := range []string{
		"a", "deps/pip/numpy-2.1.0+cpu-cp312-cp312-manylinux_2_28_x86_64.whl", ".build-config.json",
		"deps/npm/@scope/x y.tgz", "deps/..data/...", "deps/ünïcode", strings.Repeat("n", 255),
		"a:b", "a~", "-rf",
	} {
		if err := CheckPath(p); err != nil {
			t.Errorf("CheckPath(%q): %v", p, err)
		}
	}
}

// Shows S47.
func TestCheckPathRefuses(t *testing.T) {
	for name, c := range map[string]struct{ path, says string }{
		"empty":              {"", "empty"},
		"absolute":           {"/etc/passwd", "absolute"},
		"only a slash":       {"/", "absolute"},
		"parent":             {"../x", `".."`},
		"parent inside":      {"a/../../x", `".."`},
		"parent at the end":  {"a/..", `".."`},
		"dot":                {"./a", `"."`},
		"empty segment":      {"a//b", "empty segment"},
		"trailing slash":     {"a/", "empty segment"},
		"NUL":                {"a\x00b", "NUL"},
		"backslash":          {`a\..\b`, "backslash"},
		"line break":         {"a\nb", "control"},
		"escape sequence":    {"a\x1b[2Jb", "control"},
		"delete":             {"a\x7f", "control"},
		"C1 control":         {"a\u009bb", "U+009B"},
		"bidi override":      {"a\u202egnp.exe", "U+202E"},
		"invalid UTF-8":      {"a\xff", "UTF-8"},
		"long segment":       {"x/" + strings.Repeat("n", 256), "256 bytes"},
		"long path":          {strings.Repeat("d/", 2000) + "x", "more than"},
		"overlong encodings": {"a\xc0\xaeb", "UTF-8"},
	} {
		t.Run(name, func(t *testing.T) {
			err := CheckPath(c.path)
			if err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("CheckPath(%q) = %v; want it to say %q", c.path, err, c.says)
			}
		})
	}
}

func FuzzCheckPath(f *testing.F) {
	f.Add("deps/pip/a.whl")
	f.Add("a/../b")
	f.Fuzz(func(t *testing.T, p string) {
		if CheckPath(p) != nil {
			return
		}
		for _, s := range strings.Split(p, "/") {
			if s == "" || s == "." || s == ".." {
				t.Fatalf("%q is accepted", p)
			}
		}
		if strings.ContainsAny(p, "\x00\n\r\\\x1b") {
			t.Fatalf("%q is accepted", p)
		}
	})
}
