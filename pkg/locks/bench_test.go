package locks

import (
	"fmt"
	"strings"
	"testing"
)

// BenchmarkTenThousand parses a lock of 10,000 artifacts in each format.
func BenchmarkTenThousand(b *testing.B) {
	for _, s := range samples() {
		data := s.many(10_000)
		b.Run(s.name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			b.ReportAllocs()
			for b.Loop() {
				src := s.source(data)
				lock, err := s.parse(src)
				if err != nil {
					b.Fatal(err)
				}
				if n := len(lock.Artifacts) + len(lock.Unresolved); n != 10_000 {
					b.Fatalf("%d artifacts", n)
				}
			}
		})
	}
}

func BenchmarkRealRPMLock(b *testing.B) {
	data := readReal(b, "odh.rpms.lock.yaml")
	b.SetBytes(int64(len(data)))
	for b.Loop() {
		if _, err := Parse("rpm", Source{Path: "rpms.lock.yaml", Data: data}); err != nil {
			b.Fatal(err)
		}
	}
}

// repeat joins head, n items made by item, and tail.
func repeat(n int, head string, item func(i int) string, sep, tail string) []byte {
	var out strings.Builder
	out.WriteString(head)
	for i := range n {
		if i > 0 {
			out.WriteString(sep)
		}
		out.WriteString(item(i))
	}
	out.WriteString(tail)
	return []byte(out.String())
}

func manyPylock(n int) []byte {
	return repeat(n, "lock-version = \"1.0\"\ncreated-by = \"uv\"\n", func(i int) string {
		return fmt.Sprintf("[[packages]]\nname = \"p%d\"\nversion = \"1.0\"\nmarker = \"sys_platform == 'linux'\"\n"+
			"wheels = [{ url = \"https://files.example.org/aa/p%d-1.0-cp312-cp312-manylinux_2_17_x86_64.whl\", upload-time = 2026-08-14T00:51:06Z, size = %d, hashes = { sha256 = \"%064x\" } }]\n", i, i, i, i)
	}, "\n", "")
}

func manyNpm(n int) []byte {
	return repeat(n, `{"name":"x","lockfileVersion":3,"packages":{`, func(i int) string {
		return fmt.Sprintf("\n    \"node_modules/p%d\": {\n      \"version\": \"1.0.%d\",\n"+
			"      \"resolved\": \"https://npm.example.org/p%d/-/p%d-1.0.%d.tgz\",\n"+
			"      \"integrity\": \"sha512-%086d==\",\n      \"license\": \"MIT\",\n"+
			"      \"engines\": {\n        \"node\": \">=18\"\n      },\n      \"dependencies\": {\n        \"a\": \"^1.0.0\",\n        \"b\": \"^2.0.0\"\n      }\n    }",
			i, i, i, i, i, 0)
	}, ",", "\n}}\n")
}

func manyGeneric(n int) []byte {
	return repeat(n, "---\nmetadata:\n  version: \"1.0\"\nartifacts:\n", func(i int) string {
		return fmt.Sprintf("  - download_url: https://files.example.org/a/f%d.bin\n    checksum: sha256:%064x\n    filename: dir/f%d.bin\n", i, i, i)
	}, "", "")
}

func manyRPM(n int) []byte {
	return repeat(n, "---\nlockfileVersion: 1\nlockfileVendor: redhat\narches:\n- arch: x86_64\n  packages:\n", func(i int) string {
		return fmt.Sprintf("  - url: https://rpms.example.org/os/Packages/p/p%d-1.0-1.el9.x86_64.rpm\n    repoid: baseos\n    size: %d\n"+
			"    checksum: sha256:%064x\n    name: p%d\n    evr: 1.0-1.el9\n    sourcerpm: p%d-1.0-1.el9.src.rpm\n", i, i, i, i, i)
	}, "", "  source: []\n  module_metadata: []\n")
}
