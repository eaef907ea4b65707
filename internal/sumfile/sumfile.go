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
// the file's name says is an error.
func Read(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return data, check(path, data)
}

// ReadWith is Read for somebody who can work with the content while it is being
// checked. What use has made is worth nothing after an error.
func ReadWith(path string, use func(data []byte) error) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	checked := make(chan error, 1)
	go func() { checked <- check(path, data) }()
	used := use(data)
	return cmp.Or(<-checked, used)
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
