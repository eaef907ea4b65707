package orchestrator

import (
	"encoding/json"
	"fmt"

	"github.com/google/renameio/v2"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// ReportVersion is the version of the report's schema (docs/report.md). It
// grows when a field changes its meaning or goes; new fields do not change it.
const ReportVersion = 1

// Report is what --lazy-report writes: one JSON object.
type Report struct {
	Version  int           `json:"version"`
	BuildID  BuildID       `json:"build_id"`
	ExitCode int           `json:"exit_code"`
	Tree     wire.Count    `json:"tree"`
	Opened   []wire.Opened `json:"opened"`
	Fetched  wire.Count    `json:"fetched"`
	Requests wire.Count    `json:"requests"`
	Unused   wire.Count    `json:"unused"`
	// WaitedMS is how long the build stood still for downloads, in milliseconds.
	WaitedMS   int64       `json:"waited_ms"`
	Unverified int         `json:"unverified"`
	Failed     []Failure   `json:"failed"`
	Proxy      *wire.Proxy `json:"proxy"`
}

// Failure is one file that a program in the build could not read.
type Failure struct {
	Path   string `json:"path"`
	URL    string `json:"url,omitempty"` // without credentials
	Reason string `json:"reason"`
}

func newReport(b *build, code int) *Report {
	total := b.o.Plan.Tree.Totals()
	r := &Report{
		Version: ReportVersion, BuildID: b.id, ExitCode: code,
		Tree: wire.Count{Files: total.Files, Bytes: total.Bytes}, Opened: b.summary.Opened,
		Fetched: b.summary.Fetched, Requests: b.summary.Requests, Unused: b.summary.Unused,
		WaitedMS: b.summary.WaitedMS, Unverified: b.summary.Unverified, Failed: []Failure{}, Proxy: b.mode,
	}
	if r.Opened == nil {
		r.Opened = []wire.Opened{}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, ev := range b.failed {
		r.Failed = append(r.Failed, Failure{Path: ev.Path, URL: ev.URL, Reason: ev.Text})
	}
	return r
}

// writeReport replaces the file as a whole: a reader never sees half of it.
func writeReport(path string, r *Report) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := renameio.WriteFile(path, append(data, '\n'), 0o644); err != nil {
		return fmt.Errorf("writing the report: %w", err)
	}
	return nil
}
