//go:build linux

package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/lazybuild/lazybuild/bench/show"
)

// log is the measurements of one binary with the same locks, in a file with a
// line for each, so that an interrupted run goes on.
type log struct {
	file    *os.File
	samples []show.Sample
}

func openLog(c config) (*log, error) {
	binary, err := os.Open(c.binary)
	if err != nil {
		return nil, fmt.Errorf("there is no lazybuild to measure (run `make build`): %w", err)
	}
	defer binary.Close()
	h := sha256.New()
	if _, err := io.Copy(h, binary); err != nil {
		return nil, err
	}
	fmt.Fprintf(h, "%+v%s", c.faults, c.work)
	if c.https {
		fmt.Fprint(h, "https")
	}
	// Other locks are other measurements.
	lock, _ := os.ReadFile(filepath.Join(c.cache, "app", "before", "pylock.toml"))
	h.Write(lock)
	l := &log{}
	if l.file, err = os.OpenFile(filepath.Join(c.cache, fmt.Sprintf("results-%x.jsonl", h.Sum(nil)[:6])), os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o644); err != nil {
		return nil, err
	}
	if c.fresh {
		return l, l.file.Truncate(0)
	}
	// An interruption may have left half a line.
	if _, err := l.file.WriteString("\n"); err != nil {
		return nil, err
	}
	if _, err := l.file.Seek(0, io.SeekStart); err != nil {
		return nil, err
	}
	lines := bufio.NewScanner(l.file)
	for lines.Scan() {
		var s show.Sample
		if json.Unmarshal(lines.Bytes(), &s) == nil {
			l.samples = append(l.samples, s)
		}
	}
	return l, lines.Err()
}

func (l *log) close() { l.file.Close() }

func (l *log) add(s show.Sample) error {
	data, err := json.Marshal(s)
	if err != nil {
		return err
	}
	l.samples = append(l.samples, s)
	_, err = l.file.Write(append(data, '\n'))
	return err
}

func (l *log) has(workload, link, arm string, round int) bool {
	for _, s := range l.samples {
		if s.Workload == workload && s.Link == link && s.Arm == arm && s.Round == round {
			return true
		}
	}
	return false
}

// longest is how long something has taken at most.
func (l *log) longest(workload, link, arm string) (d time.Duration) {
	for _, s := range l.samples {
		if s.Workload == workload && s.Link == link && s.Arm == arm {
			d = max(d, s.Took)
		}
	}
	return d
}
