//go:build linux

package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/lazybuild/lazybuild/bench/origin"
	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// largeName is the large file's path.
const largeName = "large/file"

// smallSize is about the median of the files of a node_modules.
const smallSize = 4 << 10

// makeFiles writes the plain directory and a tree of the same files, which o has.
// Those behind the small ones have no content in the tree: nobody reads them.
func makeFiles(c config, plain string, o *origin.Server) (*tree.Tree, error) {
	files := make([]tree.File, 0, c.entries+1)
	random := rand.NewChaCha8([32]byte{1})
	add := func(path string, size int64, fetched bool) error {
		name := filepath.Join(plain, path)
		sum, err := write(name, io.LimitReader(random, size))
		if err != nil {
			return err
		}
		f := tree.File{Path: path, Size: size, Digest: sum, URLs: []string{o.URL + "/" + path}}
		if fetched {
			f.URLs = []string{o.AddFile("/"+path, name)}
		}
		files = append(files, f)
		return nil
	}
	errs := []error{add(largeName, c.large, true)}
	for i := range c.small {
		errs = append(errs, add(smallName(i), smallSize, true))
	}
	for i := range c.entries - c.small {
		errs = append(errs, add(fmt.Sprintf("rest/%d/file-%d", i/200, i), 16, false))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, err
	}
	return tree.Build([]tree.Input{{Type: "generic", Lock: "bench"}}, files, nil)
}

func smallName(i int) string { return fmt.Sprintf("small/%d/file-%d", i/200, i) }

func write(path string, r io.Reader) (digest.Digest, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return "", err
	}
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	_, err = io.Copy(io.MultiWriter(f, h), r)
	return digest.FromHash("sha256", h), errors.Join(err, f.Close())
}
