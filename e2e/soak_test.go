//go:build e2e

package e2e

import (
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// soakTime is how long the soak test goes on (LAZYBUILD_SOAK=20m), and soakers
// how many builds there are at once. An ordinary run is short, to see that the
// test itself works.
func soakTime(t *testing.T) (d time.Duration, soakers int) {
	t.Helper()
	if v := os.Getenv("LAZYBUILD_SOAK"); v != "" {
		d, err := time.ParseDuration(v)
		if err != nil {
			t.Fatalf("LAZYBUILD_SOAK: %v", err)
		}
		return d, 16
	}
	return 20 * time.Second, 4
}

// Many builds at once over one store, again and again, with a bad network and
// with builds that are ended in every way: afterwards the machine is as it was.
//
// Shows S65.
func TestSoak(t *testing.T) {
	length, soakers := soakTime(t)
	o := newOrigin(t)
	shared := newProject(t, nil)
	crowd := make([]*soaker, soakers)
	for i := range crowd {
		crowd[i] = newSoaker(t, o, shared.store, i)
	}
	// The first build makes what stays: the proxy's image, podman's own files.
	if r := crowd[0].build(); r.code() != 0 {
		t.Fatalf("exit code %d\n%s", r.code(), r)
	}
	before, kernel := shared.take(), kernelCounts(t)

	o.spoil(5)
	var wg sync.WaitGroup
	end := time.Now().Add(length)
	for _, s := range crowd {
		wg.Go(func() {
			for time.Now().Before(end) {
				s.round()
			}
		})
	}
	wg.Wait()
	o.spoil(0)

	tally := map[string]int{}
	for _, s := range crowd {
		for name, n := range s.tally {
			tally[name] += n
		}
		if r := s.build(); r.code() != 0 {
			t.Errorf("a build afterwards: exit code %d\n%s", r.code(), r)
		}
	}
	t.Logf("rounds: %v", tally)
	shared.nothingLeft(before)
	shared.goodStore()
	shared.nothingInTheStoreButBlobs()
	kernelCalms(t, kernel)
}

// kernelCalms waits until the machine's counts are back. Other programs of the
// machine come and go: what they have open now and then is no leak of ours.
func kernelCalms(t *testing.T, before map[string]int) {
	t.Helper()
	end := time.Now().Add(time.Minute)
	for name, was := range before {
		now := kernelCounts(t)[name]
		for ; now > was+was/4+50 && time.Now().Before(end); now = kernelCounts(t)[name] {
			time.Sleep(100 * time.Millisecond) // nobody announces that a file is closed
		}
		if now > was+was/4+50 {
			t.Errorf("%s: %d before, %d after", name, was, now)
		}
	}
}

// soaker builds one project again and again.
type soaker struct {
	*project
	origin  *origin
	rand    *rand.Rand
	changes int
	tally   map[string]int
}

func newSoaker(t *testing.T, o *origin, store string, i int) *soaker {
	t.Helper()
	s := &soaker{project: newProject(t, nil), origin: o, rand: rand.New(rand.NewPCG(uint64(i), 1)), tally: map[string]int{}}
	s.store = store
	s.write("Containerfile", "FROM localhost/lazybuild-test/base:bookworm\nRUN sha256sum -c /cachi2/output/deps/generic/sums && cp -r /cachi2/output/deps/generic /got\n")
	s.change()
	return s
}

// change gives the project new locks: a file of its own, one that is new to
// all, and some that all projects share.
func (s *soaker) change() {
	s.changes++
	lock, sums := genericHead, ""
	for _, name := range []string{"shared-a", "shared-b", "round-" + strconv.Itoa(s.changes), fmt.Sprintf("own-%s", nonce())} {
		content := []byte(strings.Repeat(name+" ", 40_000))
		lock += generic(name, s.origin.add("soak/"+name, content), content)
		sums += sha256Hex(content) + "  /cachi2/output/deps/generic/" + name + "\n"
	}
	lock += generic("sums", s.origin.add("soak/sums-"+sha256Hex([]byte(sums)), []byte(sums)), []byte(sums))
	s.write("artifacts.lock.yaml", lock)
}

func (s *soaker) build() *run {
	r := s.start("-f", "Containerfile", "--network=none")
	r.wait()
	return r
}

// round is one build that ends in one of the ways.
func (s *soaker) round() {
	s.change()
	r := s.start("-f", "Containerfile", "--network=none")
	way := [...]string{"ends", "ends", "ends", "interrupted", "terminated", "killed"}[s.rand.IntN(6)]
	if way != "ends" {
		select {
		case <-r.done:
		case <-time.After(time.Duration(s.rand.IntN(1500)) * time.Millisecond):
		}
	}
	switch way {
	case "interrupted":
		_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGINT)
	case "terminated":
		_ = r.cmd.Process.Signal(syscall.SIGTERM)
	case "killed":
		_ = r.cmd.Process.Signal(syscall.SIGKILL)
	}
	r.wait()
	code := r.code()
	s.tally[fmt.Sprintf("%s with %d", way, code)]++
	switch {
	case way == "killed" || code == 0 || code == 130:
	case code == 1 && strings.Contains(r.err.String(), "cannot provide"): // the bad network won
	case way != "ends" && code == 125:
	case way != "ends" && code > 128 && r.err.String() == "": // before it could listen to signals
	default:
		s.t.Errorf("%s: exit code %d\n%s", way, code, r)
	}
}

// spoil makes one of n answers of all files bad; 0 makes all good.
func (o *origin) spoil(n int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if n == 0 {
		o.every = nil
		return
	}
	o.every = func(w http.ResponseWriter, r *http.Request, content []byte) bool {
		if rand.IntN(n) > 0 {
			return false
		}
		switch rand.IntN(5) {
		case 0:
			w.WriteHeader(http.StatusInternalServerError)
		case 1:
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusTooManyRequests)
		case 2: // cut in the middle
			w.Header().Set("Content-Length", strconv.Itoa(len(content)))
			_, _ = w.Write(content[:len(content)/2])
			panic(http.ErrAbortHandler)
		case 3: // other bytes
			_, _ = w.Write([]byte(strings.ToUpper(string(content))))
		case 4:
			panic(http.ErrAbortHandler)
		}
		return true
	}
}

// nothingInTheStoreButBlobs sees that dead builds have left no pin and no
// scratch directory; partials may be there for the next build.
func (p *project) nothingInTheStoreButBlobs() {
	p.t.Helper()
	for _, dir := range []string{"v1/pins", "scratch"} {
		_ = filepath.WalkDir(filepath.Join(p.store, dir), func(path string, d fs.DirEntry, err error) error {
			if err == nil && !d.IsDir() && d.Name() != ".gate" { // a lock, which is meant to stay
				p.t.Errorf("left in the store: %s", path)
			}
			return nil
		})
	}
}

// kernelCounts are numbers of the whole machine that grow when something leaks.
func kernelCounts(t *testing.T) map[string]int {
	t.Helper()
	mounts, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		t.Fatal(err)
	}
	files, err := os.ReadFile("/proc/sys/fs/file-nr")
	if err != nil {
		t.Fatal(err)
	}
	open, err := strconv.Atoi(strings.Fields(string(files))[0])
	if err != nil {
		t.Fatal(err)
	}
	fuse, _ := filepath.Glob("/sys/fs/fuse/connections/*")
	return map[string]int{"mounts": strings.Count(string(mounts), "\n"), "open files": open, "FUSE connections": len(fuse)}
}
