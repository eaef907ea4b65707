package main

import (
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// endingSignals end lazybuild. Asked for as the program starts: a signal that is
// listened to counts as ignored no longer.
var endingSignals = heeded(os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)

// heeded leaves out the signals that whoever has started lazybuild wants ignored:
// nohup a SIGHUP, a shell with no job control the Ctrl-C of what is in its
// background. podman, too, goes on then.
func heeded(signals ...os.Signal) []os.Signal {
	return slices.DeleteFunc(signals, signal.Ignored)
}
