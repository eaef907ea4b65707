package cmdline

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const someHelp = `Usage:
  podman build [options] [CONTEXT]

Options:
      --add-host host:ip      add a mapping (host:ip)
  -f, --file pathname or URL   where it is
      --layers                 keep layers --like-this (default true)
      --pull string[="true"]   when to pull
      --new-one
      --new-value strings
                               a description of its own line
`

func TestHelpFlagsSayWhoTakesTheNextWord(t *testing.T) {
	want := []HelpFlag{
		{Name: "add-host", TakesValue: true},
		{Name: "file", Short: 'f', TakesValue: true},
		{Name: "layers"},
		{Name: "pull"},
		{Name: "new-one"},
		{Name: "new-value", TakesValue: true},
	}
	if d := cmp.Diff(want, HelpFlags(someHelp)); d != "" {
		t.Error(d)
	}
}

func TestMissingNamesWhatTheTablesDoNotKnow(t *testing.T) {
	global := "  -c, --connection string   x\n  -x, --remote   y\n      --root   z\n  -v, --version   v\n"
	got := strings.Join(Missing(someHelp, global), "\n")
	want := `build flag --new-one is not in the table
build flag --new-value is not in the table
global flag -x is --remote, which the table does not say
global flag --root takes its value in another way than the table says`
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func FuzzHelpFlags(f *testing.F) {
	f.Add(someHelp)
	f.Fuzz(func(t *testing.T, s string) {
		for _, h := range HelpFlags(s) {
			if h.Name == "" || strings.ContainsAny(h.Name, " =\n") {
				t.Fatalf("%q gave the flag %q", s, h.Name)
			}
		}
	})
}
