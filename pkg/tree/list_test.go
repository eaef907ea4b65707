package tree

import (
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestWriteJSON(t *testing.T) {
	tr, err := Build([]Input{{"pip", "a/pylock.toml", "beside the Containerfile"}}, []File{
		{Path: "deps/pip/a+b.whl", Size: 3, Digest: digestA, URLs: []string{"https://me:pw@example.org/a%2Bb.whl?x=1&token=abc&y=<"}},
		{Path: "deps/pip/c.tar.gz", Size: SizeUnknown},
	}, []Dir{{Path: "deps/repodata"}})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := tr.WriteJSON(&out); err != nil {
		t.Fatal(err)
	}
	input := `"input":{"type":"pip","lock":"a/pylock.toml","found_by":"beside the Containerfile"}}` + "\n"
	want := `{"path":"deps/pip/a+b.whl","size":3,"digest":"` + string(digestA) +
		`","urls":["https://xxxxx@example.org/a%2Bb.whl?x=1&token=xxxxx&y=<"],` + input +
		`{"path":"deps/pip/c.tar.gz","size":null,"digest":null,"urls":[],` + input +
		`{"path":"deps/repodata/","size":null,"digest":null,"urls":[],` + input
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

// Shows S53.
func TestWriteText(t *testing.T) {
	tr, err := Build([]Input{{"pip", "pylock\x1b[2J.toml", "--lazy-input"}, {Type: "lazybuild"}}, []File{
		{Path: "deps/a.whl", Size: 2048}, {Path: "deps/b", Size: SizeUnknown},
	}, []Dir{{Path: "deps/repodata"}})
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := tr.WriteText(&out); err != nil {
		t.Fatal(err)
	}
	want := `# pip: "pylock\x1b[2J.toml" (--lazy-input)
   2.0 KiB  deps/a.whl
         ?  deps/b
 generated  deps/repodata/
# 2 files, 2.0 KiB and 1 files of unknown size
`
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Error(diff)
	}
}

func TestListingsReportABrokenPipe(t *testing.T) {
	for name, write := range map[string]func(io.Writer) error{"json": sample().WriteJSON, "text": sample().WriteText} {
		if err := write(brokenWriter{}); !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

// Shows S49.
func TestRedactURL(t *testing.T) {
	for in, want := range map[string]string{
		"https://example.org/a%2Fb?x=%20":                  "https://example.org/a%2Fb?x=%20",
		"https://ghp_token@example.org/":                   "https://xxxxx@example.org/",
		"https://u:p@example.org/":                         "https://xxxxx@example.org/",
		"https://example.org/?X-Amz-Signature=1&Expires=2": "https://example.org/?X-Amz-Signature=xxxxx&Expires=2",
		"https://example.org/?sig=1&design=2":              "https://example.org/?sig=xxxxx&design=2",
		"https://example.org/?to%6ben=1":                   "https://example.org/?to%6ben=xxxxx",
		"https://u:p@exa mple.org/":                        "(malformed URL)",
		"file:///cachi2/output/x":                          "file:///cachi2/output/x",
	} {
		if got := RedactURL(in); got != want {
			t.Errorf("RedactURL(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTotals(t *testing.T) {
	want := Totals{Files: 5, Bytes: 12, Unknown: 2}
	if got := sample().Totals(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
