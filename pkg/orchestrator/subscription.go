package orchestrator

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// secretsDir is where podman shows a RUN what the host's administrator wants
// every container to have; on a subscribed RHEL host, the subscription.
const secretsDir = "/run/secrets"

// subscription is what a RHEL host's subscription consists of there, and
// whether it is a directory. With it, dnf wants to reach servers that a hermetic
// build cannot reach; Konflux has none of it.
var subscription = []struct {
	name string
	dir  bool
}{{"redhat.repo", false}, {"rhsm", true}, {"etc-pki-entitlement", true}}

// mountsFiles say what podman mounts into every container
// (containers-mounts.conf(5)).
func mountsFiles(flag, home string) []string {
	if flag != "" {
		return []string{flag}
	}
	return []string{filepath.Join(home, ".config/containers/mounts.conf"), "/etc/containers/mounts.conf", "/usr/share/containers/mounts.conf"}
}

// hideSubscription returns volumes that put nothing in the place of the host's
// subscription, where there is one. A remote host's cannot be seen from here.
func (b *build) hideSubscription() ([]string, error) {
	if !b.o.Hermetic || b.place.kind() == remote {
		return nil, nil
	}
	home, _ := os.UserHomeDir()
	return b.hide(secretSources(mountsFiles(b.o.Line.Value("default-mounts-file"), home)))
}

// hide is hideSubscription for the host's directories with secrets.
func (b *build) hide(sources []string) ([]string, error) {
	var flags []string
	for _, s := range subscription {
		target := filepath.Join(secretsDir, s.name)
		if !inAny(sources, s.name) || b.o.mounted(target) {
			continue
		}
		empty := filepath.Join(b.state.Tmp, "hidden", s.name)
		dir := filepath.Dir(empty)
		if s.dir {
			dir = empty
		}
		err := os.MkdirAll(dir, 0o755)
		if err == nil && !s.dir {
			err = os.WriteFile(empty, nil, 0o644)
		}
		if err != nil {
			return nil, fmt.Errorf("hiding the host's subscription: %w", err)
		}
		flags = append(flags, "--volume", empty+":"+target+":ro,nosuid,nodev")
	}
	if len(flags) > 0 {
		b.o.UI.Verbose("the host's subscription is hidden from the build")
	}
	return flags, nil
}

// mounted says whether a volume of the user's has the target.
func (o *Options) mounted(target string) bool {
	return slices.ContainsFunc(o.Line.Values("volume"), func(v string) bool {
		parts := strings.Split(v, ":")
		return len(parts) > 1 && filepath.Clean(parts[1]) == target
	})
}

// secretSources are the host's directories that podman shows in secretsDir.
func secretSources(files []string) []string {
	var sources []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue // most hosts have none
		}
		for line := range strings.Lines(string(data)) {
			source, target, ok := strings.Cut(strings.TrimSpace(line), ":")
			if !ok {
				target = source
			}
			if filepath.Clean(target) == secretsDir {
				sources = append(sources, source)
			}
		}
	}
	return sources
}

func inAny(dirs []string, name string) bool {
	return slices.ContainsFunc(dirs, func(dir string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	})
}
