// Package realapp makes a small but real application to build: Python and npm
// packages, a generic artifact, and a Containerfile that installs them from
// /cachi2/output.
//
// The locks are made when Make runs, by uv and npm in a container of the tests'
// base image, with the indexes that this user has configured. So no lock, and
// no host name of an index, stands in the repository.
package realapp

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

// App is the application in two versions.
type App struct {
	// Before and After are directories with all files of the application, with
	// the first and with the changed locks.
	Before, After string
	// Wheels and Tarballs count the packages of pylock.toml and package-lock.json.
	Wheels, Tarballs int
}

// Make writes the application twice below the directory work. The second time
// one Python package, one npm package and the generic artifact are newer. It
// needs podman, the base image (hack/setup.sh) and the network.
func Make(ctx context.Context, work string) (*App, error) {
	a := &App{Before: filepath.Join(work, "before"), After: filepath.Join(work, "after")}
	versions := []struct{ dir, certifi, lodash, artifact string }{
		{a.Before, "certifi<2025", "4.17.20", "idna"},
		{a.After, "certifi>=2025", "4.17.21", "packaging"},
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
	if a.Wheels < 60 || a.Tarballs < 100 {
		return nil, fmt.Errorf("the application is too small to show anything: %d Python and %d npm packages", a.Wheels, a.Tarballs)
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
	if err := Edit(filepath.Join(dir, "requirements.in"), func(s string) string { return s + certifi + "\n" }); err != nil {
		return err
	}
	return Edit(filepath.Join(dir, "package.json"), func(s string) string { return strings.Replace(s, "LODASH", lodash, 1) })
}

// Edit changes the text of a file.
func Edit(path string, change func(string) string) error {
	old, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(change(string(old))), 0o644)
}

// addArtifact writes an artifacts.lock.yaml that names one file of the Python
// lock: its URL, like all others, is only known now. It also counts the packages.
func (a *App) addArtifact(dir, pkg string) error {
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
	a.Wheels = len(lock.Packages)
	npm, err := os.ReadFile(filepath.Join(dir, "package-lock.json"))
	if err != nil {
		return err
	}
	var tarballs struct{ Packages map[string]any }
	if err := json.Unmarshal(npm, &tarballs); err != nil {
		return fmt.Errorf("reading npm's lock: %w", err)
	}
	a.Tarballs = len(tarballs.Packages) - 1 // the application itself
	for _, p := range lock.Packages {
		if p.Name == pkg && p.Sdist.URL != "" {
			text := fmt.Sprintf("metadata:\n  version: \"1.0\"\nartifacts:\n  - download_url: %s\n    checksum: sha256:%s\n    filename: data.tar.gz\n",
				p.Sdist.URL, p.Sdist.Hashes["sha256"])
			return os.WriteFile(filepath.Join(dir, "artifacts.lock.yaml"), []byte(text), 0o644)
		}
	}
	return fmt.Errorf("uv's lock names no source archive of %s", pkg)
}
