package orchestrator

import (
	"fmt"
	"path"
	"strings"
)

// checkSupported refuses what would go wrong silently: flags that contradict
// lazybuild's own.
func checkSupported(o *Options) error {
	for _, v := range o.Line.Values("volume") {
		if err := checkVolume(v, o); err != nil {
			return &UsageError{err}
		}
	}
	if n := o.Line.Value("network"); o.Hermetic && n != "" && n != "none" {
		return &UsageError{fmt.Errorf("--lazy-hermetic and --network=%s contradict each other", n)}
	}
	return nil
}

// checkVolume holds a volume of the user's against those that lazybuild adds:
// of two at one place podman takes the last or the first, by its version.
func checkVolume(v string, o *Options) error {
	parts := strings.Split(v, ":")
	if len(parts) < 2 {
		return nil
	}
	target := path.Clean(parts[1])
	switch {
	case target == o.OutputDir:
		return fmt.Errorf("--volume %s: lazybuild itself provides %s; leave this volume out, or build with podman", v, o.OutputDir)
	case strings.HasPrefix(target, o.OutputDir+"/"):
		return checkVolumeBelow(v, parts[0], target, o)
	case strings.HasPrefix(o.OutputDir, strings.TrimSuffix(target, "/")+"/"):
		// podman would make the places for our mounts in the user's directory.
		return fmt.Errorf("--volume %s: lazybuild itself provides %s, which is below; mount the volume elsewhere, or build with podman", v, o.OutputDir)
	case target == path.Join(path.Dir(o.OutputDir), "cachi2.env"):
		return fmt.Errorf("--volume %s: lazybuild itself provides this file; leave this volume out", v)
	case target == "/etc/yum.repos.d" && o.YumRepos:
		o.YumRepos = false
		o.UI.Note("%s is mounted over /etc/yum.repos.d as you asked; the lock's repositories are not", parts[0])
	}
	return nil
}
