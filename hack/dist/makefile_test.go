package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

func TestTheBuildersProxyIsNotBuiltIn(t *testing.T) {
	const private = "https://me:s3cret@goproxy.example.org"
	// So that go test knows that the outcome depends on it.
	if _, err := os.ReadFile("../../Makefile"); err != nil {
		t.Fatal(err)
	}
	env := filepath.Join(t.TempDir(), "env")
	if err := os.WriteFile(env, []byte("GOPROXY="+private+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, setting := range map[string]string{"variable": "GOPROXY=" + private, "file": "GOENV=" + env} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command("make", "-n", "-C", "../..", "build", "dist")
			for _, e := range append(os.Environ(), setting) {
				// The make that runs this test has settings for its own children.
				if !strings.HasPrefix(e, "MAKE") && !strings.HasPrefix(e, "MFLAGS") {
					cmd.Env = append(cmd.Env, e)
				}
			}
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			if n := strings.Count(string(out), "main.goproxy="); n != 2 {
				t.Errorf("%d of two builds have a module proxy built in\n%s", n, out)
			}
			if strings.Contains(string(out), "example.org") {
				t.Errorf("the builder's own module proxy is built in\n%s", out)
			}
		})
	}
}
