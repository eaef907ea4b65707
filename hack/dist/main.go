// Command dist builds the binaries of a release: Linux and macOS, amd64 and
// arm64, each with lazybuild for the other machines that a podman may be on
// (package carried), and a file with their sha256 sums.
//
//	go run ./hack/dist -tags TAGS -ldflags FLAGS -o dist
//
// The same source makes the same bytes, wherever and whenever it is built: no
// path, no time and no state of the work tree goes in.
package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

type builder struct {
	tags, ldflags, out string
}

func main() {
	var b builder
	flag.StringVar(&b.tags, "tags", "", "build tags")
	flag.StringVar(&b.ldflags, "ldflags", "", "flags for the linker")
	flag.StringVar(&b.out, "o", "dist", "directory to write to")
	flag.Parse()
	if err := b.run(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, "dist:", err)
		os.Exit(1)
	}
}

var systems = []string{"linux", "darwin"}

var arches = []string{"amd64", "arm64"}

func (b *builder) run(ctx context.Context) error {
	if err := os.MkdirAll(b.out, 0o755); err != nil {
		return err
	}
	// What is carried carries nothing itself.
	for _, arch := range arches {
		if err := b.carried(ctx, arch); err != nil {
			return err
		}
	}
	var sums strings.Builder
	for _, system := range systems {
		for _, arch := range arches {
			name := fmt.Sprintf("lazybuild-%s-%s", system, arch)
			path := filepath.Join(b.out, name)
			if err := b.build(ctx, path, system, arch, " carry"); err != nil {
				return err
			}
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			fmt.Fprintf(&sums, "%x  %s\n", sha256.Sum256(data), name)
			fmt.Printf("%-24s %5.1f MB\n", name, float64(len(data))/1e6)
		}
	}
	return os.WriteFile(filepath.Join(b.out, "SHA256SUMS"), []byte(sums.String()), 0o644)
}

// carried writes what package carried embeds.
func (b *builder) carried(ctx context.Context, arch string) error {
	name := "lazybuild-linux-" + arch
	path := filepath.Join(b.out, "carried-"+arch)
	defer os.Remove(path)
	if err := b.build(ctx, path, "linux", arch, ""); err != nil {
		return err
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var packed bytes.Buffer
	z, err := gzip.NewWriterLevel(&packed, gzip.BestCompression) // no name and no time in its header
	if err != nil {
		return err
	}
	if _, err := z.Write(data); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	fmt.Printf("%-24s %5.1f MB, carried as %.1f MB\n", name, float64(len(data))/1e6, float64(packed.Len())/1e6)
	return os.WriteFile(filepath.Join("pkg", "carried", name+".gz"), packed.Bytes(), 0o644)
}

func (b *builder) build(ctx context.Context, path, system, arch, more string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-buildvcs=false", "-tags", b.tags+more,
		"-ldflags", b.ldflags+" -buildid=", "-o", path, "./cmd/lazybuild")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS="+system, "GOARCH="+arch, "GOAMD64=v1", "GOARM64=v8.0")
	cmd.Stderr = os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("building %s: %w", path, err)
	}
	return nil
}
