//go:build e2e

package e2e

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// wheel makes a valid pure-Python wheel (PEP 427): one module of that name,
// whose VALUE is payload.
func wheel(t *testing.T, name, version, payload string) (file string, content []byte) {
	t.Helper()
	info := fmt.Sprintf("%s-%s.dist-info/", name, version)
	files := []struct{ path, text string }{
		{name + ".py", fmt.Sprintf("VALUE = %q\n", payload)},
		{info + "METADATA", fmt.Sprintf("Metadata-Version: 2.1\nName: %s\nVersion: %s\n", name, version)},
		{info + "WHEEL", "Wheel-Version: 1.0\nGenerator: e2e\nRoot-Is-Purelib: true\nTag: py3-none-any\n"},
	}
	var record strings.Builder
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	write := func(path, text string) {
		w, err := z.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		w.Write([]byte(text))
	}
	for _, f := range files {
		sum := sha256.Sum256([]byte(f.text))
		fmt.Fprintf(&record, "%s,sha256=%s,%d\n", f.path, base64.RawURLEncoding.EncodeToString(sum[:]), len(f.text))
		write(f.path, f.text)
	}
	write(info+"RECORD", record.String()+info+"RECORD,,\n")
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("%s-%s-py3-none-any.whl", name, version), b.Bytes()
}

// tarball makes a valid npm package whose export is payload.
func tarball(t *testing.T, name, version, payload string) []byte {
	t.Helper()
	manifest, err := json.Marshal(map[string]string{"name": name, "version": version, "main": "index.js"})
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	gz := gzip.NewWriter(&b)
	tw := tar.NewWriter(gz)
	for _, f := range []struct{ path, text string }{
		{"package/package.json", string(manifest)},
		{"package/index.js", fmt.Sprintf("module.exports = %q\n", payload)},
	} {
		if err := tw.WriteHeader(&tar.Header{Name: f.path, Mode: 0o644, Size: int64(len(f.text))}); err != nil {
			t.Fatal(err)
		}
		tw.Write([]byte(f.text))
	}
	tw.Close()
	gz.Close()
	return b.Bytes()
}

func sha256Hex(content []byte) string { return fmt.Sprintf("%x", sha256.Sum256(content)) }

// pylock is the entry of a pylock.toml (PEP 751) for one wheel.
func pylock(name, version, file, url string, content []byte) string {
	return fmt.Sprintf("[[packages]]\nname = %q\nversion = %q\nwheels = [{ name = %q, url = %q, size = %d, hashes = { sha256 = %q } }]\n\n",
		name, version, file, url, len(content), sha256Hex(content))
}

// pylockHead begins every pylock.toml.
const pylockHead = "lock-version = \"1.0\"\ncreated-by = \"e2e\"\n\n"

// generic is the entry of an artifacts.lock.yaml for one file.
func generic(file, url string, content []byte) string {
	return fmt.Sprintf("  - download_url: %s\n    checksum: sha256:%s\n    filename: %s\n", url, sha256Hex(content), file)
}

// genericHead begins every artifacts.lock.yaml.
const genericHead = "metadata:\n  version: \"1.0\"\nartifacts:\n"

// npmPackage is one entry of a package-lock.json.
type npmPackage struct{ name, version, url, integrity string }

func integrity(content []byte) string {
	sum := sha512.Sum512(content)
	return "sha512-" + base64.StdEncoding.EncodeToString(sum[:])
}

// npmLock writes package.json and package-lock.json (version 3).
func npmLock(t *testing.T, packages ...npmPackage) (manifest, lock string) {
	t.Helper()
	deps := map[string]string{}
	entries := map[string]any{}
	for _, p := range packages {
		deps[p.name] = p.version
		entries["node_modules/"+p.name] = map[string]string{"version": p.version, "resolved": p.url, "integrity": p.integrity}
	}
	root := map[string]any{"name": "app", "version": "1.0.0", "dependencies": deps}
	entries[""] = root
	m, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	l, err := json.MarshalIndent(map[string]any{
		"name": "app", "version": "1.0.0", "lockfileVersion": 3, "requires": true, "packages": entries,
	}, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	return string(m), string(l)
}
