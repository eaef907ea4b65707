package store

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"strings"
	"time"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// Entry is one blob as List sees it.
type Entry struct {
	Info
	// LastUse is when the blob was last read or written, to the hour.
	LastUse time.Time
}

// List returns all blobs, sorted by digest. Blobs that come or go meanwhile may
// or may not be among them.
func (s *Store) List(ctx context.Context) ([]Entry, error) {
	var out []Entry
	err := s.eachFile(ctx, blobDir, func(name string, fi fs.FileInfo) error {
		if sum, ok := blobName(name); ok && fi.Mode().IsRegular() {
			out = append(out, Entry{Info{sum, fi.Size()}, fi.ModTime()})
		}
		return nil
	})
	return out, err
}

// eachFile calls fn for every file below dir, in order. Files that vanish while
// it walks are passed over: other processes are at work.
func (s *Store) eachFile(ctx context.Context, dir string, fn func(name string, fi fs.FileInfo) error) error {
	return eachFileIn(ctx, s.root, dir, fn)
}

func eachFileIn(ctx context.Context, root *os.Root, dir string, fn func(name string, fi fs.FileInfo) error) error {
	return fs.WalkDir(root.FS(), dir, func(name string, e fs.DirEntry, err error) error {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil || e.IsDir() {
			return unlessGone(err)
		}
		fi, err := e.Info()
		if err != nil {
			return unlessGone(err)
		}
		return fn(name, fi)
	})
}

func unlessGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// blobName returns the digest that a path in blobs/sha256 stands for; false when
// it is not one that the store would make.
func blobName(name string) (digest.Digest, bool) {
	d := digest.Digest("sha256:" + path.Base(name))
	return d, d.Valid() && blobPath(d) == name
}

// aliasName is blobName for alias/.
func aliasName(name string) (ref, bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 4 {
		return ref{}, false
	}
	r := ref{parts[1], parts[3]}
	valid := digest.Digest(r.kind+":"+r.hex).Valid() && r.kind != "sha256" ||
		r.kind == "key" && digest.Digest("sha256:"+r.hex).Valid()
	return r, valid && r.alias() == name
}

// factsName is blobName for facts/.
func factsName(name string) (digest.Digest, bool) {
	parts := strings.Split(name, "/")
	if len(parts) != 4 {
		return "", false
	}
	d := digest.Digest(parts[1] + ":" + strings.TrimSuffix(parts[3], ".json"))
	return d, d.Valid() && factsPath(d) == name
}
