//go:build linux

package mount

import (
	"context"
	"errors"
	"syscall"

	"github.com/hanwen/go-fuse/v2/fuse"
)

// errKilled is why waits end when the mount is killed or unmounted.
var errKilled = errors.New("the mount has ended")

// status is what the program sees of an error. Errnos that mean the same to the
// program as they do here pass, even when wrapped; so does an error that is
// nothing but an errno. Others are EIO: a wrapped ENOENT or ECONNREFUSED is
// about the download, and would lie about the file.
func status(err error) fuse.Status {
	if err == nil {
		return fuse.OK
	}
	if errors.Is(err, errKilled) {
		return fuse.EIO // whatever the reason for it was
	}
	if errno, ok := err.(syscall.Errno); ok { //nolint:errorlint // not a wrapped one
		return fuse.Status(errno)
	}
	for _, errno := range []syscall.Errno{syscall.ENOSPC, syscall.EDQUOT, syscall.EINTR} {
		if errors.Is(err, errno) {
			return fuse.Status(errno)
		}
	}
	return fuse.EIO
}

// gaveUp says that the caller stopped waiting, so that err tells nothing about the content.
func gaveUp(err error) bool {
	return errors.Is(err, syscall.EINTR) || errors.Is(err, errKilled) || errors.Is(err, context.Canceled)
}
