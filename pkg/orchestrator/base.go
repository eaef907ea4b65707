package orchestrator

import (
	"fmt"
	"os"
	"syscall"
)

// makeBase makes this user's own directory for states, and for the mounts of
// local builds.
func makeBase(base string) error {
	if err := os.MkdirAll(base, 0o700); err != nil {
		return fmt.Errorf("making the directory for mounts: %w", err)
	}
	info, err := os.Lstat(base)
	if err != nil {
		return err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !info.IsDir() || ok && int(st.Uid) != os.Geteuid() {
		return hint("remove it, or set LAZYBUILD_RUNDIR to a directory of your own",
			"%s is not a directory of this user", base)
	}
	return nil
}
