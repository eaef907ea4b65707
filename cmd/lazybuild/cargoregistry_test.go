package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

// cargoWorld is a project with configuration files and an index that answers.
func cargoWorld(t *testing.T, files map[string]string) (*cargoRegistries, *[]string) {
	t.Helper()
	root := t.TempDir()
	for name, text := range files {
		path := filepath.Join(root, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	var asked []string
	return &cargoRegistries{
		warn: t.Logf, failed: map[string]bool{},
		context: filepath.Join(root, "work", "project"), home: filepath.Join(root, "home"), cache: filepath.Join(root, "cache"),
		get: func(_ context.Context, url string) ([]byte, error) {
			asked = append(asked, url)
			return []byte(`{"dl": "https://dl.example.org/{crate}", "api": "x"}`), nil
		},
	}, &asked
}

const defaultCrates = "registry+https://git.example.org/crates/example.org-index"

func TestCargoRegistryIsAskedOnceAndItsAnswerKept(t *testing.T) {
	c, asked := cargoWorld(t, nil)
	for range 2 {
		if got := c.download(defaultCrates); got != "https://dl.example.org/{crate}" {
			t.Fatalf("%q", got)
		}
	}
	if len(*asked) != 1 || (*asked)[0] != "https://index.example.org/config.json" {
		t.Errorf("asked %q", *asked)
	}
	// What was kept for long is used, and nobody waits for a better one.
	kept, _ := filepath.Glob(filepath.Join(c.cache, "*.json"))
	old := time.Now().Add(-2 * cargoKept)
	if len(kept) != 1 || os.Chtimes(kept[0], old, old) != nil {
		t.Fatalf("kept %q", kept)
	}
	if got := c.download(defaultCrates); got != "https://dl.example.org/{crate}" || len(*asked) != 1 {
		t.Errorf("an old answer: %q, asked %q", got, *asked)
	}
	if info, err := os.Stat(kept[0]); err != nil || info.ModTime().Before(old.Add(cargoKept/2)) {
		t.Errorf("the store's clean-up takes an old answer for one that nobody uses: %v", err)
	}
	// It is when there is a network that it is asked for again.
	for range 2 {
		c.renew()
	}
	if info, err := os.Stat(kept[0]); err != nil || len(*asked) != 2 || time.Since(info.ModTime()) > cargoKept {
		t.Errorf("asked %q, %v", *asked, err)
	}
	tries, warnings := 0, 0
	c.get = func(context.Context, string) ([]byte, error) { tries++; return nil, errors.New("no network") }
	c.warn = func(string, ...any) { warnings++ }
	for range 2 {
		if got := c.download("sparse+https://other.example.org/index/"); got != "" {
			t.Errorf("a registry that never answered: %q", got)
		}
	}
	if tries != 1 || warnings != 1 {
		t.Errorf("asked %d times, with %d warnings", tries, warnings)
	}
}

func TestCargoRegistryIsTheOneThatTheUserHasConfigured(t *testing.T) {
	const sparse = "sparse+https://mirror.example.org/index/"
	for name, c := range map[string]struct {
		files  map[string]string
		config map[string]string
		source string
		asked  string // the index; empty for none
		want   string // when nobody is asked
	}{
		"default":           {source: defaultCrates, asked: "https://index.example.org"},
		"sparse":            {source: "sparse+https://own.example.org/crates/", asked: "https://own.example.org/crates"},
		"git index":         {source: "registry+https://git.example.org/own.git"},
		"lazybuild.toml":    {config: map[string]string{"cargo": sparse}, source: defaultCrates, asked: "https://mirror.example.org/index"},
		"download URL":      {config: map[string]string{"cargo": "https://dl.example.org/api"}, source: defaultCrates, want: "https://dl.example.org/api"},
		"not for others":    {config: map[string]string{"cargo": sparse}, source: "registry+https://git.example.org/own.git"},
		"by name":           {config: map[string]string{"registry+https://git.example.org/own.git": sparse}, source: "registry+https://git.example.org/own.git", asked: "https://mirror.example.org/index"},
		"cargo home":        {files: map[string]string{"home/config.toml": "[source.crates-io]\nreplace-with = 'm'\n[source.m]\nregistry = '" + sparse + "'\n"}, source: defaultCrates, asked: "https://mirror.example.org/index"},
		"nearer file":       {files: map[string]string{"home/config.toml": "[source.crates-io]\nreplace-with = 'x'\n[source.x]\nregistry = 'sparse+https://x.example.org/'\n", "work/.cargo/config.toml": "[source.crates-io]\nreplace-with = 'm'\n[registries.m]\nindex = '" + sparse + "'\n"}, source: defaultCrates, asked: "https://mirror.example.org/index"},
		"in a circle":       {files: map[string]string{"home/config.toml": "[source.crates-io]\nreplace-with = 'a'\n[source.a]\nreplace-with = 'crates-io'\n"}, source: defaultCrates, asked: "https://index.example.org"},
		"vendored":          {files: map[string]string{"work/project/.cargo/config.toml": "[source.crates-io]\nreplace-with = 'v'\n[source.v]\ndirectory = 'vendor'\n"}, source: defaultCrates, asked: "https://index.example.org"},
		"own registry's":    {files: map[string]string{"home/config.toml": "[source.own]\nregistry = 'https://git.example.org/own.git'\nreplace-with = 'm'\n[source.m]\nregistry = '" + sparse + "'\n"}, source: "registry+https://git.example.org/own.git", asked: "https://mirror.example.org/index"},
		"unreadable config": {files: map[string]string{"home/config.toml": "["}, source: defaultCrates, asked: "https://index.example.org"},
	} {
		t.Run(name, func(t *testing.T) {
			w, asked := cargoWorld(t, c.files)
			w.config = c.config
			got := w.download(c.source)
			switch {
			case c.asked == "" && (len(*asked) > 0 || got != c.want):
				t.Errorf("%q, asked %q", got, *asked)
			case c.asked != "" && (len(*asked) != 1 || (*asked)[0] != c.asked+"/config.json"):
				t.Errorf("asked %q, want %s", *asked, c.asked)
			}
		})
	}
}
