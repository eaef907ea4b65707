package rpm

import (
	"errors"
	"fmt"
	"io"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// CompareHeader holds a downloaded RPM, whose own checksum has been verified,
// against the facts from which its repodata was made. It reads the file's
// headers only. It returns nil when they are the same bytes, a *MismatchError
// when they are not, and any other error when the file cannot be read.
func CompareHeader(file io.ReaderAt, facts *Package) error {
	head := make([]byte, facts.Header.End)
	n, err := file.ReadAt(head, 0)
	switch {
	case n == len(head):
	case err == nil || errors.Is(err, io.EOF):
		return &MismatchError{Package: facts.NEVRA(), Detail: fmt.Sprintf("the file ends after %d of the header's %d bytes", n, len(head))}
	default:
		return fmt.Errorf("reading the header of %s: %w", facts.NEVRA(), err)
	}
	if digest.FromBytes(head) == facts.HeaderDigest {
		return nil
	}
	return &MismatchError{Package: facts.NEVRA(), Detail: describeDifference(head, facts)}
}

func describeDifference(head []byte, facts *Package) string {
	p, err := ParseHeader(head)
	switch {
	case err != nil:
		return "the file's own header cannot be read there: " + err.Error()
	case p.NEVRA() != facts.NEVRA():
		return "the file is " + p.NEVRA()
	}
	return "same package, other header bytes"
}
