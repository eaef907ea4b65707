package plan

import (
	"fmt"
	"strings"
	"testing"
)

// manyOf are locks of all formats that need no answer from a network, with n
// artifacts each, by their files. The sums are those of nothing in particular.
func manyOf(n int) map[string]string {
	repeat := func(head string, item func(i int) string, sep, tail string) string {
		list := make([]string, n)
		for i := range list {
			list[i] = item(i)
		}
		return head + strings.Join(list, sep) + tail
	}
	sri := "sha512-" + strings.Repeat("0", 86) + "=="
	const h1 = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
	return map[string]string{
		"pip/pylock.toml": repeat("lock-version = \"1.0\"\ncreated-by = \"x\"\n", func(i int) string {
			return fmt.Sprintf("[[packages]]\nname = \"w%d\"\nversion = \"1\"\nmarker = \"sys_platform == 'linux'\"\nwheels = [{url = \"https://example.org/w%d-1-cp312-cp312-manylinux_2_28_x86_64.whl\", size = 7, hashes = {sha256 = \"%064x\"}}]\n", i, i, i)
		}, "", ""),
		"npm/package.json": `{"name":"x"}`,
		"npm/package-lock.json": repeat(`{"name":"x","lockfileVersion":3,"packages":{"":{}`, func(i int) string {
			return fmt.Sprintf(",\n\"node_modules/n%d\": {\"version\": \"1.0.0\", \"resolved\": \"https://example.org/n%d/-/n%d-1.0.0.tgz\", \"integrity\": %q, \"engines\": {\"node\": \">=18\"}}", i, i, i, sri)
		}, "", "}}"),
		"yarn/yarn.lock": repeat("# yarn lockfile v1\n\n\n", func(i int) string {
			return fmt.Sprintf("y%d@^1.0.0:\n  version \"1.0.0\"\n  resolved \"https://example.org/y%d/-/y%d-1.0.0.tgz#%040x\"\n  integrity %s\n", i, i, i, i, sri)
		}, "\n", ""),
		"pnpm/pnpm-lock.yaml": repeat("lockfileVersion: '9.0'\n\npackages:\n\n", func(i int) string {
			return fmt.Sprintf("  '@s/p%d@1.0.0':\n    resolution: {integrity: %s, tarball: https://example.org/p%d/-/p%d-1.0.0.tgz}\n", i, sri, i, i)
		}, "\n", ""),
		"bundler/Gemfile.lock": repeat("GEM\n  remote: https://example.org/\n  specs:\n", func(i int) string {
			return fmt.Sprintf("    g%d (1.0.0)\n", i)
		}, "", "\nCHECKSUMS\n") + repeat("", func(i int) string {
			return fmt.Sprintf("  g%d (1.0.0) sha256=%064x\n", i, i)
		}, "", "\nBUNDLED WITH\n   2.5.22\n"),
		"gomod/go.mod": "module example.org/app\n\ngo 1.24\n",
		"gomod/go.sum": repeat("", func(i int) string {
			return fmt.Sprintf("example.org/m%d v1.0.0 %s\nexample.org/m%d v1.0.0/go.mod %s\n", i, h1, i, h1)
		}, "", ""),
		"cargo/Cargo.lock": repeat("version = 4\n\n", func(i int) string {
			return fmt.Sprintf("[[package]]\nname = \"c%d\"\nversion = \"1.0.0\"\nsource = \"sparse+https://example.org/\"\nchecksum = \"%064x\"\n", i, i)
		}, "\n", ""),
		"generic/artifacts.lock.yaml": repeat("metadata:\n  version: \"1.0\"\nartifacts:\n", func(i int) string {
			return fmt.Sprintf("  - download_url: https://example.org/f%d.bin\n    checksum: sha256:%064x\n    filename: dir/f%d.bin\n", i, i, i)
		}, "", ""),
		"rpm/rpms.lock.yaml": repeat("lockfileVersion: 1\nlockfileVendor: redhat\narches:\n- arch: x86_64\n  packages:\n", func(i int) string {
			return fmt.Sprintf("  - url: https://example.org/p%d-1.0-1.el9.x86_64.rpm\n    repoid: baseos\n    size: %d\n    checksum: sha256:%064x\n    name: p%d\n    evr: 1.0-1.el9\n", i, i, i, i)
		}, "", "  source: []\n  module_metadata: []\n"),
		"x-maven/lockfile.json": repeat(`{"artifactId": "app", "groupId": "org.example", "version": "1", "lockFileVersion": 1, "mavenPlugins": [], "dependencies": [`, func(i int) string {
			return fmt.Sprintf("{\"groupId\": \"org.example.g%d\", \"artifactId\": \"a%d\", \"version\": \"1\", \"checksumAlgorithm\": \"SHA-256\", \"checksum\": \"%064x\", \"resolved\": \"https://example.org/m/a%d/1/a%d-1.pom\"}", i%50, i, i, i, i)
		}, ",\n", "]}\n"),
	}
}

// BenchmarkAllFormats plans 10,000 artifacts, a tenth of them in each of ten
// formats. B/op is all that is allocated, more than what is in use at any time.
func BenchmarkAllFormats(b *testing.B) {
	dir := project(b, manyOf(1000))
	o := options(dir)
	o.RegistryURL = func(string) string { return "https://example.org" }
	for _, typ := range []string{"pip", "npm", "yarn", "pnpm", "bundler", "gomod", "cargo", "generic", "rpm", "x-maven"} {
		o.Inputs = append(o.Inputs, Input{Type: typ, Path: typ})
	}
	b.ReportAllocs()
	for b.Loop() {
		p, err := Make(o)
		if err != nil {
			b.Fatal(err)
		}
		if n := len(p.Tree.Files) + len(p.Tree.Dirs); n < 10_000 {
			b.Fatalf("the tree has %d files and directories", n)
		}
	}
}
