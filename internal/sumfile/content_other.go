//go:build !linux

package sumfile

import "os"

func contentOf(path string) ([]byte, error) { return os.ReadFile(path) }
