//go:build failpoint

package failpoint

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

// With the build tag "failpoint", a process can be made to die or to fail at a
// named step. LAZYBUILD_FAILPOINT is "<step>.<before|after>=<action>[@<n>]":
// action is kill, enospc or eio, and n counts from 1, the first time. Without an
// action to take, LAZYBUILD_FAILPOINT_LOG names a file to which every step that
// is reached is appended, so that a driver can find out what there is to kill.
var (
	failSpec  = os.Getenv("LAZYBUILD_FAILPOINT")
	failLog   = os.Getenv("LAZYBUILD_FAILPOINT_LOG")
	failCount atomic.Int64
)

func reach(step, when string) error {
	name := step + "." + when
	if failLog != "" {
		logFailpoint(name)
	}
	spec, action, ok := strings.Cut(failSpec, "=")
	if !ok || spec != name {
		return nil
	}
	action, nth, _ := strings.Cut(action, "@")
	n, err := strconv.ParseInt(nth, 10, 64)
	if err != nil {
		n = 1
	}
	if failCount.Add(1) != n {
		return nil
	}
	switch action {
	case "kill":
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // SIGKILL comes before the next instruction of any thread, or soon
	case "enospc":
		return fmt.Errorf("failpoint %s: %w", name, syscall.ENOSPC)
	}
	return fmt.Errorf("failpoint %s: %w", name, syscall.EIO)
}

func logFailpoint(name string) {
	f, err := os.OpenFile(failLog, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	fmt.Fprintln(f, name)
}
