package cmdline

import (
	"slices"
	"strings"
	"testing"
)

func parse(t *testing.T, line string) *Line {
	t.Helper()
	l, err := Parse(strings.Fields(line), testOptions())
	if err != nil {
		t.Fatalf("Parse(%q): %v", line, err)
	}
	return l
}

func testOptions() Options {
	own := map[string]bool{"lazy-report": true, "lazy-verbose": false}
	return Options{
		OwnTakesValue: func(n string) (bool, bool) { takes, ok := own[n]; return ok, takes },
		Learn: func(n string) Learned {
			return map[string]Learned{
				"from-the-future": {TakesValue: true}, "global-future": {Global: true, TakesValue: true},
			}[n]
		},
	}
}

// Shows S32.
func TestVerbatimKeepsTheUsersWords(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"-f Containerfile .", "-f Containerfile ."},
		{"-fContainerfile -t=a:b .", "-fContainerfile -t=a:b ."},
		{"-qf C .", "-q --file C ."},
		{"-qt name .", "-q --tag name ."},
		{". --no-cache", ". --no-cache"},
		{"--pull . --squash", "--pull . --squash"},
		{"--from-the-future x .", "--from-the-future x ."},
		{"--nobody-knows .", "--nobody-knows ."},
		{"--global-future x .", "."},
		{"--lazy-report r.json --lazy-verbose .", "."},
		{"--log-level debug -t x .", "-t x ."},
		{"-Z .", "-Z ."},
		{"-- -odd", "-- -odd"},
	} {
		if got := strings.Join(parse(t, tt.in).Verbatim(), " "); got != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func TestFlagsThatLazybuildSees(t *testing.T) {
	l := parse(t, "-f a,b --file=c --build-arg A=1 --build-arg B=2 --target=x --platform linux/arm64 --net none --pull=never -v /a:/b --volume=/c:/d --no-cache --connection vm ctx")
	if got := l.Files(); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("files: %q", got)
	}
	if got := l.Values("build-arg"); !slices.Equal(got, []string{"A=1", "B=2"}) {
		t.Errorf("build-arg: %q", got)
	}
	if got := l.Values("volume"); !slices.Equal(got, []string{"/a:/b", "/c:/d"}) {
		t.Errorf("volume: %q", got)
	}
	for flag, want := range map[string]string{"target": "x", "platform": "linux/arm64", "network": "none", "pull": "never", "connection": "vm"} {
		if got := l.Value(flag); got != want {
			t.Errorf("%s: %q, want %q", flag, got, want)
		}
	}
	if !l.Bool("no-cache", false) || l.Bool("squash", false) || !l.Bool("layers", true) {
		t.Error("booleans are wrong")
	}
	if !slices.Equal(l.Positionals(), []string{"ctx"}) {
		t.Errorf("positionals: %q", l.Positionals())
	}
	if !slices.Equal(l.Global, []string{"--connection", "vm"}) {
		t.Errorf("global: %q", l.Global)
	}
}

// Shows S32.
func TestReplacePutsFilesContextAndExtraFlags(t *testing.T) {
	for _, tt := range []struct{ in, context, want string }{
		{"-t x -f C .", "", "-t x -v a:b --file /tmp/C ."},
		{"-t x -f C .", "/view", "-t x -v a:b --file /tmp/C /view"},
		{". -f=C --no-cache", "", "--no-cache -v a:b --file /tmp/C ."},
		{"-qf C", "/view", "-q -v a:b --file /tmp/C /view"},
		{"-- -odd", "", "-v a:b --file /tmp/C -- -odd"},
	} {
		got := parse(t, tt.in).Replace([]string{"/tmp/C"}, tt.context, []string{"-v", "a:b"})
		if s := strings.Join(got, " "); s != tt.want {
			t.Errorf("%q: got %q, want %q", tt.in, s, tt.want)
		}
	}
}

func TestUsageErrors(t *testing.T) {
	for in, want := range map[string]string{
		"--lazy-nope .": "unknown flag: --lazy-nope",
		"--target":      "flag needs an argument: --target",
		"-f":            "flag needs an argument: -f",
		"--lazy-report": "flag needs an argument: --lazy-report",
	} {
		_, err := Parse(strings.Fields(in), testOptions())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %v, want %q", in, err, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add("-qf\x00C\x00.")
	f.Add("--lazy-report\x00x\x00--\x00-v")
	f.Fuzz(func(t *testing.T, s string) {
		args := strings.Split(s, "\x00")
		l, err := Parse(args, testOptions())
		if err != nil {
			return
		}
		// What Parse hands on means the same when it is read again.
		again, err := Parse(l.Verbatim(), testOptions())
		if err != nil {
			t.Fatalf("%q: %v", l.Verbatim(), err)
		}
		if !slices.Equal(l.Files(), again.Files()) || !slices.Equal(l.Positionals(), again.Positionals()) {
			t.Fatalf("%q became %q", args, l.Verbatim())
		}
	})
}
