package plan

import (
	"errors"
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

// UnreachableError is a Lookup's whose index could not be reached: it says
// nothing about the lock.
type UnreachableError struct{ Err error }

// Error is the cause's.
func (e *UnreachableError) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *UnreachableError) Unwrap() error { return e.Err }

// lookUpAll completes all locks. Nobody has asked for a lock that was found: an
// index that can't be reached must not keep a project from being built that plain
// podman would build.
func (b *builder) lookUpAll() error {
	var errs []error
	var kept []readLock
	for _, r := range b.read {
		err := b.lookUp(r.lock)
		if away := new(UnreachableError); errors.As(err, &away) && !b.o.asked() && !b.o.Strict {
			b.plan.Warnings = append(b.plan.Warnings, fmt.Sprintf(
				"%v; the lock is left out, so that its packages come in the build as they do without lazybuild (--lazy-input %s:%s makes this an error)",
				err, r.lock.Type, r.lock.File))
			continue
		}
		errs = append(errs, err)
		kept = append(kept, r)
	}
	b.read = kept
	return errors.Join(errs...)
}

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
	b.o.look.asked = true
	files, warnings, err := b.o.Lookup(Question{Lock: lock.File, Type: lock.Type, Packages: lock.Unresolved, Indexes: lock.Indexes})
	if err != nil {
		return fmt.Errorf("%s: %w", lock.File, err)
	}
	lock.Artifacts = append(lock.Artifacts, files...)
	lock.Warnings = append(lock.Warnings, warnings...)
	return nil
}
