package orchestrator

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gofrs/flock"
	"github.com/google/renameio/v2"
)

// State is what a build leaves behind if it is killed now. It is written
// before the things it names exist, so that whoever finds it can remove them.
// It holds no secrets.
type State struct {
	ID      BuildID   `json:"id"`
	Created time.Time `json:"created"`
	PID     int       `json:"pid"` // of the CLI
	// PIDStart is when that process started, as in ChildStart. What is built, for
	// people: a name, or a context without credentials.
	PIDStart uint64 `json:"pid_start,omitempty"`
	What     string `json:"what,omitempty"`
	// Podman and Global are how to call the user's podman.
	Podman string   `json:"podman"`
	Global []string `json:"global,omitempty"`
	// Place is where the build is, and Endpoint how to get there when it is not here.
	Place    placeKind `json:"place,omitempty"`
	Endpoint *endpoint `json:"endpoint,omitempty"`
	// User is how to get at the podman that builds, where the proxy is at another.
	User *endpoint `json:"user,omitempty"`
	// Dir holds the mounts; Scratch what the build writes into the tree; Tmp the
	// rewritten Containerfile and podman's own temporary files.
	Dir     string `json:"dir"`
	Scratch string `json:"scratch"`
	Tmp     string `json:"tmp"`
	// Sock is where the build's own API service listens, if it has one.
	Sock string `json:"sock,omitempty"`
	// Late says that podman may yet make the proxy container.
	Late bool `json:"late,omitempty"`
	// Storage is where podman keeps its containers' files; empty until it has
	// been asked.
	Storage string `json:"storage,omitempty"`
	// Machine is what a remote podman's machine is; nil until it has been asked.
	Machine *machine `json:"machine,omitempty"`
	// Plain: the build has a plain directory, which a remote podman has as a volume.
	Plain bool `json:"plain,omitempty"`
	// RunDir is where OCI runtimes keep their containers; empty for /run.
	RunDir string `json:"run_dir,omitempty"`
	// Proxy is the PID of a proxy that is no container, as Child.
	Proxy      int    `json:"proxy,omitempty"`
	ProxyStart uint64 `json:"proxy_start,omitempty"`
	// Child is the PID of the podman that builds, and ChildStart its start time
	// in clock ticks since boot, so that a reused PID is not mistaken for it.
	Child      int    `json:"child,omitempty"`
	ChildStart uint64 `json:"child_start,omitempty"`
}

// machine is the machine of a remote podman, the proxy's, as far as a clean-up
// there has to know it. Podman takes long to say.
type machine struct {
	OS       string `json:"os"`
	Arch     string `json:"arch"`
	Rootless bool   `json:"rootless,omitempty"`
}

// stateFile is a State on disk, locked: the lock says that somebody lives who
// will clean up.
type stateFile struct {
	path string
	lock *flock.Flock

	mu sync.Mutex // guards the file and what follows
	// storage is State.Storage where it was learnt beside the build; noted says
	// that nothing is written down any more.
	storage string
	noted   bool
}

func stateDir(base string) string { return filepath.Join(base, "state") }

// statePath is the state file of a build.
func statePath(base string, id BuildID) string {
	return filepath.Join(stateDir(base), string(id)+".json")
}

// socketPath is where the API service of a build listens. It is among the
// states, and not in a directory for temporary files, because a socket's path
// has at most 107 bytes (unix(7)).
func socketPath(base string, id BuildID) string {
	return filepath.Join(stateDir(base), string(id)+".sock")
}

// createState writes the state of a new build and locks it.
func createState(base string, s State) (*stateFile, error) {
	if err := os.MkdirAll(stateDir(base), 0o700); err != nil {
		return nil, fmt.Errorf("making the state directory: %w", err)
	}
	// The lock is a file of its own, taken first: the state file is replaced
	// when it changes, and a lock would stay with the old one.
	f, err := lockNewState(statePath(base, s.ID))
	if err != nil {
		return nil, fmt.Errorf("locking the state of build %s: %w", s.ID, err)
	}
	// Not by a temporary file: a kill would leave that, and no name by which a
	// sweep looks. Half a state says as much as none, for nothing is made yet.
	b, err := s.marshal()
	if err == nil {
		err = os.WriteFile(f.path, b, 0o600)
	}
	if err != nil {
		f.remove()
		return nil, fmt.Errorf("writing the state of the build: %w", err)
	}
	return f, nil
}

func (s State) marshal() ([]byte, error) { return json.MarshalIndent(s, "", "  ") }

// write replaces the state. Safe for concurrent use.
func (f *stateFile) write(s State) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	s.Storage = cmp.Or(s.Storage, f.storage)
	return f.replace(s)
}

// noteStorage adds State.Storage, which podman takes long to say. Safe for
// concurrent use.
func (f *stateFile) noteStorage(dir string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.noted {
		return nil
	}
	f.storage = dir
	s, err := readState(f.path)
	if err != nil {
		return err
	}
	s.Storage = dir
	return f.replace(*s)
}

// end returns the storage, if it is known. Nothing is noted after it: the state
// may be another's by then.
func (f *stateFile) end() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.noted = true
	return f.storage
}

func (f *stateFile) replace(s State) error {
	b, err := s.marshal()
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(f.path, b, 0o600); err != nil {
		return fmt.Errorf("writing the state of the build: %w", err)
	}
	return nil
}

// remove ends the state: nothing is left of the build. The lock goes last: it is
// by that alone that a kill in the middle of this is made good.
func (f *stateFile) remove() {
	stem := strings.TrimSuffix(f.path, ".json")
	// What a kill in the middle of write has left too.
	halves, _ := filepath.Glob(filepath.Join(filepath.Dir(f.path), "."+filepath.Base(f.path)+"*"))
	for _, path := range append(halves, stem+".sock", progressPath(f.path), progressPath(f.path)+".new", f.path, f.path+".lock") {
		_ = os.Remove(path)
	}
	_ = f.lock.Unlock()
}
