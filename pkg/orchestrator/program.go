package orchestrator

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/lazybuild/lazybuild/pkg/carried"
)

// program is what runs in the proxy container: lazybuild for the machine where
// podman is. That is this very executable, or one that it carries.
type program struct {
	arch    string // as Go names it
	path    string // of this executable; empty for one that is carried
	packed  []byte // gzip
	far     bool   // it has a way to go to podman's machine, so that its length counts
	mounted bool   // over an empty file of the image, which is the same for all versions then
}

// programFor finds the program for a podman's machine.
func programFor(os, arch, executable string) (program, error) {
	if os == runtime.GOOS && arch == runtime.GOARCH {
		return program{arch: arch, path: executable}, nil
	}
	if packed := carried.Program(arch); os == "linux" && packed != nil {
		return program{arch: arch, packed: packed}, nil
	}
	return program{}, hint("build with a lazybuild of a release (make dist): it carries those of other machines",
		"podman runs on %s/%s, and this lazybuild for %s/%s carries none for it", os, arch, runtime.GOOS, runtime.GOARCH)
}

// tag names the image after its content: 16 hex digits of a sha256. 35 MB take
// 20 ms with the processor's own instructions.
func (p program) tag() (string, error) {
	if p.mounted {
		img, err := proxyImage(p)
		if err != nil {
			return "", err
		}
		digest, err := img.ConfigName()
		if err != nil {
			return "", fmt.Errorf("naming the proxy image: %w", err)
		}
		return digest.Hex[:16], nil
	}
	var in io.Reader = bytes.NewReader(p.packed)
	if p.path != "" {
		f, err := os.Open(p.path)
		if err != nil {
			return "", fmt.Errorf("reading lazybuild's own executable: %w", err)
		}
		defer f.Close()
		in = f
	}
	h := sha256.New()
	if _, err := io.Copy(h, in); err != nil {
		return "", fmt.Errorf("reading lazybuild's own executable: %w", err)
	}
	return hex.EncodeToString(h.Sum(nil)[:8]), nil
}

// read returns the file as it stands in the image.
func (p program) read() ([]byte, error) {
	if p.mounted {
		return nil, nil
	}
	if p.path != "" {
		data, err := os.ReadFile(p.path)
		if err != nil {
			return nil, fmt.Errorf("reading lazybuild's own executable: %w", err)
		}
		return data, nil
	}
	z, err := gzip.NewReader(bytes.NewReader(p.packed))
	if err != nil {
		return nil, fmt.Errorf("unpacking lazybuild for %s: %w", p.arch, err)
	}
	data, err := io.ReadAll(z)
	if err != nil {
		return nil, fmt.Errorf("unpacking lazybuild for %s: %w", p.arch, err)
	}
	return data, nil
}
