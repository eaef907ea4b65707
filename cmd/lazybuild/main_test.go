package main

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"lazybuild": main})
}

// The scripts run lazybuild where there is nothing of the machine's: PATH holds
// lazybuild and the script's own bin directory. Their extra command is
//
//	code N lazybuild ARGS…    run it, and see that it exits with N
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"code": code},
		Setup: func(e *testscript.Env) error {
			own, _, _ := strings.Cut(e.Getenv("PATH"), string(filepath.ListSeparator))
			e.Setenv("PATH", own+string(filepath.ListSeparator)+filepath.Join(e.WorkDir, "bin"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("LAZYBUILD_RUNDIR", filepath.Join(e.WorkDir, "run"))
			return nil
		},
	})
}

func code(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: code N lazybuild ARGS…")
	}
	got := 0
	var exit *exec.ExitError
	if err := ts.Exec(args[1], args[2:]...); errors.As(err, &exit) {
		got = exit.ExitCode()
	} else if err != nil {
		ts.Fatalf("%v", err)
	}
	if strconv.Itoa(got) != args[0] {
		ts.Fatalf("exit code %d, want %s", got, args[0])
	}
}

func TestWithCommand(t *testing.T) {
	names := []string{"tree", "version", "help"}
	for in, want := range map[string]string{
		"":            "--help",
		".":           "build .",
		"-f x .":      "build -f x .",
		"tree":        "tree",
		"tree .":      "tree .",
		"./tree":      "build ./tree",
		"-t tree x":   "build -t tree x",
		"--version":   "--version",
		"-h":          "-h",
		"--log-level": "build --log-level",
		"-v /a:/b .":  "build -v /a:/b .",
	} {
		if got := strings.Join(withCommand(strings.Fields(in), names), " "); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}
