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

// MismatchError says that a downloaded RPM has another header than its repodata
// was made from: the server gave different bytes to the range request, or the
// repository's metadata says something else than its packages do. The facts
// must be forgotten.
type MismatchError struct {
	// Package is the name-epoch:version-release.arch that the facts state.
	Package string
	// Detail says what differs.
	Detail string
	// From is where the repository is whose metadata the facts came from, fit for
	// messages; empty when they came from a header.
	From string
}

// Error names the package and says what to do.
func (e *MismatchError) Error() string {
	if e.From != "" {
		return fmt.Sprintf("the metadata of the repository %s does not say of %s what its header says: %s "+
			"(build again: that metadata will not be used any more, headers will be read instead; tell who runs the repository)",
			e.From, e.Package, e.Detail)
	}
	return fmt.Sprintf("the header of %s is not the one from which its repodata was made: %s "+
		"(the server or a proxy in front of it gave different bytes for the same file; build again, and report it if it happens twice)",
		e.Package, e.Detail)
}
