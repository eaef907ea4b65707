package plan

import (
	"fmt"

	"github.com/lazybuild/lazybuild/pkg/locks"
)

// Question is what a lock leaves open: packages that it pins without saying
// where their files are.
type Question struct {
	// Lock is the lock file's path as the user would name it, for messages.
	Lock string
	// Type is the lock's.
	Type string
	// Packages to look up.
	Packages []locks.Unresolved
	// Indexes that the lock itself names; they may carry credentials.
	Indexes []locks.Index
}

// Lookup answers a Question by asking a package index, or from what it
// remembers. It returns the packages' files, each with the Line of its package,
// and warnings for people. An error means that the build can't be planned; it
// names what could not be found.
type Lookup func(Question) (files []locks.Artifact, warnings []string, err error)

// lookUp completes a lock. It is called when all locks have been read without
// an error, so that nobody waits for an index to hear of a typing mistake.
func (b *builder) lookUp(lock *locks.Lock) error {
	n := len(lock.Unresolved)
	if n == 0 {
		return nil
	}
	if b.o.Lookup == nil {
		b.warn(lock.File, fmt.Sprintf("%d packages (%s first) have no URL in the lock and are not in the tree", n, lock.Unresolved[0].Name))
		return nil
	}
	files, warnings, err := b.o.Lookup(Question{Lock: lock.File, Type: lock.Type, Packages: lock.Unresolved, Indexes: lock.Indexes})
	if err != nil {
		return fmt.Errorf("%s: %w", lock.File, err)
	}
	lock.Artifacts = append(lock.Artifacts, files...)
	lock.Warnings = append(lock.Warnings, warnings...)
	return nil
}
