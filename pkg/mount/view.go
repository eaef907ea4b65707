//go:build linux

package mount

import (
	"fmt"
	"os"
	"strings"
)

// View mounts on target a directory lower in which the files of upper replace
// or join those of lower: a kernel overlayfs, so that nothing is copied and
// lower cannot change through it. upper keeps its attributes. upper and work
// must be on one file system, which must not be an overlay itself; they are not
// to be mounted again. UnmountOverlay takes it away. id names the build in every mountinfo.
func View(lower, upper, work, target, id string, userxattr bool) error {
	for _, dir := range []string{lower, upper, work} {
		if strings.ContainsAny(dir, `:,\`) {
			return fmt.Errorf("mounting a view on %q: the path %q has a character that mount options cannot hold", target, dir)
		}
	}
	if err := os.MkdirAll(work, 0o755); err != nil {
		return fmt.Errorf("mounting a view on %q: %w", target, err)
	}
	options := fmt.Sprintf("lowerdir=%s,upperdir=%s,workdir=%s", lower, upper, work)
	if userxattr {
		options += ",userxattr"
	}
	if err := mountVolatile("lazybuild-"+id, target, options); err != nil {
		return fmt.Errorf("mounting a view on %q: %w", target, err)
	}
	return nil
}
