package git

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"strconv"

	"github.com/pjbgf/sha1cd"
)

// id is the raw name of an object: 20 bytes of sha1 or 32 of sha256.
type id string

func (i id) String() string { return hex.EncodeToString([]byte(i)) }

// parseID reads 40 or 64 hexadecimal digits, as git writes them.
func parseID(s string) (id, error) {
	if len(s) != 2*sha1cd.Size && len(s) != 2*sha256.Size {
		return "", fmt.Errorf("%q is not the id of a commit: it has to be 40 or 64 hexadecimal digits", clip(s))
	}
	raw, err := hex.DecodeString(s)
	if err != nil {
		return "", fmt.Errorf("%q is not the id of a commit: it has to be 40 or 64 hexadecimal digits", clip(s))
	}
	return id(raw), nil
}

// format is a repository's object format.
type format struct {
	name string
	size int
	new  func() hash.Hash
}

var (
	sha1Format   = format{"sha1", sha1cd.Size, sha1cd.New}
	sha256Format = format{"sha256", sha256.Size, sha256.New}
)

func (i id) format() format {
	if len(i) == sha256.Size {
		return sha256Format
	}
	return sha1Format
}

// errCollision: an object was made to have the same sha1 as another one.
var errCollision = errors.New("an object is an attack on sha1 (SHAttered and its kin)")

// objectHash hashes "type size\0" and what follows.
func (f format) objectHash(t objectType, size int64) hash.Hash {
	h := f.new()
	h.Write([]byte(t.String() + " " + strconv.FormatInt(size, 10) + "\x00"))
	return h
}

// sum ends a hash.
func sum(h hash.Hash) (id, error) {
	if c, ok := h.(sha1cd.CollisionResistantHash); ok {
		s, attack := c.CollisionResistantSum(nil)
		if attack {
			return "", errCollision
		}
		return id(s), nil
	}
	return id(h.Sum(nil)), nil
}

// objectType is a type as a pack has it.
type objectType byte

const (
	typeCommit   objectType = 1
	typeTree     objectType = 2
	typeBlob     objectType = 3
	typeTag      objectType = 4
	typeOfsDelta objectType = 6
	typeRefDelta objectType = 7
)

func (t objectType) String() string {
	switch t {
	case typeCommit:
		return "commit"
	case typeTree:
		return "tree"
	case typeBlob:
		return "blob"
	case typeTag:
		return "tag"
	}
	return "type " + strconv.Itoa(int(t))
}

// clip shortens a server's text for a message.
func clip(s string) string {
	if len(s) > 200 {
		return s[:200] + "…"
	}
	return s
}
