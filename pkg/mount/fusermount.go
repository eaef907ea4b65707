//go:build linux

package mount

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"golang.org/x/sys/unix"
)

// Users without privileges mount through fusermount3, which is setuid root: it
// opens /dev/fuse, mounts it, and hands the descriptor over a socket
// (fusermount3(1); the protocol is that of libfuse's mount_util).

// errNoFusermount says that there is no way for this user.
var errNoFusermount = errors.New("fusermount3 is not installed")

// viaFusermount mounts on dir as an ordinary user. Other users get in only where
// /etc/fuse.conf allows users to decide that.
func viaFusermount(dir string, o Options) (*device, error) {
	program, err := exec.LookPath("fusermount3")
	if err != nil {
		return nil, errNoFusermount
	}
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("mounting FUSE on %q: %w", dir, err)
	}
	defer unix.Close(pair[0])
	theirs := os.NewFile(uintptr(pair[1]), "fusermount")
	defer theirs.Close()
	var said bytes.Buffer
	cmd := exec.Command(program, "-o", strings.Join(fusermountOptions(o), ","), "--", dir)
	cmd.ExtraFiles = []*os.File{theirs} // descriptor 3 in the child
	cmd.Env = []string{"_FUSE_COMMFD=3", "LC_ALL=C"}
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("mounting FUSE on %q with fusermount3: %w: %s", dir, err, strings.TrimSpace(said.String()))
	}
	fd, err := receiveFd(pair[0])
	if err != nil {
		return nil, fmt.Errorf("mounting FUSE on %q with fusermount3: %w", dir, err)
	}
	return &device{fd: fd}, nil
}

func fusermountOptions(o Options) []string {
	options := []string{
		"fsname=" + sourceName(o.ID), "subtype=" + strings.TrimPrefix(fsType, "fuse."),
		"ro", "nosuid", "nodev", "noatime", fmt.Sprintf("max_read=%d", maxRead),
	}
	options = append(options, permissionOptions(o)...)
	if o.AllowOther && usersMayAllowOther() {
		options = append(options, "allow_other")
	}
	return options
}

// usersMayAllowOther reads /etc/fuse.conf (mount.fuse3(8)).
func usersMayAllowOther() bool {
	data, err := os.ReadFile("/etc/fuse.conf")
	if err != nil {
		return false
	}
	for line := range strings.Lines(string(data)) {
		if strings.TrimSpace(line) == "user_allow_other" {
			return true
		}
	}
	return false
}

// receiveFd takes the one descriptor that the peer has sent.
func receiveFd(socket int) (int, error) {
	buf, control := make([]byte, 16), make([]byte, unix.CmsgSpace(4))
	_, n, _, _, err := unix.Recvmsg(socket, buf, control, unix.MSG_CMSG_CLOEXEC)
	if err != nil {
		return -1, err
	}
	messages, err := unix.ParseSocketControlMessage(control[:n])
	if err != nil {
		return -1, err
	}
	for _, m := range messages {
		if fds, err := unix.ParseUnixRights(&m); err == nil && len(fds) == 1 {
			return fds[0], nil
		}
	}
	return -1, errors.New("it sent no descriptor")
}

// unmountAsUser takes a mount of viaFusermount away.
func unmountAsUser(dir string) error {
	out, err := exec.Command("fusermount3", "-u", "-z", "--", dir).CombinedOutput()
	if err != nil {
		return fmt.Errorf("%w: %s", err, strings.TrimSpace(string(out)))
	}
	return nil
}
