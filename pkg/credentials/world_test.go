package credentials

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// world is a user's machine: files by name ("~/" is the home, "/" the root,
// anything else the project), variables, and the plan's URLs.
type world struct {
	files map[string]string
	env   []string
	urls  []string
	more  func(*Options)
}

// gather writes the files and gathers. The directory is returned too.
func (w world) gather(t *testing.T) (*Result, string, error) {
	t.Helper()
	dir := t.TempDir()
	o := Options{
		URLs: slices.Values(w.urls), Env: w.env, Home: filepath.Join(dir, "home"), Root: filepath.Join(dir, "root"),
		Dirs: []string{filepath.Join(dir, "project")},
	}
	for name, text := range w.files {
		file := filepath.Join(dir, "project", name)
		if rest, ok := strings.CutPrefix(name, "~/"); ok {
			file = filepath.Join(o.Home, rest)
		} else if filepath.IsAbs(name) {
			file = filepath.Join(o.Root, name)
		}
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if w.more != nil {
		w.more(&o)
	}
	r, err := Gather(o)
	return r, dir, err
}

// lines is what has been found, a line for each credential.
func lines(creds []wire.Credential) []string {
	out := []string{}
	for _, c := range creds {
		s := c.Host + c.Prefix
		switch {
		case c.Bearer != "":
			s += " bearer " + c.Bearer
		case c.User != "" || c.Password != "":
			s += " basic " + c.User + ":" + c.Password
		}
		for _, name := range slices.Sorted(maps.Keys(c.Header)) {
			s += fmt.Sprintf(" %s: %s", name, c.Header[name])
		}
		if c.Cert != nil {
			s += " cert"
		}
		if c.CA != nil {
			s += " ca"
		}
		if c.PlainHTTP {
			s += " plain"
		}
		out = append(out, s+" ("+c.Source+")")
	}
	return out
}

// expect compares what is found with want.
func (w world) expect(t *testing.T, want ...string) *Result {
	t.Helper()
	r, _, err := w.gather(t)
	if err != nil {
		t.Fatal(err)
	}
	if want == nil {
		want = []string{}
	}
	if got := lines(r.Credentials); !slices.Equal(got, want) {
		t.Errorf("found\n  %s\nwant\n  %s\nwarnings %q", strings.Join(got, "\n  "), strings.Join(want, "\n  "), r.Warnings)
	}
	return r
}
