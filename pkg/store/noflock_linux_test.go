package store

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"unsafe"

	"golang.org/x/sys/unix"
)

func init() { children["noflock"] = childNoFlock }

// Shows S68.
func TestAStoreWithoutFileLocksIsRefused(t *testing.T) {
	cmd := child(t, "", "noflock", filepath.Join(tempDir(t), "store"))
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
}

// childNoFlock opens a store on a file system whose flock answers as some
// network file systems do: <dir>.
func childNoFlock(args []string) error {
	if err := denyFlock(unix.ENOLCK); err != nil {
		return err
	}
	if _, err := Open(args[0], Options{}); !errors.Is(err, ErrNoLocks) {
		return fmt.Errorf("Open: %v, want ErrNoLocks", err)
	}
	// Refused as a whole: nothing has been put into it.
	found, err := filepath.Glob(args[0] + "/v1/blobs/sha256/*")
	if err == nil && len(found) > 0 {
		err = fmt.Errorf("left: %v", found)
	}
	return err
}

// denyFlock makes flock(2) fail in this process from now on.
func denyFlock(errno unix.Errno) error {
	filter := []unix.SockFilter{
		{Code: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: 0}, // the number of the system call
		{Code: unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K, K: unix.SYS_FLOCK, Jf: 1},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ERRNO | uint32(errno)},
		{Code: unix.BPF_RET | unix.BPF_K, K: unix.SECCOMP_RET_ALLOW},
	}
	prog := unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return os.NewSyscallError("prctl", err)
	}
	_, _, e := unix.Syscall(unix.SYS_SECCOMP, unix.SECCOMP_SET_MODE_FILTER, unix.SECCOMP_FILTER_FLAG_TSYNC, uintptr(unsafe.Pointer(&prog)))
	if e != 0 {
		return os.NewSyscallError("seccomp", e)
	}
	return nil
}
