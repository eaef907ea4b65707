package orchestrator

import (
	"fmt"
	"strings"
)

// checkVolumeBelow is for a volume of the user's inside the tree. podman mounts
// outer places first, whatever the order of the flags, so it works; where it
// hides files of the tree, that is said. The place for the mount is made in the
// writable overlay; without that it has to be in the tree.
func checkVolumeBelow(v, source, target string, o *Options) error {
	path := strings.TrimPrefix(target, o.OutputDir+"/")
	hidden := 0
	for i := range o.Plan.Tree.Files {
		if p := o.Plan.Tree.Files[i].Path; p == path || strings.HasPrefix(p, path+"/") {
			hidden++
		}
	}
	switch {
	case hidden > 0:
		o.UI.Note("%s is mounted over %s as you asked; it hides %d files of the lock files", source, target, hidden)
	case o.ReadOnly:
		return fmt.Errorf("--volume %s: with --lazy-read-only a volume can only be where the tree has a file or a directory", v)
	}
	return nil
}
