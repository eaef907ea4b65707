package orchestrator

import (
	"archive/tar"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/validate"
)

func TestTheProxyImageHoldsTheExecutableAndNothingElse(t *testing.T) {
	for _, far := range []bool{false, true} {
		t.Run(fmt.Sprint("far ", far), func(t *testing.T) { testProxyImage(t, far) })
	}
}

func testProxyImage(t *testing.T, far bool) {
	exe := writeFile(t, filepath.Join(t.TempDir(), "lazybuild"), "\x7fELF program"+strings.Repeat(" and more", 1000))
	made, err := proxyImage(program{arch: "arm64", path: exe, far: far})
	if err != nil {
		t.Fatal(err)
	}
	// Through the archive that podman loads.
	ref, err := name.NewTag("localhost/lazybuild-proxy:x")
	if err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(t.TempDir(), "image.tar")
	if err := tarball.WriteToFile(archive, ref, made); err != nil {
		t.Fatal(err)
	}
	img, err := tarball.ImageFromPath(archive, &ref)
	if err != nil {
		t.Fatal(err)
	}
	if err := validate.Image(img); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(archive); err != nil || (info.Size() < 9000) != far {
		t.Errorf("the archive has %d bytes (%v), and it should be short only for a podman that is far away", info.Size(), err)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff([]string{"/lazybuild", "proxy"}, cfg.Config.Entrypoint); d != "" {
		t.Error(d)
	}
	if cfg.OS != "linux" || cfg.Architecture != "arm64" || len(cfg.Config.Env) > 0 || cfg.Config.User != "" {
		t.Errorf("the config is %+v", cfg)
	}
	type entry struct {
		Type byte
		Mode int64
		Data string
	}
	got := map[string]entry{}
	fs := mutate.Extract(img)
	defer fs.Close()
	for tr := tar.NewReader(fs); ; {
		h, err := tr.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		data, err := io.ReadAll(tr)
		if err != nil {
			t.Fatal(err)
		}
		got[filepath.Clean(h.Name)] = entry{h.Typeflag, h.Mode, string(data)}
	}
	want := map[string]entry{"tmp": {tar.TypeDir, 0o1777, ""}, "lazybuild": {tar.TypeReg, 0o555, "\x7fELF program" + strings.Repeat(" and more", 1000)}}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestTheImagesTagIsTheExecutablesDigest(t *testing.T) {
	dir := t.TempDir()
	tag := func(name, data string) string {
		t.Helper()
		got, err := program{path: writeFile(t, filepath.Join(dir, name), data)}.tag()
		if err != nil {
			t.Fatal(err)
		}
		return got
	}
	a := tag("a", "one")
	if !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(a) {
		t.Errorf("the tag is %q", a)
	}
	if tag("b", "one") != a || tag("a", "two") == a {
		t.Error("the tag is not that of the content")
	}
	if _, err := (program{path: filepath.Join(dir, "none")}).tag(); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
	if _, err := proxyImage(program{path: filepath.Join(dir, "none")}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("got %v", err)
	}
}
