package plan

import (
	"strings"
	"testing"
)

func TestAFoundLockThatIsNotSupportedIsLeftOutWithAWarning(t *testing.T) {
	berry := "# yarn\n\n__metadata:\n  version: 6\n  cacheKey: 8\n"
	dir := write(t, map[string]string{"rpms.lock.yaml": oneRPM, "yarn.lock": berry})
	p, err := planOf(t, dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(p.Tree.Inputs) != 1 || len(p.Warnings) != 1 || !strings.Contains(p.Warnings[0], "yarn.lock:5") {
		t.Errorf("inputs %v, warnings %q", p.Tree.Inputs, p.Warnings)
	}
	_, err = Make(Options{ContextDir: dir, Dir: dir, OutputDir: "/cachi2/output", Inputs: []Input{{Type: "yarn", Path: "yarn.lock", By: "--lazy-input"}}})
	if err == nil || !strings.Contains(err.Error(), "yarn.lock:5") {
		t.Errorf("a lock that was asked for: %v", err)
	}
}
