package orchestrator

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopProcess ends one of the build's processes, if it still runs: the podman
// that builds, or a proxy that is no container. One that the kernel keeps may
// still be there (stillRuns).
func stopProcess(pid int, start uint64) {
	if pid <= 1 || processStart(pid) != start {
		return
	}
	_ = syscall.Kill(pid, syscall.SIGTERM)
	if endsIn(500*time.Millisecond, pid, start) {
		return
	}
	_ = syscall.Kill(pid, syscall.SIGKILL)
	endsIn(killedLimit, pid, start)
}

// killedLimit is how long the kernel may take to end what was killed, on a busy
// machine: its files are closed, its memory is freed.
const killedLimit = 2 * time.Second

func endsIn(limit time.Duration, pid int, start uint64) bool {
	for end := time.Now().Add(limit); ; time.Sleep(5 * time.Millisecond) {
		if processStart(pid) != start {
			return true
		}
		if time.Now().After(end) {
			return false
		}
	}
}

// stopProxy ends a proxy that is no container.
func stopProxy(s *State) {
	var ended sync.WaitGroup
	for _, pid := range proxySession(s) {
		ended.Go(func() { stopProcess(pid, processStart(pid)) })
	}
	ended.Wait()
}

// proxySession lists what runs of a proxy that is no container: podman unshare,
// and below it the proxy, which outlives it. They have a session of their own
// (startProcess), whose number nobody else gets while one of them is there.
func proxySession(s *State) (pids []int) {
	if leader := processStart(s.Proxy); s.Proxy <= 1 || s.ProxyStart == 0 || leader != 0 && leader != s.ProxyStart {
		return nil
	}
	for _, pid := range processes() {
		if f := statFields(pid); f != nil && f[3] == strconv.Itoa(s.Proxy) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// stillRuns says what of the build still runs, after it was killed and what it
// may have been waiting for is gone.
func stillRuns(s *State) error {
	if s.Child > 1 && s.ChildStart != 0 && !endsIn(killedLimit, s.Child, s.ChildStart) {
		return fmt.Errorf("process %d of the build does not end", s.Child)
	}
	for _, pid := range proxySession(s) {
		if start := processStart(pid); start != 0 && !endsIn(killedLimit, pid, start) {
			return fmt.Errorf("process %d of the build's proxy does not end", pid)
		}
	}
	if pids, _ := killBuildProcesses(s); len(pids) > 0 {
		return fmt.Errorf("processes %v of the build's RUNs do not end", pids)
	}
	return nil
}

// stopService ends the API service that the build has started for itself, and
// says whether there was one. Nobody else uses it.
func stopService(s *State) (found bool) {
	path := cmp.Or(s.Sock, socketPath(filepath.Dir(s.Dir), s.ID)) // older states do not say it
	if filepath.Base(path) != string(s.ID)+".sock" {
		return false
	}
	sock := []byte("unix://" + path + "\x00")
	for _, pid := range processes() {
		start := processStart(pid)
		if args, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil && bytes.HasSuffix(args, sock) {
			found = true
			stopProcess(pid, start)
		}
	}
	return found
}

// processStart is a process's start time in clock ticks since boot, 0 when
// there is no such process or it is a zombie (proc(5), field 22 of stat).
func processStart(pid int) uint64 {
	f := statFields(pid)
	if f == nil {
		return 0
	}
	start, _ := strconv.ParseUint(f[19], 10, 64)
	return start
}

// statFields are the fields of a process's stat from the third, its state, on
// (proc(5)); nil when there is no such process or it is a zombie.
func statFields(pid int) []string {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return nil
	}
	// The command's name is in parentheses and may hold anything.
	_, rest, ok := bytes.Cut(b[max(0, bytes.LastIndexByte(b, ')')-1):], []byte(") "))
	fields := strings.Fields(string(rest))
	if !ok || len(fields) < 20 || fields[0] == "Z" {
		return nil
	}
	return fields
}

// killBuildProcesses kills the RUN processes that a killed podman has left
// behind. They are known by their mounts: each has our tree, whose source and
// options name the build, in a mount namespace that is not ours. It returns those
// that are still there after killedLimit, and the bundles of all these RUNs.
func killBuildProcesses(s *State) (left []int, bundles []string) {
	own, _ := os.Readlink("/proc/self/ns/mnt")
	host, _ := os.Readlink("/proc/1/ns/mnt")
	id := []byte(s.ID)
	// A process may fork while the list is read: again, until there is none.
	for end := time.Now().Add(killedLimit); ; {
		left = nil
		for _, pid := range processes() {
			ns, err := os.Readlink(fmt.Sprintf("/proc/%d/ns/mnt", pid))
			if err != nil || ns == own || ns == host {
				continue
			}
			mounts, err := os.ReadFile(fmt.Sprintf("/proc/%d/mountinfo", pid))
			if points := treesIn(mounts, id, s.Dir); err == nil && len(points) > 0 {
				left = append(left, pid)
				bundles = append(bundles, bundlesOf(pid, points)...)
				_ = syscall.Kill(pid, syscall.SIGKILL)
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			slices.Sort(bundles)
			return left, slices.Compact(bundles)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// treesIn are the mount points of a RUN's mountinfo that have something of the
// tree: those elsewhere than below the build's directory, where the proxy and
// the host have it.
func treesIn(mountinfo, id []byte, dir string) (points []string) {
	for line := range bytes.Lines(mountinfo) {
		if !bytes.Contains(line, id) {
			continue
		}
		fields := bytes.Fields(line)
		if len(fields) > 4 && !strings.HasPrefix(string(fields[4])+"/", dir+"/") && !bytes.Contains(fields[4], id) {
			points = append(points, string(fields[4]))
		}
	}
	return points
}

// bundlePoint is where buildah's helper mounts a volume of a RUN before the OCI
// runtime does: in the RUN's bundle.
var bundlePoint = regexp.MustCompile(`^(/.*/buildah[0-9]+)/mnt/[^/]+$`)

// bundlesOf are the bundles in which a process has mounts. A RUN may have a path
// of the same name in its own root, which is none.
func bundlesOf(pid int, points []string) (list []string) {
	for _, point := range points {
		m := bundlePoint.FindStringSubmatch(point)
		if m == nil {
			continue
		}
		here, err := os.Stat(m[1])
		its, err2 := os.Stat(fmt.Sprintf("/proc/%d/root%s", pid, m[1]))
		if err == nil && err2 == nil && os.SameFile(here, its) {
			list = append(list, m[1])
		}
	}
	return list
}

func processes() []int {
	d, err := os.Open("/proc")
	if err != nil {
		return nil
	}
	defer d.Close()
	names, _ := d.Readdirnames(-1)
	var pids []int
	for _, n := range names {
		if pid, err := strconv.Atoi(n); err == nil {
			pids = append(pids, pid)
		}
	}
	return pids
}

// bundles are the directories of the build's RUNs. buildah keeps them below the
// temporary directory, which is the build's own (see child.go), so all of them
// are ours. A remote podman keeps them where it keeps everybody's, and nothing in
// them says whose they are: there ours are those in which our tree was mounted.
func bundles(s *State, seen []string) (list []string) {
	if s.Place == remote {
		return seen
	}
	if ownDir(s.Tmp, s.ID) {
		list, _ = filepath.Glob(filepath.Join(s.Tmp, "buildah*"))
	}
	return list
}

// workingContainers finds buildah's working containers of this build. podman
// removes them when a build ends, but not when it is killed. Ours are known by
// the volume in their build options, which names our directory.
func (p *podman) workingContainers(ctx context.Context, s *State) ([]string, error) {
	if !ownDir(s.Dir, s.ID) {
		return nil, nil
	}
	storage := s.Storage
	if storage == "" {
		var err error
		if storage, err = p.containerStorage(ctx); err != nil {
			return nil, err
		}
	}
	entries, _ := os.ReadDir(storage)
	var ids []string
	for _, e := range entries {
		b, err := os.ReadFile(filepath.Join(storage, e.Name(), "userdata", "buildah.json"))
		if err == nil && ofBuild(b, s.Dir) {
			ids = append(ids, e.Name())
		}
	}
	return ids, nil
}

// containerStorage is the directory in which podman keeps its containers'
// files (containers/storage: "<root>/<driver>-containers").
func (p *podman) containerStorage(ctx context.Context) (string, error) {
	out, err := p.undisturbed(ctx, "info", "--format", "{{.Store.GraphRoot}}\t{{.Store.GraphDriverName}}").Output()
	if err != nil {
		return "", fmt.Errorf("asking podman where its storage is: %w", err)
	}
	root, driver, _ := strings.Cut(strings.TrimSpace(string(out)), "\t")
	return filepath.Join(root, driver+"-containers"), nil
}

// ofBuild says whether buildah's record of a working container names the
// build's directory as the source of a volume.
func ofBuild(record []byte, dir string) bool {
	quoted, _ := json.Marshal(dir + "/")
	return bytes.Contains(record, quoted[1:len(quoted)-1])
}
