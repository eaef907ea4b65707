package store

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// All paths are relative to v1, with forward slashes.

const (
	blobDir       = "blobs/sha256"
	partialDir    = "partial"
	lockDir       = "locks"
	pinDir        = "pins"
	quarantineDir = "quarantine"
)

// shard spreads files over 256 directories, which keeps each of them small.
func shard(hex string) string { return path.Join(hex[:2], hex) }

func blobPath(sum digest.Digest) string { return path.Join(blobDir, shard(sum.Hex())) }

func factsPath(d digest.Digest) string {
	return path.Join("facts", d.Algorithm(), shard(d.Hex())+".json")
}

func partialPath(name string) string { return path.Join(partialDir, name) }
func lockPath(name string) string    { return path.Join(lockDir, name) }

// ref names what a content is asked for by: a digest, or a caller's key. It
// gives the names of all files that belong to it.
type ref struct {
	kind string // "sha256", another algorithm, or "key"
	hex  string
}

// digestRef checks d on the way, so that no path is ever made from a Digest
// that came about by conversion.
func digestRef(d digest.Digest) (ref, error) {
	if !d.Valid() {
		_, err := digest.Parse(string(d))
		if err == nil {
			err = fmt.Errorf("digest %q is not in lower case", string(d))
		}
		return ref{}, fmt.Errorf("addressing a blob: %w", err)
	}
	return ref{d.Algorithm(), d.Hex()}, nil
}

// keyRef hides the key in a hash: it may hold credentials, slashes, anything.
func keyRef(key string) ref {
	sum := sha256.Sum256([]byte(key))
	return ref{"key", hex.EncodeToString(sum[:])}
}

// want is the digest that the content must have; empty for a key.
func (r ref) want() digest.Digest {
	if r.kind == "key" {
		return ""
	}
	return digest.Digest(r.kind + ":" + r.hex)
}

// name is that of the lock and of the partial.
func (r ref) name() string { return r.kind + "-" + r.hex }

// alias is where the blob's sha256 digest is written down; empty when r is that digest.
func (r ref) alias() string {
	if r.kind == "sha256" {
		return ""
	}
	return path.Join("alias", r.kind, shard(r.hex))
}
