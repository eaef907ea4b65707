package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// A podman that is killed leaves what it was about to finish:
//
//   - a working container without its record (buildah.json), which buildah writes
//     after it has mounted it and read the image's configuration;
//   - an image without its manifest, which is written last; `podman images` fails
//     for everybody as long as there is one.
//
// Nothing ties them to a build, and nobody can use them. They are ours to remove
// when they were made during the build and their maker is known to be dead.

// workingName is how buildah names its working containers. podman and CRI-O
// keep metadata with theirs, so a name is no proof by itself.
var workingName = regexp.MustCompile(`(^|-)working-container(-[0-9]+)?$`)

const (
	// makerLimit is how long the clean-up waits for another podman, which may
	// be about to write what is missing.
	makerLimit = time.Second
	// finishLimit is after which time nobody is about to write it any more.
	finishLimit = time.Minute
)

var errMakerUnknown = errors.New("a container or image was half made during the build, by this or another podman; the next start of lazybuild looks again")

// halves are the IDs of what is half made.
type halves struct{ containers, images []string }

// halfMade finds what a killed podman has left half made. An error says that
// there may be more, and to look again later.
func halfMade(ctx context.Context, s *State) (halves, error) {
	if s.Place == remote || s.Storage == "" || s.Created.IsZero() || !ownDir(s.Dir, s.ID) {
		return halves{}, nil // another machine's clock and processes say nothing here
	}
	states, owner := stateDir(filepath.Dir(s.Dir)), ownerOf(s.Storage)
	return settled(ctx, s, func(age time.Duration) bool { return len(makers(age, owner, states)) > 0 })
}

// settled looks until it is sure, but for no longer than makerLimit.
func settled(ctx context.Context, s *State, makerLives func(age time.Duration) bool) (halves, error) {
	for end := time.Now().Add(makerLimit); ; {
		dead, unsure := halfMadeNow(s, makerLives)
		if !unsure {
			return dead, nil
		}
		if ctx.Err() != nil || time.Now().After(end) {
			return dead, errMakerUnknown
		}
		time.Sleep(20 * time.Millisecond) // nobody announces a record, or the end of somebody else's process
	}
}

func halfMadeNow(s *State, makerLives func(age time.Duration) bool) (dead halves, unsure bool) {
	judge := func(list []stored, half func(stored) bool) (ids []string) {
		for _, c := range list {
			if c.Created.Before(s.Created) || !half(c) {
				continue
			}
			if age := time.Since(c.Created); age < finishLimit && makerLives(age) {
				unsure = true
			} else {
				ids = append(ids, c.ID)
			}
		}
		return ids
	}
	dead.containers = judge(storedIn(s.Storage, "containers"), func(c stored) bool {
		return c.Metadata == "" && slices.ContainsFunc(c.Names, workingName.MatchString) && !hasRecord(s.Storage, c.ID)
	})
	dead.images = judge(storedIn(imageStorage(s.Storage), "images"), func(c stored) bool {
		return !slices.Contains(c.BigData, "manifest")
	})
	return dead, unsure
}

func hasRecord(storage, id string) bool {
	_, err := os.Stat(filepath.Join(storage, id, "userdata", "buildah.json"))
	return err == nil
}

// imageStorage is where podman keeps its images' files ("<root>/<driver>-images"),
// beside those of its containers.
func imageStorage(containers string) string {
	return strings.TrimSuffix(containers, "-containers") + "-images"
}

// stored is an entry of containers/storage's list of containers, or of images.
// The latter are as old as their builds say.
type stored struct {
	ID       string    `json:"id"`
	Names    []string  `json:"names"`
	Metadata string    `json:"metadata"`
	BigData  []string  `json:"big-data-names"`
	Created  time.Time `json:"created"`
}

// storedIn reads a list without podman, which is slow to start. It is replaced as
// a whole when it changes, so that half of it is never seen.
func storedIn(dir, what string) (all []stored) {
	for _, name := range []string{what + ".json", "volatile-" + what + ".json"} {
		var list []stored
		if text, err := os.ReadFile(filepath.Join(dir, name)); err == nil && json.Unmarshal(text, &list) == nil {
			all = append(all, list...)
		}
	}
	return all
}

// makers are the processes of podman and buildah that are at least as old as
// something of that age, and run as the owner of the storage, and so may have
// made it. The services of builds have not: they listen below states, and
// nobody builds with them.
func makers(age time.Duration, owner uint32, states string) (pids []int) {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return nil // Linux has had it since 2.6.39
	}
	if age > time.Duration(now.Nano()) {
		return nil // it is older than all that runs
	}
	// processStart counts in clock ticks, of which Linux shows 100 a second.
	made := uint64((time.Duration(now.Nano()) - age) / (10 * time.Millisecond))
	for _, pid := range processes() {
		proc := "/proc/" + strconv.Itoa(pid)
		args, err := os.ReadFile(proc + "/cmdline")
		if err != nil || ownerOf(proc) != owner || strings.Contains(string(args), "unix://"+states+"/") {
			continue
		}
		name, _, _ := strings.Cut(string(args), "\x00")
		if base := filepath.Base(name); base != "podman" && base != "buildah" {
			continue
		}
		if start := processStart(pid); start != 0 && start <= made+1 {
			pids = append(pids, pid)
		}
	}
	return pids
}

// ownerOf is the user that a file belongs to, or a process by its directory in
// /proc (proc(5)); root where nobody knows.
func ownerOf(path string) uint32 {
	var st unix.Stat_t
	if err := unix.Stat(path, &st); err != nil {
		return 0
	}
	return st.Uid
}

// stillStored says which of the containers, by name or ID, podman's storage still
// has: that podman has removed them is its word, and this is what others see.
// Another podman may be about to finish, which has forgotten one before.
func stillStored(s *State, containers []string) (err error) {
	if s.Place == remote || s.Storage == "" {
		return nil
	}
	for end := time.Now().Add(makerLimit); ; time.Sleep(10 * time.Millisecond) {
		if err = storedNow(s, containers); err == nil || time.Now().After(end) {
			return err
		}
	}
}

func storedNow(s *State, containers []string) error {
	for _, c := range storedIn(s.Storage, "containers") {
		for _, name := range append(c.Names, c.ID) {
			if slices.Contains(containers, name) {
				return fmt.Errorf("%s: %w", name, errStillThere)
			}
		}
	}
	return nil
}
