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
	data := "\x7fELF program" + strings.Repeat(" and more", 1000)
	exe := writeFile(t, filepath.Join(t.TempDir(), "lazybuild"), data)
	for _, far := range []bool{false, true} {
		t.Run(fmt.Sprint("far ", far), func(t *testing.T) {
			testProxyImage(t, program{arch: "arm64", path: exe, far: far}, data, far)
		})
	}
	t.Run("mounted", func(t *testing.T) {
		testProxyImage(t, program{arch: "arm64", path: exe, mounted: true}, "", true)
	})
}

// testProxyImage makes the image of a program, which is to hold data as its file.
func testProxyImage(t *testing.T, p program, data string, short bool) {
	made, err := proxyImage(p)
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
	if info, err := os.Stat(archive); err != nil || (info.Size() < 9000) != short {
		t.Errorf("the archive has %d bytes (%v), and it should be short only for a podman that is far away, or without a program", info.Size(), err)
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
	want := map[string]entry{"tmp": {tar.TypeDir, 0o1777, ""}, "lazybuild": {tar.TypeReg, 0o555, data}}
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

func TestAnImageWithoutAProgramIsTheSameForAllVersions(t *testing.T) {
	tags := map[string]bool{}
	for _, p := range []program{{arch: "arm64", path: "/old"}, {arch: "arm64", path: "/new"}, {arch: "amd64", path: "/new"}} {
		p.mounted = true
		tag, err := p.tag()
		if err != nil || !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(tag) {
			t.Errorf("the tag is %q, %v", tag, err)
		}
		tags[tag] = true
	}
	if len(tags) != 2 {
		t.Errorf("for two architectures there are the tags %v", tags)
	}
}
