package plan

import (
	"bytes"
	"fmt"
	"path/filepath"

	"github.com/lazybuild/lazybuild/pkg/locks"
)

// rewrite notes a project file that has to be different in the build. Only
// files in the build context can be.
func (b *builder) rewrite(r locks.Rewrite, lock string) {
	path := r.Path
	if !filepath.IsAbs(path) {
		path = filepath.Join(b.o.Dir, path)
	}
	if rel, err := filepath.Rel(b.o.ContextDir, path); err == nil && filepath.IsLocal(rel) {
		b.plan.Rewrites[path] = r.Content
		return
	}
	if copied, ok := b.copyInContext(path); ok {
		b.plan.Rewrites[copied] = r.Content
		return
	}
	b.warn(lock, fmt.Sprintf("%s is outside the build context: the build sees it as it is, not rewritten", r.Path))
}

// copyInContext finds a project file in a context that is a copy of the
// pipeline's: some projects build from a directory with only those files that
// the Containerfile needs. The copy must have the same content, or what is
// known of the original says nothing about it.
func (b *builder) copyInContext(path string) (string, bool) {
	if b.o.sourceContext == "" {
		return "", false
	}
	rel, err := filepath.Rel(b.o.sourceContext, path)
	if err != nil || !filepath.IsLocal(rel) {
		return "", false
	}
	copied := filepath.Join(b.o.ContextDir, rel)
	theirs, err := b.o.look.file(copied)
	if err != nil {
		return "", false
	}
	mine, err := b.o.look.file(path)
	return copied, err == nil && bytes.Equal(mine, theirs)
}
