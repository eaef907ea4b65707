package materialize

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"

	"golang.org/x/sys/unix"

	"github.com/lazybuild/lazybuild/internal/failpoint"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// manifestName is the file in which a run writes down what it has written, so
// that the next one can tell its own files from those of others.
const manifestName = ".lazybuild.json"

type manifest struct {
	Version int      `json:"version"`
	Files   []string `json:"files"`
}

const manifestVersion = 1

// lock keeps a second run away from the directory: it would take the first
// one's unfinished files for leftovers. unlock may be called once. A killed
// run's lock is free.
func lock(root *os.Root) (unlock func(), err error) {
	d, err := root.Open(".")
	if err != nil {
		return nil, err
	}
	err = unix.Flock(int(d.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		d.Close()
		return nil, fmt.Errorf("another lazybuild is writing to %s: wait for it, or write to another directory", root.Name())
	}
	// Some network file systems have no locks: then nobody is kept away.
	return func() { d.Close() }, nil
}

// readManifest returns the paths that an earlier run has written, and clears
// away what it has left behind if it was killed. Somebody else's or a damaged
// file means that nobody knows: then nothing will be removed.
func readManifest(root *os.Root) ([]string, error) {
	data, err := root.ReadFile(manifestName)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading what an earlier run has written: %w", err)
	}
	files := parseManifest(data)
	dirs := map[string]bool{}
	for _, p := range files {
		dirs[path.Dir(p)] = true
	}
	for dir := range dirs {
		sweep(root, dir)
	}
	return files, nil
}

// parseManifest returns a manifest's paths; none of one that says anything wrong.
func parseManifest(data []byte) []string {
	var m manifest
	if json.Unmarshal(data, &m) != nil || m.Version != manifestVersion {
		return nil
	}
	for _, p := range m.Files {
		if tree.CheckPath(p) != nil {
			return nil
		}
	}
	return m.Files
}

func writeManifest(root *os.Root, paths []string) error {
	data, err := json.Marshal(manifest{manifestVersion, paths})
	if err != nil {
		return err
	}
	const tmp = tmpPrefix + "manifest"
	err = failpoint.Step("manifest.write", func() error { return root.WriteFile(tmp, append(data, '\n'), 0o644) })
	if err == nil {
		err = failpoint.Step("manifest.rename", func() error { return root.Rename(tmp, manifestName) })
	}
	if err != nil {
		return fmt.Errorf("noting what has been written: %w", err)
	}
	return nil
}
