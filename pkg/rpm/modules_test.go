package rpm

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

func TestModulesMayBeCompressed(t *testing.T) {
	pack := func(open func(w io.Writer) (io.WriteCloser, error)) []byte {
		var b bytes.Buffer
		w, err := open(&b)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(modulesYAML)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	forms := map[string][]byte{
		"plain": []byte(modulesYAML),
		"gzip":  pack(func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil }),
		"xz":    pack(func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) }),
		"zstd":  pack(func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }),
	}
	want := mustWrite(t, nil, []byte(modulesYAML), Options{}).Revision
	for name, data := range forms {
		t.Run(name, func(t *testing.T) {
			r := mustWrite(t, nil, data, Options{})
			if got := string(contentOf(t, r, "modules.yaml")); got != modulesYAML || r.Revision != want {
				t.Errorf("modules.yaml became %q, revision %s", got, r.Revision)
			}
			if name == "plain" {
				return
			}
			if _, err := Write(nil, data[:len(data)/2], Options{}); err == nil || !strings.Contains(err.Error(), "modules.yaml") {
				t.Errorf("half a file: %v, want an error about modules.yaml", err)
			}
		})
	}
}

func TestModulesAreBounded(t *testing.T) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write(make([]byte, 1001)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := plainModules(b.Bytes(), 1000); err == nil || !strings.Contains(err.Error(), "more than 1000") {
		t.Errorf("plainModules = %v, want an error about the size", err)
	}
	if text, err := plainModules(b.Bytes(), 1001); err != nil || len(text) != 1001 {
		t.Errorf("plainModules = %d bytes, %v", len(text), err)
	}
}
