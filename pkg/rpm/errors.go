package rpm

import (
	"errors"
	"fmt"
)

// ErrNotRPM is wrapped by errors about bytes that are no RPM file at all: an
// error page, an empty answer, some other archive.
var ErrNotRPM = errors.New("not an RPM package")

// ErrHeader is wrapped by errors about an RPM file whose header is damaged,
// exceeds a limit, or is of a kind that this package does not read.
var ErrHeader = errors.New("unusable RPM header")

// ErrTruncated is wrapped by errors about an answer that ends before the header does.
var ErrTruncated = errors.New("RPM header cut short")

// ErrFacts is wrapped by errors about stored facts that cannot be read: damaged,
// or of another version of the encoding. The cure is to read the header again.
var ErrFacts = errors.New("unusable RPM header facts")

func headerErrorf(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrHeader, fmt.Sprintf(format, args...))
}

// MismatchError says that a downloaded RPM begins with another header than the
// one from which its repodata was made: the server gave different bytes to the
// range request. The facts must be forgotten.
type MismatchError struct {
	// Package is the name-epoch:version-release.arch that the facts state.
	Package string
	// Detail says what differs.
	Detail string
}

// Error names the package and says what to do.
func (e *MismatchError) Error() string {
	return fmt.Sprintf("the header of %s is not the one from which its repodata was made: %s "+
		"(the server or a proxy in front of it gave different bytes for the same file; build again, and report it if it happens twice)",
		e.Package, e.Detail)
}
