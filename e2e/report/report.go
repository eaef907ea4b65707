// Package report reads what lazybuild writes for machines: the JSON object of
// --lazy-report. The tests and the demo judge builds by it, so it is a second,
// independent statement of that format: a field that is renamed breaks here.
package report

import (
	"encoding/json"
	"fmt"
	"os"
)

// Report is the object that `lazybuild --lazy-report FILE` writes.
type Report struct {
	Version  int    `json:"version"`
	BuildID  string `json:"build_id"`
	ExitCode int    `json:"exit_code"`
	// Tree is what the build could have read.
	Tree Count `json:"tree"`
	// Opened lists what programs in the build opened, each file once.
	Opened []Opened `json:"opened"`
	// Fetched is what came from origins, read-ahead included.
	Fetched Count `json:"fetched"`
	// WaitedMS is the time, in milliseconds, that the build stood still for downloads.
	WaitedMS float64 `json:"waited_ms"`
	Proxy    Proxy   `json:"proxy"`
}

// Count is a number of files and their bytes.
type Count struct {
	Files int   `json:"files"`
	Bytes int64 `json:"bytes"`
}

// Opened is one file that the build opened.
type Opened struct {
	Path   string `json:"path"`
	Digest string `json:"digest"`
	Size   int64  `json:"size"`
	// From is "store" or "origin".
	From     string  `json:"from"`
	WaitedMS float64 `json:"waited_ms"`
}

// Proxy says how the tree was served.
type Proxy struct {
	Mode        string `json:"mode"`
	Passthrough bool   `json:"passthrough"`
}

// Read reads the report at path.
func Read(path string) (*Report, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("reading the report: %w", err)
	}
	var r Report
	if err := json.Unmarshal(data, &r); err != nil {
		return nil, fmt.Errorf("reading the report %q: %w", path, err)
	}
	return &r, nil
}
