//go:build linux

package proxy

import (
	"context"

	"github.com/lazybuild/lazybuild/pkg/content"
	"github.com/lazybuild/lazybuild/pkg/mount"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// served is the content as the mount asks for it: what programs do is told to
// read-ahead, what the proxy does for itself is not.
type served struct{ src *content.Source }

var (
	_ mount.Source   = served{}
	_ mount.Observer = (*content.Source)(nil)
)

// Size implements mount.Source.
func (s served) Size(f *tree.File) (int64, bool) { return s.src.Size(f) }

// Open implements mount.Source.
func (s served) Open(f *tree.File) mount.Blob { return s.src.Open(f) }

// Expand implements mount.Source.
func (s served) Expand(ctx context.Context, d *tree.Dir) ([]tree.File, error) {
	s.src.Entered(d)
	return s.src.Expand(ctx, d)
}
