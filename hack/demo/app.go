package main

import (
	"context"
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/BurntSushi/toml"
)

//go:embed app
var appFiles embed.FS

// app is the application in its versions: one directory with all files per
// version of the locks.
type app struct {
	before, after string // directories, with the first and the changed locks
	wheels        int    // packages in pylock.toml
	tarballs      int    // packages in package-lock.json
}

// makeApp writes the application twice. The second time one Python package,
// one npm package and the generic artifact are newer.
func makeApp(ctx context.Context, work string) (*app, error) {
	a := &app{before: filepath.Join(work, "before"), after: filepath.Join(work, "after")}
	say("making the locks with uv and npm")
	versions := []struct{ dir, certifi, lodash, artifact string }{
		{a.before, "certifi<2025", "4.17.20", "idna"},
		{a.after, "certifi>=2025", "4.17.21", "packaging"},
	}
	for _, v := range versions {
		if err := writeApp(v.dir, v.certifi, v.lodash); err != nil {
			return nil, err
		}
		if err := makeLocks(ctx, v.dir); err != nil {
			return nil, err
		}
		if err := a.addArtifact(v.dir, v.artifact); err != nil {
			return nil, err
		}
	}
	if a.wheels < 60 || a.tarballs < 100 {
		return nil, fmt.Errorf("the application is too small to show anything: %d Python and %d npm packages", a.wheels, a.tarballs)
	}
	return a, nil
}

func writeApp(dir, certifi, lodash string) error {
	root, err := fs.Sub(appFiles, "app")
	if err != nil {
		return err
	}
	if err := os.CopyFS(dir, root); err != nil {
		return err
	}
	if err := edit(filepath.Join(dir, "requirements.in"), func(s string) string { return s + certifi + "\n" }); err != nil {
		return err
	}
	return edit(filepath.Join(dir, "package.json"), func(s string) string { return strings.Replace(s, "LODASH", lodash, 1) })
}

func edit(path string, change func(string) string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(change(string(old))), 0o644)
}

// addArtifact writes an artifacts.lock.yaml that names one file of the Python
// lock: its URL, like all others, is only known now. It also counts the packages.
func (a *app) addArtifact(dir, pkg string) error {
	var lock struct {
		Packages []struct {
			Name  string
			Sdist struct {
				URL    string
				Hashes map[string]string
			}
		}
	}
	if _, err := toml.DecodeFile(filepath.Join(dir, "pylock.toml"), &lock); err != nil {
		return fmt.Errorf("reading uv's lock: %w", err)
	}
	a.wheels = len(lock.Packages)
	npm, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return err
	}
	var tarballs struct{ Packages map[string]any }
	if err := json.Unmarshal(npm, &tarballs); err != nil {
		return fmt.Errorf("reading npm's lock: %w", err)
	}
	a.tarballs = len(tarballs.Packages) - 1 // the application itself
	for _, p := range lock.Packages {
		if p.Name == pkg && p.Sdist.URL != "" {
			text := fmt.Sprintf("metadata:\n  version: \"1.0\"\nartifacts:\n  - download_url: %s\n    checksum: sha256:%s\n    filename: data.tar.gz\n",
				p.Sdist.URL, p.Sdist.Hashes["sha256"])
			return os.WriteFile(filepath.Join(dir, "artifacts.lock.yaml"), []byte(text), 0o644)
		}
	}
	return fmt.Errorf("uv's lock names no source archive of %s", pkg)
}
