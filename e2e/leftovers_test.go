//go:build e2e

package e2e

import (
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// leftoverLimit is lazybuild's promise: nothing is left this long after a
// build's end, however it ended.
const leftoverLimit = 2 * time.Second

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
	for _, dir := range []string{p.tmp, "/run/lazybuild", "/var/tmp"} {
		s.files(dir)
	}
	return s
}

// mounts adds the mounts of lazybuild's in every process's mount namespace.
func (s snapshot) mounts() {
	tables, _ := filepath.Glob("/proc/[0-9]*/mountinfo")
	for _, table := range tables {
		text, err := os.ReadFile(table)
		if err != nil {
			continue // the process has ended
		}
		for line := range strings.Lines(string(text)) {
			// Its mount points are below its run directory; its file systems carry its name.
			if strings.Contains(line, "lazybuild-") || strings.Contains(line, "/run/lazybuild/") {
				s["mount "+strings.Fields(line)[4]] = true
			}
		}
	}
}

// processes adds lazybuild's own processes, in containers too, and what the
// tests' RUN instructions have started.
func (s snapshot) processes() {
	lines, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	for _, file := range lines {
		text, err := os.ReadFile(file)
		if err != nil || len(text) == 0 {
			continue
		}
		args := strings.Split(strings.TrimRight(string(text), "\x00"), "\x00")
		if filepath.Base(args[0]) == "lazybuild" || slices.Contains(args, runMarker) {
			s["process "+filepath.Base(filepath.Dir(file))+" "+strings.Join(args, " ")] = true
		}
	}
}

// runMarker is an argument of the long-running processes in tests' RUN
// instructions, by which they are found: `sleep 86399`.
const runMarker = "86399"

func (s snapshot) containers(t *testing.T) {
	t.Helper()
	out, err := exec.Command("podman", "ps", "--all", "--external", "--format", "{{.ID}} {{.Names}} {{.Status}}").Output()
	if err != nil {
		t.Fatalf("listing containers: %v", err)
	}
	for line := range strings.Lines(string(out)) {
		id, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		name, _, _ := strings.Cut(rest, " ")
		s["container "+id+" "+name] = true
	}
}

// files adds the entries of a directory, without lock files, which are meant
// to stay: removing one that another process waits for would let two in.
func (s snapshot) files(dir string) {
	_ = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		// What vanishes while one looks is not left.
		if err != nil || path == dir || strings.HasSuffix(path, ".lock") {
			return nil //nolint:nilerr // see above
		}
		s["file "+path] = true
		if d.IsDir() && filepath.Dir(path) == "/var/tmp" {
			return fs.SkipDir
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
			return
		}
		if looked > leftoverLimit {
			p.t.Errorf("left %v after the build's end:\n  %s", looked.Round(time.Millisecond), strings.Join(left, "\n  "))
			return
		}
		time.Sleep(20 * time.Millisecond) // nobody announces that a mount is gone
	}
}

// goodStore fails the test when the store holds a blob that is not what its
// name says.
func (p *project) goodStore() {
	p.t.Helper()
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
