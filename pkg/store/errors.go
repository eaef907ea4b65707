package store

import (
	"errors"
	"fmt"
	"io/fs"
	"syscall"

	"github.com/dustin/go-humanize"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// ErrReadOnly is what writing methods return when the store's directory can't
// be written to. errors.Is(err, syscall.EROFS) holds for it too.
var ErrReadOnly = fmt.Errorf("the store is read-only: %w", syscall.EROFS)

// ErrNewerFormat is what Open returns for a directory in which a later version
// of lazybuild keeps a store of another format.
var ErrNewerFormat = errors.New("the store was made by a newer lazybuild")

// ErrNoLocks is what Open returns when the file system has no working flock(2)
// (some network file systems). Without it two builds could write one file.
var ErrNoLocks = errors.New("the file system of the store has no file locks (keep it on a local disk: --lazy-store)")

// ErrInUse is what Clean and Pin return when another live process holds what
// they need.
var ErrInUse = errors.New("the store is in use by another process")

// MismatchError says that content was not what was asked for. Nothing of it
// has been kept.
type MismatchError struct {
	// Want is the digest asked for; empty when only the size was known.
	Want digest.Digest
	// Got is the content's digest in Want's algorithm; empty when the content
	// was refused before its end, for its size, or has none (Why).
	Got digest.Digest
	// WantSize and GotSize are in bytes; WantSize is -1 when it was not known.
	// With an empty Got, GotSize is where it was noticed, not the whole length.
	WantSize, GotSize int64
	// Why says why the content has no digest of that kind (a web page where an
	// archive should be); nil when it has one.
	Why error
}

// Error names both sizes when they differ, else both digests.
func (e *MismatchError) Error() string {
	switch {
	case e.WantSize >= 0 && e.GotSize > e.WantSize:
		return fmt.Sprintf("content is longer than it should be: %d bytes or more, not %d", e.GotSize, e.WantSize)
	case e.WantSize >= 0 && e.GotSize < e.WantSize:
		return fmt.Sprintf("content is shorter than it should be: %d bytes, not %d", e.GotSize, e.WantSize)
	case e.Why != nil:
		return fmt.Sprintf("content can't have the digest %s: %v", e.Want, e.Why)
	}
	return fmt.Sprintf("content has the digest %s, not %s", e.Got, e.Want)
}

// Unwrap returns Why.
func (e *MismatchError) Unwrap() error { return e.Why }

// CorruptError says that a blob in the store had been damaged. It has been
// moved to the quarantine (unless the store is read-only), so for a caller it
// is not there: errors.Is(err, fs.ErrNotExist) holds.
type CorruptError struct {
	Digest digest.Digest
	Reason string
}

// Error names the blob and what was found.
func (e *CorruptError) Error() string {
	return fmt.Sprintf("blob %s in the store is damaged: %s", e.Digest, e.Reason)
}

// Is makes a damaged blob an absent one.
func (e *CorruptError) Is(target error) bool { return target == fs.ErrNotExist }

// NoSpaceError says that content can't fit. It is returned before the first
// byte where the size is known. errors.Is(err, syscall.ENOSPC) holds for it.
type NoSpaceError struct {
	// Needed and Available are in bytes. Available is what the store may still
	// use, which is less than what the disk has free.
	Needed, Available int64
	// Quota says that the store's own limit is what stands in the way, not the disk.
	Quota bool
}

// Error says how much is missing and what to do.
func (e *NoSpaceError) Error() string {
	why, hint := "the disk of the store is nearly full", "free some space or move the store"
	if e.Quota {
		why, hint = "the store has reached its size limit", "raise the limit with --lazy-store-size"
	}
	return fmt.Sprintf("%s: %s needed, %s available (%s)", why,
		humanize.IBytes(uint64(max(e.Needed, 0))), humanize.IBytes(uint64(max(e.Available, 0))), hint)
}

// Unwrap returns syscall.ENOSPC.
func (e *NoSpaceError) Unwrap() error { return syscall.ENOSPC }

// UnsafeError says why a directory can't be trusted to hold a store.
type UnsafeError struct {
	Path string // the directory, link or file that is at fault
	Why  string
	Hint string
}

// Error is "path: why (hint)".
func (e *UnsafeError) Error() string {
	return fmt.Sprintf("%s is not safe for a store: %s (%s)", e.Path, e.Why, e.Hint)
}
