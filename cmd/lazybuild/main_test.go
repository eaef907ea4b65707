package main

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
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
// lazybuild and the script's own bin directory. $ORIGIN is a server of what is
// in the directory www, $INDEX one of a package index that has "demo" in two
// versions, and below /private for me with the password hunter2 alone. Their
// extra commands are
//
//	code N lazybuild ARGS…    run it, and see that it exits with N
//	subst FILE                replace $ORIGIN and $INDEX in the file
func TestScripts(t *testing.T) {
	index := httptest.NewServer(http.HandlerFunc(serveIndex))
	t.Cleanup(index.Close) // the scripts are parallel, and end later
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		Cmds:                map[string]func(*testscript.TestScript, bool, []string){"code": code, "subst": subst},
		Setup: func(e *testscript.Env) error {
			own, _, _ := strings.Cut(e.Getenv("PATH"), string(filepath.ListSeparator))
			e.Setenv("PATH", own+string(filepath.ListSeparator)+filepath.Join(e.WorkDir, "bin"))
			e.Setenv("HOME", e.WorkDir)
			e.Setenv("INDEX", index.URL)
			e.Setenv("LAZYBUILD_STORE", filepath.Join(e.WorkDir, "store"))
			e.Setenv("LAZYBUILD_RUNDIR", filepath.Join(e.WorkDir, "run"))
			origin := httptest.NewServer(http.FileServer(http.Dir(filepath.Join(e.WorkDir, "www"))))
			e.Defer(origin.Close)
			e.Setenv("ORIGIN", origin.URL)
			return nil
		},
	})
}

func subst(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: subst FILE")
	}
	text := strings.NewReplacer("$ORIGIN", ts.Getenv("ORIGIN"), "$INDEX", ts.Getenv("INDEX")).Replace(ts.ReadFile(args[0]))
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte(text), 0o644))
}

func serveIndex(w http.ResponseWriter, r *http.Request) {
	if strings.HasPrefix(r.URL.Path, "/closed/") {
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if user, password, _ := r.BasicAuth(); strings.HasPrefix(r.URL.Path, "/private/") && user+password == "mehunter2" {
		r.URL.Path = strings.TrimPrefix(r.URL.Path, "/private")
	}
	if r.URL.Path != "/simple/demo/" {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/vnd.pypi.simple.v1+json")
	fmt.Fprintf(w, `{"meta":{"api-version":"1.1"},"name":"demo","files":[
		{"filename":"demo-1.0-py3-none-any.whl","url":"/files/demo-1.0-py3-none-any.whl","hashes":{"sha256":"%s"},"size":1000},
		{"filename":"demo-1.0.tar.gz","url":"/files/demo-1.0.tar.gz","hashes":{"sha256":"%s"},"size":2000},
		{"filename":"demo-2.0.tar.gz","url":"/files/demo-2.0.tar.gz","hashes":{"sha256":"%s"},"size":3000}]}`,
		strings.Repeat("1", 64), strings.Repeat("2", 64), strings.Repeat("3", 64))
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
