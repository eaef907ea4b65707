package orchestrator

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// archive is a tar archive with one large file, compressed or not.
func archive(t *testing.T, compressed bool) []byte {
	t.Helper()
	var b bytes.Buffer
	var w io.Writer = &b
	if compressed {
		gz := gzip.NewWriter(&b)
		defer gz.Close()
		w = gz
	}
	tw := tar.NewWriter(w)
	content := bytes.Repeat([]byte("x"), 1<<20)
	if err := tw.WriteHeader(&tar.Header{Name: "Containerfile", Size: int64(len(content)), Mode: 0o644}); err != nil {
		t.Fatal(err)
	}
	if _, err := tw.Write(content); err != nil {
		t.Fatal(err)
	}
	tw.Close()
	return b.Bytes()
}

func TestAContextFromStdinIsAnArchiveOrAContainerfile(t *testing.T) {
	long := "FROM base\n" + string(bytes.Repeat([]byte("RUN true\n"), 10_000))
	for name, tt := range map[string]struct {
		in   []byte
		text bool
	}{
		"tar":            {in: archive(t, false)},
		"gzip":           {in: archive(t, true)},
		"zstd":           {in: []byte("\x28\xb5\x2f\xfdxyz")},
		"Containerfile":  {in: []byte("FROM base\nRUN true\n"), text: true},
		"long":           {in: []byte(long), text: true},
		"nothing":        {in: nil},
		"no build of it": {in: []byte("hello, world\n")},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := os.Open(writeFile(t, filepath.Join(t.TempDir(), "in"), string(tt.in)))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			text, rest, err := takeStdin(f)
			if err != nil {
				t.Fatal(err)
			}
			if tt.text {
				if rest != nil || !bytes.Equal(text, tt.in) {
					t.Errorf("got %d bytes, rest %v", len(text), rest)
				}
				return
			}
			if rest == nil {
				t.Fatalf("%q was taken for a Containerfile", text)
			}
			defer rest.Close()
			if got, err := io.ReadAll(rest); err != nil || !bytes.Equal(got, tt.in) {
				t.Errorf("podman would read %d of %d bytes, %v", len(got), len(tt.in), err)
			}
		})
	}
}

func TestAContainerfileFromStdinIsRewrittenThere(t *testing.T) {
	b := testBuild(t, "-q -f -")
	var err error
	if b.o.Stdio.In, err = os.Open(writeFile(t, filepath.Join(t.TempDir(), "in"), "FROM base\n")); err != nil {
		t.Fatal(err)
	}
	b.o.Target = &Target{Stdin: true, Opaque: "the build context comes from stdin"}
	args, err := b.arguments(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(args) < 4 || args[1] != "-q" || args[2] != "-f" || args[3] != "-" {
		t.Errorf("arguments are %q", args)
	}
	got, err := io.ReadAll(b.o.Stdio.In)
	if want := "FROM base\nARG LAZYBUILD_DEPS='" + b.o.Plan.Tree.Fingerprint() + "' PIP_NO_INDEX='true'\n"; err != nil || string(got) != want {
		t.Errorf("podman would read %q, %v", got, err)
	}
}
