//go:build !linux

package store

import "os"

// openBeneath is only for Linux.
func openBeneath(*os.File, string) (*os.File, bool, error) { return nil, false, nil }
