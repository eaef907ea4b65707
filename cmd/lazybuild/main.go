// Command lazybuild is `podman build` with one thing more: the directory
// /cachi2/output is there in every RUN, holding every dependency that the
// project's lock files name, and nothing in it is downloaded before a program
// in the build reads it.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/orchestrator"
	"github.com/lazybuild/lazybuild/pkg/orchestrator/cmdline"
)

// main holds signals and the exit code, nothing else.
func main() {
	signals := make(chan os.Signal, 4)
	signal.Notify(signals, endingSignals...)
	os.Exit(run(os.Args[1:], signals))
}

func run(args []string, signals <-chan os.Signal) int {
	global, args := cmdline.Leading(args, "build", "doctor", "ps", "cancel")
	root := newRoot(signals, global)
	root.SetArgs(withCommand(args, root.names()))
	err := checkGlobal(global, args)
	if err == nil {
		err = root.Execute()
	}
	var code exitCode
	switch {
	case err == nil:
		return orchestrator.ExitOK
	case errors.As(err, &code) && code.err == nil:
		return code.code
	case errors.As(err, &code):
		// An interrupted build has said so already.
		if !orchestrator.Interrupted(code.err) {
			fmt.Fprintf(os.Stderr, "lazybuild: error: %v\n", code.err)
		}
		return code.code
	}
	fmt.Fprintf(os.Stderr, "lazybuild: error: %v\n", err)
	return orchestrator.ExitCode(err)
}

// checkGlobal refuses podman's global flags before commands that they mean
// nothing to.
func checkGlobal(global, args []string) error {
	if len(global) == 0 || args[0] == "build" || args[0] == "doctor" {
		return nil
	}
	return &orchestrator.UsageError{Err: fmt.Errorf("leave out %s: lazybuild %s knows this user's builds at every podman, and where each is",
		strings.Join(global, " "), args[0])}
}

// withCommand puts "build" in front of a command line that names no command:
// the main job needs no word. A build context that has a command's name is
// written with a path: ./tree.
func withCommand(args, commands []string) []string {
	if len(args) > 0 {
		first := args[0]
		if first == cobra.ShellCompRequestCmd || first == cobra.ShellCompNoDescRequestCmd {
			return completing(args, commands)
		}
		if slices.Contains(commands, first) || first == "-h" || first == "--help" || first == "--version" {
			return args
		}
	} else {
		return []string{"--help"}
	}
	return append([]string{"build"}, args...)
}

// completing puts "build" into a shell's question about a command line that
// names no command. A first word that is not finished may become one.
func completing(args, commands []string) []string {
	if len(args) < 2 || slices.Contains(commands, args[1]) || len(args) == 2 && !strings.HasPrefix(args[1], "-") {
		return args
	}
	return slices.Insert(slices.Clone(args), 1, "build")
}

// exitCode carries an exit code through cobra; err is nil when everything has
// been said.
type exitCode struct {
	code int
	err  error
}

func (e exitCode) Error() string {
	if e.err != nil {
		return e.err.Error()
	}
	return fmt.Sprintf("exit code %d", e.code)
}

func (e exitCode) Unwrap() error { return e.err }
