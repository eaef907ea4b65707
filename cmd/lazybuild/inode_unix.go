//go:build unix

package main

import (
	"io/fs"
	"syscall"
)

// inode is a file's number; 0 where it has none.
func inode(info fs.FileInfo) uint64 {
	s, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0
	}
	return s.Ino
}
