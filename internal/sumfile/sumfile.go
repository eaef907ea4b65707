// Package sumfile keeps contents in files that are named after their sha256, so
// that whoever is told the name gets the content that is meant or an error.
package sumfile

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime/debug"
)

// Write keeps data in dir and returns the file's name. It appears at once. There
// is no fsync, on purpose: readers notice what a power cut has damaged.
func Write(dir string, data []byte) (name string, err error) {
	name = nameOf(data)
	return name, Replace(filepath.Join(dir, name), data)
}

// Replace makes a file appear at once, of any name, for this user alone. It does
// not sync.
func Replace(path string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// Read returns the content of a file that Write has made. One that is not what
// the file's name says is an error. The content must not be changed.
func Read(path string) ([]byte, error) {
	var all []byte
	err := ReadWith(path, func(data []byte) error { all = data; return nil })
	return all, err
}

// ReadWith is Read for somebody who can work with the content while it is being
// checked. What use has made is worth nothing after an error. use may keep data.
func ReadWith(path string, use func(data []byte) error) error {
	data, err := contentOf(path)
	if err != nil {
		return err
	}
	checked := make(chan error, 1)
	go func() {
		checked <- guarded(path, func() error { return check(path, data) })
	}()
	used := guarded(path, func() error { return use(data) })
	return cmp.Or(<-checked, used)
}

// guarded calls f, which works with a mapped file. What the kernel cannot read of
// it any more, because somebody has cut it off or its disk fails, is SIGBUS, which
// would end the process.
func guarded(path string, f func() error) (err error) {
	old := debug.SetPanicOnFault(true) // of this goroutine
	defer debug.SetPanicOnFault(old)
	defer func() {
		v := recover()
		if v == nil {
			return
		}
		if _, fault := v.(interface{ Addr() uintptr }); !fault {
			panic(v)
		}
		err = fmt.Errorf("%s is damaged: it can't be read to its end", path)
	}()
	return f()
}

func check(path string, data []byte) error {
	if nameOf(data) != filepath.Base(path) {
		return fmt.Errorf("%s is damaged", path)
	}
	return nil
}

func nameOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
