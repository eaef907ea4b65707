package orchestrator

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"regexp"
)

// BuildID names one run of one build: "<12 hex>-<4 hex>". The first part is a
// hash of the inputs, the second is random, so that the same build can run
// twice at once. It names the container, the mounts, the state file.
type BuildID string

// idPattern is what a BuildID looks like; file names are checked against it
// before anything is removed in its name.
var idPattern = regexp.MustCompile(`^[0-9a-f]{12}-[0-9a-f]{4}$`)

// NewBuildID hashes the inputs (each with its length, so that no two lists run
// together) and draws the random part from random.
func NewBuildID(random io.Reader, inputs ...[]byte) (BuildID, error) {
	h := sha256.New()
	for _, in := range inputs {
		fmt.Fprintf(h, "%d:", len(in))
		h.Write(in)
	}
	var r [2]byte
	if _, err := io.ReadFull(random, r[:]); err != nil {
		return "", fmt.Errorf("drawing a build ID: %w", err)
	}
	return BuildID(hex.EncodeToString(h.Sum(nil)[:6]) + "-" + hex.EncodeToString(r[:])), nil
}

// Valid says whether the text is a build ID.
func (id BuildID) Valid() bool { return idPattern.MatchString(string(id)) }

// container is the proxy container's name.
func (id BuildID) container() string { return "lazybuild-" + string(id) }

var randomSource = rand.Reader
