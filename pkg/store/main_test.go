package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"

	"go.uber.org/goleak"
)

// The test binary can be another process that uses the same store:
// STORE_TEST_CHILD names what it does, its arguments follow.
func TestMain(m *testing.M) {
	if mode := os.Getenv("STORE_TEST_CHILD"); mode != "" {
		if err := children[mode](os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	goleak.VerifyTestMain(m, goleak.Cleanup(func(code int) {
		if scratchMade {
			os.RemoveAll(scratch())
		}
		os.Exit(code)
	}))
}

// scratch is a directory for what several tests share.
var (
	scratch = sync.OnceValue(func() string {
		dir, err := os.MkdirTemp(memory(), "store-test-")
		if err != nil {
			panic(err)
		}
		scratchMade = true
		return dir
	})
	scratchMade bool
)

var children = map[string]func(args []string) error{
	"put": childPut, "die": childDie, "pin": childPin, "script": childScript,
}

// child prepares another process.
func child(t *testing.T, binary, mode string, args ...string) *exec.Cmd {
	t.Helper()
	if binary == "" {
		var err error
		if binary, err = os.Executable(); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), binary, args...)
	cmd.Env = append(os.Environ(), "STORE_TEST_CHILD="+mode)
	return cmd
}

// killed says whether the process ended by SIGKILL.
func killed(err error) bool {
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return false
	}
	status, ok := exit.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGKILL
}

// testContent is what both processes can make: n lines.
func testContent(n int) string { return strings.Repeat("0123456789abcde\n", n) }

// childPut puts and says on stdout whether it had to fill: <store> <lines>.
func childPut(args []string) error {
	s, err := Open(args[0], Options{})
	if err != nil {
		return err
	}
	defer s.Close()
	n, _ := strconv.Atoi(args[1])
	content := testContent(n)
	f, info, err := s.Put(context.Background(), sha256Of(content), int64(len(content)), func(ctx context.Context, p *Partial) error {
		fmt.Println("filled")
		return fillWith(content)(ctx, p)
	})
	if err != nil {
		return err
	}
	defer f.Close()
	got, err := io.ReadAll(f)
	if string(got) != content || info.Size != int64(len(content)) {
		return fmt.Errorf("wrong content: %d bytes, %v", len(got), err)
	}
	return err
}

// childDie dies in the middle of a fill: <store> <lines> <byte>.
func childDie(args []string) error {
	s, err := Open(args[0], Options{})
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(args[1])
	at, _ := strconv.Atoi(args[2])
	content := testContent(n)
	_, _, err = s.Put(context.Background(), sha256Of(content), int64(len(content)), func(_ context.Context, p *Partial) error {
		io.WriteString(p, content[:at])
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {}
	})
	return err
}

// childPin pins the content of so many lines until its stdin ends: <store> <lines>.
func childPin(args []string) error {
	s, err := Open(args[0], Options{})
	if err != nil {
		return err
	}
	n, _ := strconv.Atoi(args[1])
	if _, err := s.Pin(context.Background(), "child", digestsOf(testContent(n))); err != nil {
		return err
	}
	fmt.Println("pinned")
	_, err = io.Copy(io.Discard, os.Stdin)
	return err // the pin is not released: this process is gone
}
