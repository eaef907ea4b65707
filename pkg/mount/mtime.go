//go:build linux

package mount

import (
	"time"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// Mtime is the modification time that stat shows for a file of the tree. It is
// derived from the digest: the same content has the same time in every build.
func Mtime(f *tree.File) time.Time {
	return time.Unix(identify(identity(f.Path, f)).mtime, 0)
}
