//go:build e2e

package e2e

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// Shows S31.
func TestStdoutIsPodmansAlone(t *testing.T) {
	s := generically(t, "RUN cp /cachi2/output/deps/generic/data.bin /data\n")
	r := s.must("-f", "Containerfile", "-t", s.image(), "--network=none", "-q")
	if !regexp.MustCompile(`^[0-9a-f]{64}\n$`).MatchString(r.out.String()) {
		t.Errorf("stdout of -q is not the image's ID alone: %q", r.out.String())
	}
}

// Shows S31.
func TestOwnLinesStandOnStderrWithOneSummary(t *testing.T) {
	s := generically(t, "RUN cp /cachi2/output/deps/generic/data.bin /data\n")
	r := s.must("-f", "Containerfile", "-t", s.image(), "--network=none")
	if strings.Contains(r.out.String(), "lazybuild:") {
		t.Errorf("lazybuild wrote to stdout\n%s", r)
	}
	lines := r.lines()
	if len(lines) == 0 || !regexp.MustCompile(`^opened 1 of 4 files, fetched .+ in \d+ files`).MatchString(lines[len(lines)-1]) {
		t.Errorf("the last line is no summary: %q\n%s", lines, r)
	}
}

// TestReportHasTheDocumentedFields reads the JSON without a Go type: a renamed
// field must not hide behind a zero value.
//
// Shows S38.
func TestReportHasTheDocumentedFields(t *testing.T) {
	s := generically(t, "RUN cp /cachi2/output/deps/generic/data.bin /data\n")
	r := s.must("-f", "Containerfile", "-t", s.image(), "--network=none", noReadAhead)
	text, err := os.ReadFile(r.report)
	if err != nil {
		t.Fatal(err)
	}
	var top map[string]any
	if err := json.Unmarshal(text, &top); err != nil {
		t.Fatalf("%v in %s", err, text)
	}
	needs(t, "", top, map[string]any{
		"version": 0.0, "build_id": "", "exit_code": 0.0, "waited_ms": 0.0,
		"tree":    map[string]any{"files": 0.0, "bytes": 0.0},
		"fetched": map[string]any{"files": 0.0, "bytes": 0.0},
		"opened":  []any{map[string]any{"path": "", "digest": "", "size": 0.0, "from": "", "waited_ms": 0.0}},
		"proxy":   map[string]any{"mode": "", "passthrough": false},
	})
	rep := r.read()
	if len(rep.Opened) != 1 || rep.Opened[0].Path != "deps/generic/data.bin" || rep.Opened[0].From != "origin" || rep.Fetched.Files != 1 {
		t.Errorf("the report is %s", text)
	}
}

// needs holds a JSON value against an example: the same keys, the same types,
// and at least one element in every list of the example's.
func needs(t *testing.T, where string, got, example any) {
	t.Helper()
	switch want := example.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			t.Errorf("report%s is %T, want an object", where, got)
			return
		}
		for key, value := range want {
			needs(t, where+"."+key, object[key], value)
		}
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) == 0 {
			t.Errorf("report%s is %v, want a list that is not empty", where, got)
			return
		}
		for _, element := range list {
			needs(t, where+"[]", element, want[0])
		}
	case float64:
		if _, ok := got.(float64); !ok {
			t.Errorf("report%s is %v (%T), want a number", where, got, got)
		}
	case string:
		if text, ok := got.(string); !ok || text == "" {
			t.Errorf("report%s is %v (%T), want a string", where, got, got)
		}
	case bool:
		if _, ok := got.(bool); !ok {
			t.Errorf("report%s is %v (%T), want true or false", where, got, got)
		}
	}
}
