//go:build e2e

package e2e

import (
	"bytes"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// leftoverLimit is when a leftover counts as one. On a machine that does nothing
// else all is gone within promised; a test must also pass on one that does.
const leftoverLimit = 30 * time.Second

// promised is how long after a build's end, however it ended, nothing is left
// (S40). Looks at a remote podman take longer than that by themselves.
const promised = 2 * time.Second

// snapshot is what a build can leave behind on this machine, by kind and name.
type snapshot map[string]bool

// take looks at mounts in all mount namespaces, processes, containers
// (buildah's working containers too), state files, and p's temporary directory.
func (p *project) take() snapshot {
	p.t.Helper()
	s := snapshot{}
	s.mounts()
	s.processes()
	s.containers(p.t)
	s.files(p.tmp)
	s.files(runDir())
	if isRemote() {
		s.there(p.t)
	}
	return s
}

// mounts adds the mounts of this run's in every process's mount namespace, but
// for podman's storage, which podman keeps mounted.
func (s snapshot) mounts() {
	tables, _ := filepath.Glob("/proc/[0-9]*/mountinfo")
	for _, table := range tables {
		text, err := os.ReadFile(table)
		if err != nil {
			continue // the process has ended
		}
		for line := range strings.Lines(string(text)) {
			// In a container the mount point says nothing; the source or a layer does.
			// The run directory itself stays mounted: the shared base of all mounts.
			point := strings.Fields(line)[4]
			if point != runDir() && (strings.Contains(line, runDir()) || strings.Contains(line, work+"/project-")) {
				s["mount "+point] = true
			}
		}
	}
}

// processes adds lazybuild's processes of this run, in containers too, and
// what the tests' RUN instructions have started.
func (s snapshot) processes() {
	for _, p := range processes() {
		if filepath.Base(p.args[0]) == "lazybuild" && p.ours || slices.Contains(p.args, runMarker()) {
			s[fmt.Sprintf("process %d %s", p.pid, strings.Join(p.args, " "))] = true
		}
	}
}

type process struct {
	pid  int
	args []string
	ours bool // started by this run of the tests, by its environment
}

func processes() (list []process) {
	procs, _ := filepath.Glob("/proc/[0-9]*")
	for _, proc := range procs {
		cmdline, err := os.ReadFile(filepath.Join(proc, "cmdline"))
		pid, notPID := strconv.Atoi(filepath.Base(proc))
		if err != nil || notPID != nil || len(cmdline) == 0 {
			continue // it has ended, or is the kernel's
		}
		environ, _ := os.ReadFile(filepath.Join(proc, "environ"))
		list = append(list, process{
			pid:  pid,
			args: strings.Split(strings.TrimRight(string(cmdline), "\x00"), "\x00"),
			ours: strings.Contains(string(environ), work),
		})
	}
	return list
}

// runMarker is how long RUN instructions of the tests sleep, in seconds: an
// argument by which the process is found, and which no other run has.
func runMarker() string { return fmt.Sprint(1_000_000 + os.Getpid()) }

func (s snapshot) containers(t *testing.T) {
	t.Helper()
	var out, said bytes.Buffer
	for end := time.Now().Add(leftoverLimit); ; {
		cmd := exec.Command("podman", "ps", "--all", "--external", "--format", "{{.ID}} {{.Names}}")
		out.Reset()
		said.Reset()
		cmd.Stdout, cmd.Stderr = &out, &said
		// podman fails when a container goes away while it looks.
		err := cmd.Run()
		if err == nil {
			break
		}
		if time.Now().After(end) {
			t.Fatalf("listing containers: %v: %s", err, said.String())
		}
	}
	for line := range strings.Lines(out.String()) {
		s["container "+strings.TrimSpace(line)] = true
	}
}

// files adds what is in a directory, without lock files, which are meant to
// stay: removing one that another process waits for would let two in. A state's
// goes with it.
func (s snapshot) files(dir string) {
	_ = filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		// What vanishes while one looks is not left. An empty directory of state
		// files is nobody's.
		state := filepath.Join(runDir(), "state")
		stays := strings.HasSuffix(path, ".lock") && filepath.Dir(path) != state
		if err == nil && path != dir && path != state && !stays {
			s["file "+path] = true
		}
		return nil
	})
}

// minus lists what is in s and not in before.
func (s snapshot) minus(before snapshot) []string {
	var left []string
	for _, name := range slices.Sorted(maps.Keys(s)) {
		if !before[name] {
			left = append(left, name)
		}
	}
	return left
}

// nothingLeft fails the test unless all that is there since before is gone
// within leftoverLimit of now. Tests that use it do not run in parallel.
func (p *project) nothingLeft(before snapshot) {
	p.t.Helper()
	end := time.Now()
	for {
		// What counts is when the look began: a look takes a while itself.
		looked := time.Since(end)
		left := p.take().minus(before)
		if len(left) == 0 {
			if looked > promised && !isRemote() {
				p.t.Logf("all was gone only %v after the build's end", looked.Round(time.Millisecond))
			}
			return
		}
		if looked > leftoverLimit {
			p.t.Errorf("left %v after the build's end:\n  %s", looked.Round(time.Millisecond), strings.Join(left, "\n  "))
			if out, err := exec.Command("podman", "ps", "--all", "--external", "--no-trunc").CombinedOutput(); len(out) > 0 {
				p.t.Logf("podman ps: %v\n%s", err, out)
			}
			return
		}
		time.Sleep(20 * time.Millisecond) // nobody announces that a mount is gone
	}
}

// nothingLeftAt fails the test unless all that is there since before is gone now,
// when somebody has said so. On another machine podman itself may have something
// to put away yet.
func (p *project) nothingLeftAt(when string, before snapshot) {
	p.t.Helper()
	if isRemote() {
		p.nothingLeft(before)
		return
	}
	if left := p.take().minus(before); len(left) > 0 {
		p.t.Errorf("left %s:\n  %s", when, strings.Join(left, "\n  "))
	}
}

// goodStore fails the test when the store holds a blob that is not what its
// name says.
func (p *project) goodStore() {
	p.t.Helper()
	if isRemote() {
		return // it is elsewhere
	}
	root := filepath.Join(p.store, "v1", "blobs", "sha256")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		if got := sha256Hex(content); got != d.Name() {
			p.t.Errorf("the store's blob %s has the digest %s", d.Name(), got)
		}
		return nil
	})
	if err != nil && !os.IsNotExist(err) {
		p.t.Error(err)
	}
}
