//go:build !failpoint

package store

// failpoint does nothing; see failpoint_on.go.
func failpoint(string, string) error { return nil }
