package main

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
	"testing"
)

func TestIgnoredSignalsStayIgnored(t *testing.T) {
	// Nobody sends these to a test.
	all := []os.Signal{syscall.SIGUSR1, syscall.SIGUSR2}
	if got := heeded(slices.Clone(all)...); !slices.Equal(got, all) {
		t.Errorf("none is ignored: %v", got)
	}
	signal.Ignore(syscall.SIGUSR1)
	defer signal.Reset(syscall.SIGUSR1)
	if got := heeded(slices.Clone(all)...); !slices.Equal(got, all[1:]) {
		t.Errorf("one is ignored: %v", got)
	}
}
