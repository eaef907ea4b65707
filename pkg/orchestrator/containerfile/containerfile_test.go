package containerfile

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

var testArgs = []Arg{{"LAZYBUILD_DEPS", "abc"}, {"MAVEN_ARGS", "-s /x $HOME"}}

const inserted = "ARG LAZYBUILD_DEPS='abc' MAVEN_ARGS='-s /x $HOME'\n"

// Shows S34.
func TestRewritePutsArgsBehindEachFrom(t *testing.T) {
	// @ stands for the inserted lines.
	for name, src := range map[string]string{
		"one stage":           "FROM base\n@RUN make\n",
		"multi-stage":         "FROM a AS b\n@RUN x\nFROM b\n@COPY --from=b /x /\n",
		"ARG before FROM":     "ARG V=1\nFROM base:$V\n@RUN make\n",
		"lower case":          "from base as x\n@run make\n",
		"comment and syntax":  "# syntax=example.org/dockerfile:1\n# FROM nothing\nFROM base\n@RUN x\n",
		"continuation":        "FROM \\\n  base \\\n  AS x\n@RUN a \\\n && FROM\n",
		"escape directive":    "# escape=`\nFROM `\n base\n@RUN x\n",
		"heredoc":             "FROM base\n@RUN <<EOF\nFROM other\nEOF\nFROM last\n@",
		"heredoc copy":        "FROM base\n@COPY <<A <<B /d/\nFROM x\nA\nFROM y\nB\nRUN z\n",
		"scratch":             "FROM scratch\n@COPY a /\n",
		"onbuild":             "FROM base\n@ONBUILD RUN x\n",
		"platform flag":       "FROM --platform=linux/arm64 base\n@RUN x\n",
		"comment in a RUN":    "FROM base\n@RUN a \\\n# FROM no\n  b\n",
		"no from":             "RUN x\n",
		"empty":               "",
		"blank lines at head": "\n\n  FROM base\n@\nRUN x\n",
	} {
		t.Run(name, func(t *testing.T) {
			got, err := Rewrite("Containerfile", []byte(strings.ReplaceAll(src, "@", "")), testArgs)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.ReplaceAll(src, "@", inserted), string(got)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Shows S34.
func TestRewriteKeepsLineEnds(t *testing.T) {
	got, err := Rewrite("C", []byte("FROM base\r\nRUN x\r\n"), testArgs[:1])
	if err != nil || string(got) != "FROM base\r\nARG LAZYBUILD_DEPS='abc'\r\nRUN x\r\n" {
		t.Errorf("%q, %v", got, err)
	}
	got, err = Rewrite("C", []byte("FROM base"), testArgs[:1])
	if err != nil || string(got) != "FROM base\nARG LAZYBUILD_DEPS='abc'\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestParseNamesStages(t *testing.T) {
	got, err := Parse("C", []byte("ARG X\nFROM a AS b\nRUN x\nFROM --platform=x b\nCOPY a b\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Stage{{Base: "a", Name: "b", Runs: true, Line: 2}, {Base: "b", Line: 4}}
	if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Stage{})); diff != "" {
		t.Error(diff)
	}
}

func TestBadInputIsAnErrorThatNamesTheFile(t *testing.T) {
	_, err := Rewrite("dir/Containerfile", []byte("FROM a\nRUN <<EOF\nnever ends\n"), nil)
	var e *Error
	if !errors.As(err, &e) || e.File != "dir/Containerfile" {
		t.Errorf("got %v", err)
	}
	if _, err := Rewrite("C", []byte("FROM a\n"), []Arg{{"A", "it's"}}); err == nil {
		t.Error("a value with a quote was accepted")
	}
}

// Shows S34.
func FuzzRewrite(f *testing.F) {
	f.Add([]byte("FROM a\nRUN <<EOF\nFROM b\nEOF\n"))
	f.Add([]byte("# escape=`\nFROM `\nb AS c"))
	f.Fuzz(func(t *testing.T, src []byte) {
		out, err := Rewrite("C", src, testArgs)
		if err != nil {
			return
		}
		before, _ := Parse("C", src)
		// Taking the inserted lines out again gives the user's own text.
		plain := bytes.ReplaceAll(out, []byte(inserted), nil)
		plain = bytes.ReplaceAll(plain, []byte(strings.ReplaceAll(inserted, "\n", "\r\n")), nil)
		if !bytes.Equal(bytes.TrimRight(plain, "\r\n"), bytes.TrimRight(src, "\r\n")) && !bytes.Contains(src, []byte("LAZYBUILD")) {
			t.Fatalf("%q became %q", src, out)
		}
		if n := strings.Count(string(out), "ARG LAZYBUILD_DEPS='abc'"); n < len(before) {
			t.Fatalf("%d stages, %d ARGs in %q", len(before), n, out)
		}
	})
}
