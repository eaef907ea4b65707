package orchestrator

import (
	"slices"
	"testing"
)

func TestVariablesOfSecretsAreLeftOutByTheirWholeName(t *testing.T) {
	got := without([]string{"A=1", "TOKEN=s", "TOKEN_FILE=f", "EMPTY=", "TOKEN=again", "odd"}, []string{"TOKEN", "EMPTY"})
	if want := []string{"A=1", "TOKEN_FILE=f", "odd"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	if without(nil, nil) == nil {
		t.Error("nil would be this process's own environment")
	}
}
