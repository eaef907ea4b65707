package cmdline

import (
	"strings"
	"testing"
)

func TestLeadingFindsGlobalFlagsBeforeAWord(t *testing.T) {
	for in, want := range map[string]string{
		"--log-level debug build .":          "--log-level debug | build .",
		"--log-level=debug --remote build .": "--log-level=debug --remote | build .",
		"-c vm build -f x .":                 "-c vm | build -f x .",
		"-cvm -r build":                      "-cvm -r | build",
		"--url tcp://h:1 doctor --fix":       "--url tcp://h:1 | doctor --fix",
		"--ssh native build --ssh default .": "--ssh native | build --ssh default .",
		"build --log-level debug build":      " | build --log-level debug build",
		"--log-level debug .":                " | --log-level debug .",
		"--log-level":                        " | --log-level",
		"--squash build":                     " | --squash build",
		"-v /a:/b build":                     " | -v /a:/b build",
		"":                                   " | ",
	} {
		global, rest := Leading(strings.Fields(in), "build", "doctor")
		if got := strings.Join(global, " ") + " | " + strings.Join(rest, " "); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestFlagsForTheBuildAloneAreNotForTheService(t *testing.T) {
	for in, want := range map[string]string{
		"--noout --root /r --out file --connection vm --out=x .": "--root /r --connection vm",
		"--cpu-profile p --global-future out --memory-profile=p": "--global-future out",
		".": "",
	} {
		if got := strings.Join(parse(t, in).Service(), " "); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestLeadingFlagsKeepTheirOwnMeaning(t *testing.T) {
	o := testOptions()
	o.Leading = strings.Fields("-c vm --ssh native --hooks-dir /h --url=tcp://x -r")
	l, err := Parse(strings.Fields("-c 5 --ssh default --root /r ."), o)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(l.Global, " "); got != "-c vm --ssh native --hooks-dir /h --url=tcp://x -r --root /r" {
		t.Errorf("global: %q", got)
	}
	if got := strings.Join(l.Verbatim(), " "); got != "-c 5 --ssh default ." {
		t.Errorf("build: %q", got)
	}
	for flag, want := range map[string]string{"connection": "vm", "cpu-shares": "5", "ssh": "default", "hooks-dir": "", "url": "tcp://x", "root": "/r"} {
		if got := l.Value(flag); got != want {
			t.Errorf("%s: %q, want %q", flag, got, want)
		}
	}
	if !l.Bool("remote", false) {
		t.Error("-r is lost")
	}
}
