package orchestrator

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"
)

func TestExitCodes(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, 0},
		{errors.New("x"), 125},
		{hint("do", "failed"), 125},
		{&UsageError{errors.New("x")}, 2},
		{fmt.Errorf("planning: %w", &UsageError{errors.New("x")}), 2},
		{errInterrupted, 130},
		{fmt.Errorf("waiting: %w", errInterrupted), 130},
		{errors.Join(errors.New("x"), errInterrupted), 130},
	} {
		if got := ExitCode(tt.err); got != tt.want {
			t.Errorf("%v: %d, want %d", tt.err, got, tt.want)
		}
		if got := Interrupted(tt.err); got != (tt.want == ExitInterrupted) {
			t.Errorf("%v: interrupted is %v", tt.err, got)
		}
	}
}

func TestErrorsKeepTheirCause(t *testing.T) {
	for _, err := range []error{&UsageError{fs.ErrNotExist}, hint("look", "opening: %w", fs.ErrNotExist)} {
		if !errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%v", err)
		}
	}
	if got := hint("look there", "no %s", "luck").Error(); got != "no luck\n  hint: look there" {
		t.Errorf("%q", got)
	}
}

func TestTheLastLineOfAProgramsOutput(t *testing.T) {
	for out, want := range map[string]string{"": "", "\n\n": "", "a": "a", "a\nb\n": "b", "a\r\nb  \n\n": "b"} {
		if got := lastLine([]byte(out)); got != want {
			t.Errorf("%q: %q", out, got)
		}
	}
}
