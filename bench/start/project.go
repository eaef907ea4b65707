//go:build linux

package main

import (
	"crypto/sha512"
	"encoding/base64"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// project is a build context with a lock of so many artifacts.
type project struct {
	artifacts int
	dir       string
	changes   int
}

// containerfile has the source last, as those who care for layers write it: a
// change of it runs nothing again.
const containerfile = "FROM %s\nRUN true\nCOPY source.txt /source.txt\n"

func newProject(dir, base string, artifacts int) (*project, error) {
	p := &project{artifacts: artifacts, dir: dir}
	return p, errors.Join(os.MkdirAll(dir, 0o755),
		p.write("Containerfile", fmt.Sprintf(containerfile, base)),
		p.write("package.json", `{"name":"app","version":"1.0.0"}`),
		p.write("package-lock.json", packageLock(artifacts)),
		p.change())
}

func (p *project) write(name, text string) error {
	return os.WriteFile(filepath.Join(p.dir, name), []byte(text), 0o644)
}

// change is what a programmer does between two builds.
func (p *project) change() error {
	p.changes++
	return p.write("source.txt", fmt.Sprintf("%d %d\n", os.Getpid(), p.changes))
}

// packageLock names files that nobody has and nobody asks for.
func packageLock(n int) string {
	var b strings.Builder
	b.WriteString("{\n  \"name\": \"app\",\n  \"version\": \"1.0.0\",\n  \"lockfileVersion\": 3,\n  \"packages\": {\n    \"\": {\"name\": \"app\", \"version\": \"1.0.0\"}")
	for i := range n {
		sum := sha512.Sum512(fmt.Append(nil, i))
		fmt.Fprintf(&b, ",\n    \"node_modules/package-%d\": {\n      \"version\": \"1.0.%d\",\n      \"resolved\": \"https://files.example.org/package-%d/-/package-%d-1.0.%d.tgz\",\n      \"integrity\": \"sha512-%s\",\n      \"license\": \"MIT\"\n    }",
			i, i%50, i, i, i%50, base64.StdEncoding.EncodeToString(sum[:]))
	}
	b.WriteString("\n  }\n}\n")
	return b.String()
}
