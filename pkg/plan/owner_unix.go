//go:build unix

package plan

import (
	"os"
	"syscall"
)

// sameOwner says whether path belongs to this user, to root, or to whom like
// belongs to: what other users put in the way is not trusted.
func sameOwner(path, like string) bool {
	uid, ok := owner(path)
	mine, known := owner(like)
	return ok && (uid == 0 || uid == uint32(os.Geteuid()) || known && uid == mine)
}

func owner(path string) (uint32, bool) {
	info, err := os.Lstat(path)
	if err != nil {
		return 0, false
	}
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, false
	}
	return s.Uid, true
}
