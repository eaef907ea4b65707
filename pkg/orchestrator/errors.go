package orchestrator

import (
	"errors"
	"fmt"
	"strings"
)

// Exit codes of lazybuild (the build's own code where the build failed).
const (
	ExitOK          = 0
	ExitUsage       = 2   // usage or bad input; nothing was started
	ExitFailed      = 125 // podman or lazybuild could not
	ExitInterrupted = 130 // Ctrl-C, SIGTERM, or the terminal was closed
)

// UsageError is bad input: a wrong flag, a bad lock file.
type UsageError struct{ Err error }

func (e *UsageError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UsageError) Unwrap() error { return e.Err }

// HintError is an error with advice for people.
type HintError struct {
	Err  error
	Hint string
}

func (e *HintError) Error() string { return e.Err.Error() + "\n  hint: " + e.Hint }

// Unwrap returns the cause.
func (e *HintError) Unwrap() error { return e.Err }

func hint(advice, format string, args ...any) error {
	return &HintError{Err: fmt.Errorf(format, args...), Hint: advice}
}

// ExitCode is the exit code that belongs to an error of this package.
func ExitCode(err error) int {
	var usage *UsageError
	switch {
	case err == nil:
		return ExitOK
	case errors.As(err, &usage):
		return ExitUsage
	case errors.Is(err, errInterrupted):
		return ExitInterrupted
	}
	return ExitFailed
}

// Interrupted says that a build ended because the user wanted it to.
func Interrupted(err error) bool { return errors.Is(err, errInterrupted) }

var errInterrupted = errors.New("interrupted")

// ErrInterrupted is for what is interrupted before a build begins.
var ErrInterrupted = errInterrupted

// lastLine is the last line of a program's output that says something.
func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
