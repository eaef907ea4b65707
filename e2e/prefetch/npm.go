package prefetch

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"
)

// lockEntry is what matters here of an entry of package-lock.json's "packages".
type lockEntry struct {
	Name     string   `json:"name"`
	Version  string   `json:"version"`
	Link     bool     `json:"link"`
	InBundle bool     `json:"inBundle"`
	OS       []string `json:"os"`
	CPU      []string `json:"cpu"`
	Libc     []string `json:"libc"`
}

// tarball is the path, below the output directory, of a registry package's
// tarball in Hermeto's layout, or "" for entries without one.
func (e lockEntry) tarball(key string) string {
	if key == "" || e.Link || e.InBundle || e.Version == "" {
		return ""
	}
	name := e.Name
	if name == "" {
		_, name, _ = cutLast(key, "node_modules/")
	}
	name = strings.ReplaceAll(strings.TrimPrefix(name, "@"), "/", "-")
	return "deps/npm/" + name + "-" + e.Version + ".tgz"
}

// fits says whether npm would install the entry on Linux with glibc.
func (e lockEntry) fits(cpu string) bool {
	return allows(e.OS, "linux") && allows(e.CPU, cpu) && allows(e.Libc, "glibc")
}

// allows follows package.json's os and cpu fields: a list of names, or of
// names with "!" in front that are refused.
func allows(list []string, want string) bool {
	if len(list) == 0 {
		return true
	}
	if slices.Contains(list, "!"+want) {
		return false
	}
	return slices.Contains(list, want) || strings.HasPrefix(list[0], "!")
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}

// RewritePackageLock makes the "resolved" of every registry package in a
// package-lock.json (version 2 or 3) point into outputDir, as Hermeto does.
func RewritePackageLock(lock []byte, outputDir string) ([]byte, error) {
	var whole map[string]json.RawMessage
	if err := json.Unmarshal(lock, &whole); err != nil {
		return nil, fmt.Errorf("rewriting package-lock.json: %w", err)
	}
	var packages map[string]map[string]json.RawMessage
	if err := json.Unmarshal(whole["packages"], &packages); err != nil {
		return nil, fmt.Errorf("rewriting package-lock.json: packages: %w", err)
	}
	entries, err := parseLock(lock)
	if err != nil {
		return nil, err
	}
	for key, fields := range packages {
		if tarball := entries[key].tarball(key); tarball != "" {
			fields["resolved"], _ = json.Marshal("file://" + path.Join(outputDir, tarball))
		}
	}
	if whole["packages"], err = json.Marshal(packages); err != nil {
		return nil, err
	}
	// npm reads "packages"; the old "dependencies" of version 2 would only disagree.
	delete(whole, "dependencies")
	return json.MarshalIndent(whole, "", "  ")
}

func parseLock(lock []byte) (map[string]lockEntry, error) {
	var parsed struct {
		Packages map[string]lockEntry `json:"packages"`
	}
	if err := json.Unmarshal(lock, &parsed); err != nil {
		return nil, fmt.Errorf("reading package-lock.json: %w", err)
	}
	return parsed.Packages, nil
}
