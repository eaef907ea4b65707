package credentials

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/lazybuild/lazybuild/pkg/plan"
)

// Shows S56.
func TestANetrcInTheWrongHandsIsLeftOut(t *testing.T) {
	for name, tt := range map[string]struct {
		mode  os.FileMode
		named bool // by NETRC
		want  string
	}{
		"private":                 {0o600, false, ""},
		"others can read it":      {0o644, false, "others can read it"},
		"others can write to it":  {0o622, false, "others can write to it"},
		"a mounted secret":        {0o444, true, ""},
		"a named one to write to": {0o666, true, "others can write to it"},
	} {
		t.Run(name, func(t *testing.T) {
			w := world{urls: []string{"https://example.org/a"}, files: map[string]string{"~/.netrc": "machine example.org login u password p"}}
			w.more = func(o *Options) {
				file := filepath.Join(o.Home, ".netrc")
				if err := os.Chmod(file, tt.mode); err != nil {
					t.Fatal(err)
				}
				if tt.named {
					o.Env = []string{"NETRC=" + file}
				}
			}
			r, _, err := w.gather(t)
			if err != nil {
				t.Fatal(err)
			}
			if used := len(r.Credentials) == 1; used != (tt.want == "") || !strings.Contains(strings.Join(r.Warnings, "\n"), tt.want) {
				t.Errorf("used: %v, warnings %q, want %q", used, r.Warnings, tt.want)
			}
		})
	}
}

// Shows S56.
func TestASecretsFileHasOneLine(t *testing.T) {
	for name, text := range map[string]string{
		"a private key":   "-----BEGIN PRIVATE KEY-----\nMIIs3cret\n-----END PRIVATE KEY-----\n",
		"a header's end":  "s3cret\r\nX-Other: 1",
		"escape sequence": "s3cret\x1b[2J",
		"nothing":         "\n",
		"too long":        strings.Repeat("s3cret", maxFile/6+1),
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := world{
				urls: []string{"https://example.org/a"}, files: map[string]string{"~/token": text},
				more: func(o *Options) {
					o.Hosts = []plan.Host{{Host: "example.org", TokenFile: "~/token", File: "lazybuild.toml", Line: 2}}
				},
			}.gather(t)
			if err == nil || !strings.Contains(err.Error(), "lazybuild.toml:2") || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error is %v", err)
			}
		})
	}
}

func TestNoSourceIsReadForAPlanWithoutURLs(t *testing.T) {
	r := world{files: map[string]string{"~/.netrc": "broken"}, env: []string{"PIP_INDEX_URL=https://u:p@example.org"}}.expect(t)
	if len(r.LookedAt)+len(r.Warnings) != 0 {
		t.Errorf("looked at %q, warnings %q", r.LookedAt, r.Warnings)
	}
}
