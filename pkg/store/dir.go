package store

import (
	"errors"
	"fmt"
	"path/filepath"
)

// DefaultDir says where a user's store is: $LAZYBUILD_STORE; else
// /var/cache/lazybuild for root; else $XDG_CACHE_HOME/lazybuild, where
// XDG_CACHE_HOME defaults to ~/.cache (XDG Base Directory Specification: a
// relative value is ignored). Root's XDG_CACHE_HOME is not looked at, because
// under sudo it is often that of another user. It does not touch the disk.
func DefaultDir(env func(string) string, uid int, home string) (string, error) {
	if dir := env("LAZYBUILD_STORE"); dir != "" {
		if !filepath.IsAbs(dir) {
			return "", fmt.Errorf("LAZYBUILD_STORE is %q, which is not an absolute path", dir)
		}
		return filepath.Clean(dir), nil
	}
	if uid == 0 {
		return "/var/cache/lazybuild", nil
	}
	if dir := env("XDG_CACHE_HOME"); filepath.IsAbs(dir) {
		return filepath.Join(dir, "lazybuild"), nil
	}
	if !filepath.IsAbs(home) {
		return "", errors.New("no place for the store: the user has no home directory (set LAZYBUILD_STORE)")
	}
	return filepath.Join(home, ".cache", "lazybuild"), nil
}
