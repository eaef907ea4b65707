//go:build e2e

// Package e2e tests lazybuild from outside: the real binary, real podman, a
// real mount in a real container, real package managers, and an origin server
// that counts what it is asked for. README.md says how to run and extend it.
package e2e

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/lazybuild/lazybuild/e2e/realapp"
)

// binary is the lazybuild under test: $LAZYBUILD_BIN, or what `make build` wrote.
func binary() string {
	bin := os.Getenv("LAZYBUILD_BIN")
	if bin == "" {
		bin = filepath.Join("..", "bin", "lazybuild")
	}
	abs, err := filepath.Abs(bin)
	if err != nil {
		panic(err)
	}
	return abs
}

// TestMain fails, and does not skip, where the tests cannot run: a skipped test
// would look like one that has passed.
func TestMain(m *testing.M) {
	if err := ready(); err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		os.Exit(1)
	}
	os.Exit(m.Run())
}

func ready() error {
	if _, err := os.Stat(binary()); err != nil {
		return fmt.Errorf("there is no lazybuild to test (run `make build`): %w", err)
	}
	if _, err := os.Stat("/dev/fuse"); err != nil {
		return fmt.Errorf("FUSE is missing: %w", err)
	}
	out, err := exec.Command("podman", "run", "--rm", "--network=none", realapp.BaseImage, "true").CombinedOutput()
	if err != nil {
		return fmt.Errorf("podman cannot run the base image (run `make setup`, and the tests with `make e2e`): %w\n%s", err, out)
	}
	return nil
}
