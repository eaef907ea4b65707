package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// buildah makes a working container first and writes its record (buildah.json)
// some time later, after it has mounted it and read the image's configuration.
// A podman that is killed in between leaves a container that nothing ties to a
// build, and that nobody can use. It is ours to remove when it was made during
// the build and its maker is known to be dead.

// workingName is how buildah names its working containers. podman and CRI-O
// keep metadata with theirs, so a name is no proof by itself.
var workingName = regexp.MustCompile(`(^|-)working-container(-[0-9]+)?$`)

const (
	// makerLimit is how long the clean-up waits for another podman, which may
	// be about to write the record.
	makerLimit = time.Second
	// recordLimit is after which time nobody is about to write it any more.
	recordLimit = time.Minute
)

var errMakerUnknown = errors.New("a working container was made during the build, by this or another podman; the next start of lazybuild looks again")

// recordless finds the working containers without a record that are left of a
// killed build. An error says that there may be one, and to look again later.
func recordless(ctx context.Context, s *State) ([]string, error) {
	if s.Place == remote || s.Storage == "" || s.Created.IsZero() || !ownDir(s.Dir, s.ID) {
		return nil, nil // another machine's clock and processes say nothing here
	}
	states, owner := stateDir(filepath.Dir(s.Dir)), ownerOf(s.Storage)
	return settled(ctx, s, func(age time.Duration) bool { return len(makers(age, owner, states)) > 0 })
}

// settled looks until it is sure, but for no longer than makerLimit.
func settled(ctx context.Context, s *State, makerLives func(age time.Duration) bool) ([]string, error) {
	for end := time.Now().Add(makerLimit); ; {
		dead, unsure := recordlessNow(s, makerLives)
		if !unsure {
			return dead, nil
		}
		if ctx.Err() != nil || time.Now().After(end) {
			return dead, errMakerUnknown
		}
		time.Sleep(20 * time.Millisecond) // nobody announces a record, or the end of somebody else's process
	}
}

func recordlessNow(s *State, makerLives func(age time.Duration) bool) (dead []string, unsure bool) {
	for _, c := range storedContainers(s.Storage) {
		working := c.Metadata == "" && slices.ContainsFunc(c.Names, workingName.MatchString)
		if !working || c.Created.Before(s.Created) || hasRecord(s.Storage, c.ID) {
			continue
		}
		if age := time.Since(c.Created); age < recordLimit && makerLives(age) {
			unsure = true
		} else {
			dead = append(dead, c.ID)
		}
	}
	return dead, unsure
}

func hasRecord(storage, id string) bool {
	_, err := os.Stat(filepath.Join(storage, id, "userdata", "buildah.json"))
	return err == nil
}

// storedContainer is an entry of containers/storage's list of containers.
type storedContainer struct {
	ID       string    `json:"id"`
	Names    []string  `json:"names"`
	Metadata string    `json:"metadata"`
	Created  time.Time `json:"created"`
}

// storedContainers reads the list without podman, which is slow to start. It is
// replaced as a whole when it changes, so that half of it is never seen.
func storedContainers(storage string) (all []storedContainer) {
	for _, name := range []string{"containers.json", "volatile-containers.json"} {
		var list []storedContainer
		if text, err := os.ReadFile(filepath.Join(storage, name)); err == nil && json.Unmarshal(text, &list) == nil {
			all = append(all, list...)
		}
	}
	return all
}

// makers are the processes of podman and buildah that are at least as old as a
// container of that age, and run as the owner of the storage, and so may have
// made it. The services of builds have not: they listen below states, and
// nobody builds with them.
func makers(age time.Duration, owner uint32, states string) (pids []int) {
	var now unix.Timespec
	if unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) != nil {
		return nil // Linux has had it since 2.6.39
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
