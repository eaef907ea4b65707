//go:build linux

package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"golang.org/x/sys/unix"
)

// task is something that programs do with a directory; it says how many of what.
type task struct {
	name, unit string
	run        func(c *config, dir string) (float64, error)
	// forget is what the page cache forgets of the large file before.
	forget forgotten
	aimed  bool // the aims speak of it
}

// forgotten is what the page cache does not have any more.
type forgotten int

const (
	nothing    forgotten = iota
	theMounts            // pages of the mount; it still has those of the store
	everything           // all pages, so that the disk is read
)

// buffers are how many bytes a read asks for, from the 8 KiB of Python's files
// (io.DEFAULT_BUFFER_SIZE until 3.13) on.
var buffers = []int{8 << 10, 128 << 10, 1 << 20}

// tasks in their order: the first walk finds what the kernel does not know yet.
func tasks() []task {
	all := []task{
		{"first walk with stat", "entries/s", walk(true), nothing, false},
		{"walk without stat", "entries/s", walk(false), nothing, false},
		{"walk with stat again", "entries/s", walk(true), nothing, false},
		{"open, read, close: first", "files/s", readSmall, nothing, false},
		{"open, read, close: again", "files/s", readSmall, nothing, false},
	}
	for _, n := range buffers {
		name := fmt.Sprintf("large file by %d KiB", n>>10)
		all = append(all,
			task{name, "MB/s", readLarge(n), theMounts, true},
			task{name + ", again", "MB/s", readLarge(n), nothing, true})
	}
	for _, n := range buffers {
		all = append(all, task{fmt.Sprintf("large file by %d KiB, from the disk", n>>10), "MB/s", readLarge(n), everything, true})
	}
	return all
}

// rate is how much of a task is done in a second, and in a second of the reading
// thread's own processor time: what it would be if the proxy took no time.
type rate struct{ all, own float64 }

// timed runs a task in a directory; blob is the file that has the large file's bytes.
func timed(c *config, t task, dir, blob string) (rate, error) {
	large := filepath.Join(dir, largeName)
	if t.forget == everything || t.forget == theMounts && blob != large {
		if err := forget(large); err != nil {
			return rate{}, err
		}
	}
	if t.forget == everything {
		if err := forget(blob); err != nil {
			return rate{}, err
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	own, start := threadTime(), time.Now()
	n, err := t.run(c, dir)
	took := time.Since(start)
	return rate{n / took.Seconds(), n / (threadTime() - own).Seconds()}, err
}

// threadTime is the processor time of this thread, the kernel's for it included.
func threadTime() time.Duration {
	var u unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_THREAD, &u) // fails for bad arguments only
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
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

func readLarge(buffer int) func(*config, string) (float64, error) {
	return func(c *config, dir string) (float64, error) {
		n, err := readAll(filepath.Join(dir, largeName), make([]byte, buffer))
		if err == nil && n != c.large {
			err = io.ErrUnexpectedEOF
		}
		return float64(n) / 1e6, err
	}
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
