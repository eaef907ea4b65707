package orchestrator

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

var errLocked = errors.New("somebody else has locked it")

// lockState takes the lock of a state file. Who is done with a state removes the
// lock's file too, and a lock on a file that is no longer there keeps nobody out.
func lockState(path string) (*stateFile, error) {
	for {
		l := flock.New(path + ".lock")
		ok, err := l.TryLock()
		if err != nil {
			return nil, err
		}
		if !ok {
			return nil, errLocked
		}
		if mine, err := l.Stat(); err == nil && isFile(path+".lock", mine) {
			return &stateFile{path: path, lock: l}, nil
		}
		_ = l.Unlock()
	}
}

func isFile(path string, file os.FileInfo) bool {
	there, err := os.Stat(path)
	return err == nil && os.SameFile(there, file)
}

// sweepPause is how long somebody holds the lock of a build that is only just
// beginning: a sweep takes it for a dead one's until it has looked for its state.
const sweepPause = 2 * time.Second

// lockNewState takes the lock of a state that is not there yet.
func lockNewState(path string) (*stateFile, error) {
	for end := time.Now().Add(sweepPause); ; {
		f, err := lockState(path)
		if !errors.Is(err, errLocked) || time.Now().After(end) || exists(path) {
			return f, err
		}
		time.Sleep(time.Millisecond) // flock(2) has no time limit
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// takeOver locks the state of a dead build. nil means that the build lives (or
// is being cleaned up by somebody else), or that there is nothing to clean up;
// then nothing is left of a state that says nothing.
func takeOver(path string) (*stateFile, *State) {
	f, err := lockState(path)
	if err != nil {
		return nil, nil
	}
	s, err := readState(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errNotState) {
		_ = f.lock.Unlock() // it may be read another time
		return nil, nil
	}
	if err != nil {
		// Nothing that could be trusted to name what to remove.
		f.remove()
		return nil, nil
	}
	return f, s
}

var errNotState = errors.New("no state of a build")

// readState reads a state and holds it against its file's name.
func readState(path string) (*State, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the state of a build: %w", err)
	}
	var s State
	if err := json.Unmarshal(data, &s); err != nil {
		return nil, fmt.Errorf("%s is %w: %w", path, errNotState, err)
	}
	if !s.ID.Valid() || filepath.Base(path) != string(s.ID)+".json" {
		return nil, fmt.Errorf("%s is %w: it names another", path, errNotState)
	}
	return &s, nil
}

// stateFiles lists the state files below base, dead and alive.
func stateFiles(base string) []string {
	entries, _ := os.ReadDir(stateDir(base))
	var files []string
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".json") {
			files = append(files, filepath.Join(stateDir(base), e.Name()))
		}
	}
	return files
}

// sweptFiles lists the state files below base, and those that are not there but
// of which something is: a build that dies before its state is written, or when it
// is removed, leaves its lock.
func sweptFiles(base string) []string {
	entries, _ := os.ReadDir(stateDir(base))
	var files []string
	seen := map[BuildID]bool{}
	for _, e := range entries {
		id, _, _ := strings.Cut(strings.TrimPrefix(e.Name(), "."), ".")
		if b := BuildID(id); b.Valid() && !seen[b] {
			seen[b] = true
			files = append(files, statePath(base, b))
		}
	}
	return files
}
