// Package sumfile keeps contents in files that are named after their sha256, so
// that whoever is told the name gets the content that is meant or an error.
package sumfile

import (
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
	if nameOf(data) != filepath.Base(path) {
		return nil, fmt.Errorf("%s is damaged", path)
	}
	return data, nil
}

func nameOf(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}
