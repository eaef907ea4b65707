package orchestrator

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// goldenReport is the documented format (docs/report.md): a change here is one
// that readers of reports notice.
const goldenReport = `{
  "version": 1,
  "build_id": "0123456789ab-cdef",
  "exit_code": 3,
  "tree": {
    "files": 3,
    "bytes": 1006
  },
  "opened": [
    {
      "path": "deps/generic/a.bin",
      "digest": "sha256:ab",
      "size": 1000,
      "from": "origin",
      "waited_ms": 40
    },
    {
      "path": "deps/generic/b.bin",
      "digest": "",
      "size": -1,
      "from": "store",
      "waited_ms": 0
    }
  ],
  "fetched": {
    "files": 1,
    "bytes": 1000
  },
  "requests": {
    "files": 2,
    "bytes": 20
  },
  "unused": {
    "files": 0,
    "bytes": 0
  },
  "waited_ms": 41,
  "unverified": 1,
  "failed": [
    {
      "path": "deps/x",
      "url": "https://example.org/x",
      "reason": "not found"
    },
    {
      "path": "deps/y",
      "reason": "disk full"
    }
  ],
  "proxy": {
    "mode": "container",
    "passthrough": false,
    "why": "kernel 6.1",
    "writable": true
  }
}
`

func TestTheReport(t *testing.T) {
	b := testBuild(t, ".")
	b.mode = &wire.Proxy{Mode: "container", Why: "kernel 6.1", Writable: true}
	b.summary = &wire.Summary{
		Opened: []wire.Opened{
			{Path: "deps/generic/a.bin", Digest: "sha256:ab", Size: 1000, From: "origin", WaitedMS: 40},
			{Path: "deps/generic/b.bin", Size: -1, From: "store"},
		},
		Fetched: wire.Count{Files: 1, Bytes: 1000}, Requests: wire.Count{Files: 2, Bytes: 20},
		FromStore: wire.Count{Files: 1}, Unverified: 1, WaitedMS: 41, Failed: 2,
	}
	b.failed = []wire.Event{{Path: "deps/x", URL: "https://example.org/x", Text: "not found"}, {Path: "deps/y", Text: "disk full"}}
	path := writeFile(t, filepath.Join(t.TempDir(), "report.json"), "the last one")
	if err := writeReport(path, newReport(b, 3)); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if d := cmp.Diff(goldenReport, string(got)); d != "" || err != nil {
		t.Error(d, err)
	}
}

func TestAReportOfNothingHasListsAndNoNulls(t *testing.T) {
	b := testBuild(t, ".")
	b.summary, b.mode = &wire.Summary{}, &wire.Proxy{}
	path := filepath.Join(t.TempDir(), "report.json")
	if err := writeReport(path, newReport(b, 0)); err != nil {
		t.Fatal(err)
	}
	got, _ := os.ReadFile(path)
	for _, want := range []string{`"opened": []`, `"failed": []`} {
		if !strings.Contains(string(got), want) {
			t.Errorf("no %s in %s", want, got)
		}
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm()&0o600 != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

func TestAReportThatCannotBeWritten(t *testing.T) {
	err := writeReport(filepath.Join(t.TempDir(), "no/such/dir/r.json"), &Report{})
	if err == nil || !strings.HasPrefix(err.Error(), "writing the report: ") {
		t.Errorf("got %v", err)
	}
}
