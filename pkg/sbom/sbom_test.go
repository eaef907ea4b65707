package sbom

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func sample() []Backend {
	return []Backend{
		{Type: "pip", Components: []Component{
			{Name: "six", Version: "1.16.0", PURL: "pkg:pypi/six@1.16.0", Wheel: true, BuildOnly: true},
			{Name: "six", Version: "1.16.0", PURL: "pkg:pypi/six@1.16.0", NoHash: "b.txt"},
			{Name: "wheel", Version: "1", PURL: "pkg:pypi/wheel@1", BuildOnly: true, NoHash: "a.txt"},
		}},
		{Type: "generic", Components: []Component{
			{Name: "tool \"x\"", PURL: "pkg:generic/tool?checksum=sha256:00&download_url=https://example.org/tool", File: true, URL: "https://example.org/tool"},
		}},
		{Type: "npm", Components: []Component{
			{Name: "dev", Version: "1", PURL: "pkg:npm/dev@1", Development: true}, {Name: "both", Version: "1", PURL: "pkg:npm/both@1", Development: true},
			{Name: "both", Version: "1", PURL: "pkg:npm/both@1"},
		}},
		{Type: "x-maven", Components: []Component{{Name: "a", Version: "1", PURL: "pkg:maven/g/a@1"}}},
		{Type: "pip", Components: []Component{{Name: "six", Version: "1.16.0", PURL: "pkg:pypi/six@1.16.0", NoHash: "a.txt"}}},
		{Type: "rpm"},
	}
}

func TestBomHasHermetosForm(t *testing.T) {
	want, err := os.ReadFile("testdata/bom.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(Write(sample()))); diff != "" {
		t.Error(diff)
	}
}

func TestBomDoesNotDependOnTheOrder(t *testing.T) {
	first := Write(sample())
	turned := sample()
	slices.Reverse(turned)
	for i := range turned {
		slices.Reverse(turned[i].Components)
	}
	if got := Write(turned); !bytes.Equal(first, got) {
		t.Error(cmp.Diff(string(first), string(got)))
	}
}

func TestEmptyBomIsValid(t *testing.T) {
	var v struct {
		Components  []any `json:"components"`
		Annotations []any `json:"annotations"`
	}
	if err := json.Unmarshal(Write(nil), &v); err != nil || v.Components == nil || v.Annotations != nil {
		t.Errorf("%v, %+v", err, v)
	}
}

func FuzzWriteIsJSON(f *testing.F) {
	f.Add("a", "1", "pkg:pypi/a@1", "https://example.org/a", "r.txt")
	f.Add("\"\\\n", "\xff", "<&>\u2028", "é", "\x00")
	f.Fuzz(func(t *testing.T, name, version, purl, url, lock string) {
		data := Write([]Backend{{Type: "pip", Components: []Component{{Name: name, Version: version, PURL: purl, URL: url, NoHash: lock}}}})
		if !json.Valid(data) {
			t.Errorf("no JSON:\n%s", data)
		}
	})
}

func many(n int) []Backend {
	b := Backend{Type: "npm"}
	for i := range n {
		b.Components = append(b.Components, Component{Name: fmt.Sprint("package", i), Version: "1.0.0", PURL: fmt.Sprintf("pkg:npm/package%d@1.0.0", i)})
	}
	return []Backend{b}
}

func BenchmarkWrite(b *testing.B) {
	backends := many(10_000)
	b.ReportAllocs()
	for b.Loop() {
		Write(backends)
	}
}
