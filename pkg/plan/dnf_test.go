package plan

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// repoFiles plans the inputs and returns hermeto.repo and the warnings.
func repoFileOf(t *testing.T, dir, inputs string) (text, warnings string) {
	t.Helper()
	o := options(dir)
	var err error
	if o.Inputs, err = ParseInput(inputs); err != nil {
		t.Fatal(err)
	}
	p := makePlan(t, o)
	return string(p.ReposD["hermeto.repo"]), strings.Join(p.Warnings, "\n")
}

func TestDnfOptionsReachTheRepositories(t *testing.T) {
	dir := write(t, map[string]string{"rpms.lock.yaml": oneRPM})
	text, warnings := repoFileOf(t, dir, `{"type":"rpm","options":{"dnf":{
		"base":{"gpgcheck":"0","Priority":10,"sslverify":false,"name":"Base","baseurl":"https://example.org/"},
		"main":{"best":true}}}}`)
	want := "[base]\nname=Base\nbaseurl=file:///cachi2/output/deps/rpm/x86_64/base\nenabled=1\ngpgcheck=0\npriority=10\nsslverify=false\n\n"
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
	if !strings.Contains(warnings, `dnf options for "main"`) || strings.Contains(warnings, `"base"`) {
		t.Errorf("warnings %q", warnings)
	}
	for _, bad := range []string{`{"base":{"a b":1}}`, `{"base":{"x":"1\n[evil]"}}`} {
		if _, err := ParseInput(`{"type":"rpm","options":{"dnf":` + bad + `}}`); err == nil || !strings.Contains(err.Error(), "a .repo file") {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestSeveralRPMLocksHaveOneRepositoryFile(t *testing.T) {
	other := strings.ReplaceAll(strings.ReplaceAll(oneRPM, "a-1-1", "b-1-1"), "repoid: base", "repoid: extra")
	dir := write(t, map[string]string{"one/rpms.lock.yaml": oneRPM, "two/rpms.lock.yaml": other, "three/rpms.lock.yaml": oneRPM})
	text, _ := repoFileOf(t, dir, `[{"type":"rpm","path":"one"},{"type":"rpm","path":"two"},
		{"type":"rpm","path":"three","options":{"dnf":{"base":{"priority":1}}}}]`)
	want := "[extra]\nname=extra\nbaseurl=file:///cachi2/output/deps/rpm/x86_64/extra\nenabled=1\ngpgcheck=1\n\n" +
		"[base]\nname=base\nbaseurl=file:///cachi2/output/deps/rpm/x86_64/base\nenabled=1\ngpgcheck=1\npriority=1\n\n"
	if diff := cmp.Diff(want, text); diff != "" {
		t.Error(diff)
	}
}
