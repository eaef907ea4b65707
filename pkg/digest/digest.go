// Package digest is the one type by which lazybuild names the content of a
// file: an algorithm and a hash value, as a lock file states them.
//
// Lock files spell digests in several ways (PEP 751 tables, npm's Subresource
// Integrity strings, "sha256:…"); here they become one comparable string that
// can be a map key, a file name and a JSON value. github.com/opencontainers/go-digest
// knows neither SRI nor the weak algorithms (sha1, md5) that old locks still use.
//
// go.sum's "h1:" hashes are two algorithms of their own: "gomod" for a go.mod
// file, "gozip" for a module's zip archive. Both are sha256 over sha256, so they
// are as strong. A "gozip" digest is one of the archived files, not of the
// archive's bytes: only a whole archive can be held against it (NeedsFile, FromFile).
package digest

import (
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
)

// Digest is "<algorithm>:<lower-case hex>", for example "sha256:9f86…". The
// empty Digest means that nothing is known about the content. A Digest made by
// Parse, ParseSRI or FromBytes is valid; one made by conversion may not be.
type Digest string

type algorithm struct {
	new      func() hash.Hash // nil: the whole file is needed
	size     int              // bytes of the hash value
	strength int              // greater is better; below 10 is weak
	own      bool             // lazybuild's own name: no lock file spells it so
}

var algorithms = map[string]algorithm{
	"sha512": {sha512.New, sha512.Size, 40, false},
	"sha384": {sha512.New384, sha512.Size384, 30, false},
	"sha256": {sha256.New, sha256.Size, 20, false},
	GoMod:    {newGoMod, sha256.Size, 20, true},
	GoZip:    {nil, sha256.Size, 20, true},
	"sha1":   {sha1.New, sha1.Size, 2, false},
	"md5":    {md5.New, md5.Size, 1, false},
}

// Parse reads "<algorithm>:<hex>". Upper-case hex is folded to lower case.
func Parse(s string) (Digest, error) {
	algo, value, ok := strings.Cut(s, ":")
	if !ok {
		return "", fmt.Errorf("digest %q has no algorithm (expected <algorithm>:<hex>)", s)
	}
	if a, ok := algorithms[algo]; ok {
		return a.parse(algo, value)
	}
	return New(algo, value) // says what is wrong
}

// New makes a Digest from an algorithm's name, as a lock file gives it, and its
// value in hex.
func New(algo, value string) (Digest, error) {
	a, ok := algorithms[algo]
	if !ok || a.own {
		return "", fmt.Errorf("digest algorithm %q is not supported (expected sha256, sha384, sha512, sha1 or md5)", algo)
	}
	return a.parse(algo, value)
}

func (a algorithm) parse(algo, value string) (Digest, error) {
	value = strings.ToLower(value)
	raw, err := hex.DecodeString(value)
	if err != nil {
		return "", fmt.Errorf("%s digest %q is not hexadecimal", algo, value)
	}
	if len(raw) != a.size {
		return "", fmt.Errorf("%s digest %q has %d hex digits, not %d", algo, value, len(value), 2*a.size)
	}
	return Digest(algo + ":" + value), nil
}

// ParseSRI reads a Subresource Integrity string (W3C SRI, as npm writes it):
// one or more "<algorithm>-<base64>" separated by white space. It returns the
// strongest; unknown algorithms are passed over as the specification asks.
func ParseSRI(s string) (Digest, error) {
	var best Digest
	strength := 0
	for one := range strings.FieldsSeq(s) {
		one, _, _ = strings.Cut(one, "?") // SRI options carry no digest
		algo, value, ok := strings.Cut(one, "-")
		if !ok {
			return "", fmt.Errorf("integrity %q is not <algorithm>-<base64>", one)
		}
		a, known := algorithms[algo]
		if !known || a.own {
			continue
		}
		raw, err := base64.StdEncoding.DecodeString(value)
		if err != nil {
			return "", fmt.Errorf("integrity %q is not base64", one)
		}
		if len(raw) != a.size {
			return New(algo, hex.EncodeToString(raw)) // says what is wrong
		}
		if a.strength > strength {
			best, strength = fromRaw(algo, raw), a.strength
		}
	}
	if best == "" {
		return "", fmt.Errorf("integrity %q names no known algorithm", s)
	}
	return best, nil
}

// fromRaw is New for a value of the right size; locks have thousands.
func fromRaw(algo string, raw []byte) Digest {
	var room [len("sha512:") + 2*sha512.Size]byte
	return Digest(hex.AppendEncode(append(append(room[:0], algo...), ':'), raw))
}

// FromBytes returns the sha256 digest of b.
func FromBytes(b []byte) Digest {
	sum := sha256.Sum256(b)
	return Digest("sha256:" + hex.EncodeToString(sum[:]))
}

// FromHash returns the digest that h, made by Digest.Hash or the named
// algorithm's constructor, has computed so far.
func FromHash(algo string, h hash.Hash) Digest {
	return Digest(algo + ":" + hex.EncodeToString(h.Sum(nil)))
}

// Algorithm is the part before the colon.
func (d Digest) Algorithm() string {
	algo, _, _ := strings.Cut(string(d), ":")
	return algo
}

// Hex is the part behind the colon.
func (d Digest) Hex() string {
	_, value, _ := strings.Cut(string(d), ":")
	return value
}

// Hash returns a new hash of d's algorithm, or nil when d is not valid or
// NeedsFile.
func (d Digest) Hash() hash.Hash {
	if a, ok := algorithms[d.Algorithm()]; ok && a.new != nil {
		return a.new()
	}
	return nil
}

// Strength orders algorithms: greater is harder to forge. The empty Digest has 0.
func (d Digest) Strength() int { return algorithms[d.Algorithm()].strength }

// Weak says that the algorithm can be forged (sha1, md5) or that there is none.
func (d Digest) Weak() bool { return d.Strength() < 10 }

// String returns d as it is.
func (d Digest) String() string { return string(d) }
