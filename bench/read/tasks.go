//go:build linux

package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// task is something that programs do with a directory; it says how many of what.
type task struct {
	name, unit string
	run        func(c *config, dir string) (float64, error)
	// forget, if not nil, lets the page cache forget a file below dir before.
	forget string
	aimed  bool // the aims speak of it
}

// tasks in their order: the first walk finds what the kernel does not know yet.
func tasks() []task {
	return []task{
		{"first walk with stat", "entries/s", walk(true), "", false},
		{"walk without stat", "entries/s", walk(false), "", false},
		{"walk with stat again", "entries/s", walk(true), "", false},
		{"open, read, close: first", "files/s", readSmall, "", false},
		{"open, read, close: again", "files/s", readSmall, "", false},
		{"large file", "MB/s", readLarge, "", true},
		{"large file, again", "MB/s", readLarge, "", true},
		{"large file, cold", "MB/s", readLarge, largeName, false},
	}
}

// timed runs a task and returns its rate and the processor time per second.
func timed(c *config, t task, dir, blob string) (float64, error) {
	if t.forget != "" {
		if err := errors.Join(forget(filepath.Join(dir, t.forget)), forget(blob)); err != nil {
			return 0, err
		}
	}
	start := time.Now()
	n, err := t.run(c, dir)
	return n / time.Since(start).Seconds(), err
}

func walk(stat bool) func(*config, string) (float64, error) {
	return func(_ *config, dir string) (float64, error) {
		n := 0
		err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
			n++
			if err == nil && stat {
				_, err = d.Info()
			}
			return err
		})
		return float64(n), err
	}
}

func readSmall(c *config, dir string) (float64, error) {
	buf := make([]byte, 64<<10)
	for i := range c.small {
		n, err := readAll(filepath.Join(dir, smallName(i)), buf)
		if err != nil {
			return 0, err
		}
		if n != smallSize {
			return 0, io.ErrUnexpectedEOF
		}
	}
	return float64(c.small), nil
}

func readLarge(c *config, dir string) (float64, error) {
	n, err := readAll(filepath.Join(dir, largeName), make([]byte, 1<<20))
	if err == nil && n != c.large {
		err = io.ErrUnexpectedEOF
	}
	return float64(n) / 1e6, err
}

// readAll reads a file with system calls of buf's length, as programs do.
func readAll(path string, buf []byte) (total int64, err error) {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	for {
		n, err := unix.Read(fd, buf)
		if n <= 0 || err != nil {
			return total, err
		}
		total += int64(n)
	}
}

// forget drops a file's pages from the page cache.
func forget(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED)
}
