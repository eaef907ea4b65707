package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// SizeUnknown is a size of which nobody has said anything.
const SizeUnknown int64 = -1

// maxFacts bounds what is read of a facts file, in bytes.
const maxFacts = 64 << 20

// Facts are what is known about a content, whether the store has it or not.
// Losing them costs work, never a wrong byte.
type Facts struct {
	// Size in bytes, or SizeUnknown.
	Size int64
	// Verified says that Size is that of content whose digest has matched. An
	// unverified size is somebody's word (a server's answer to HEAD).
	Verified bool
	// Sections are JSON values by name ("rpm"), which the store does not look into.
	Sections map[string]json.RawMessage

	access []string // who may see the blob: public, or holders; see View
}

// factsFile is the JSON form.
type factsFile struct {
	Size     *int64                     `json:"size,omitempty"`
	Verified bool                       `json:"verified,omitempty"`
	Access   []string                   `json:"access,omitempty"`
	Sections map[string]json.RawMessage `json:"sections,omitempty"`
}

// Facts returns what is known about the content with digest d; fs.ErrNotExist
// when that is nothing. A damaged facts file is one that is not there.
func (s *Store) Facts(d digest.Digest) (Facts, error) {
	home, err := s.factsHome(d)
	if err != nil {
		return Facts{}, err
	}
	f, err := s.readFacts(home)
	if home == d || err != nil && !errors.Is(err, fs.ErrNotExist) {
		return f, err
	}
	// What was noted under d before its content arrived stands in d's own file.
	early, earlyErr := s.readFacts(d)
	switch {
	case errors.Is(earlyErr, fs.ErrNotExist):
		return f, err
	case earlyErr != nil:
		return Facts{}, earlyErr
	case errors.Is(err, fs.ErrNotExist):
		return early, nil
	}
	return merge(early, f), nil
}

// SetFacts adds f to what is known about d: sections replace those of the same
// name, a Size other than SizeUnknown replaces one that is not verified.
// f.Verified is ignored; only the store itself verifies. Concurrent calls from
// several processes may lose one of their changes.
func (s *Store) SetFacts(d digest.Digest, f Facts) error {
	home, err := s.factsHome(d)
	if err != nil {
		return err
	}
	f.Verified = false
	if err := s.addFacts(home, f); err != nil {
		return fmt.Errorf("noting facts about %s: %w", d, asReadOnly(err))
	}
	return nil
}

// Size says how long the content with digest d is, in bytes: from the blob, or
// from the facts. false means that nobody knows. It never waits.
func (s *Store) Size(d digest.Digest) (int64, bool) {
	home, err := s.factsHome(d)
	if err != nil {
		return SizeUnknown, false
	}
	if n, ok := s.verifiedSize(home); ok {
		return n, true
	}
	if info, err := s.Stat(d); err == nil {
		return info.Size, true
	}
	f, err := s.Facts(d)
	return f.Size, err == nil && f.Size >= 0
}

// factsHome is the digest under which facts about d are kept.
func (s *Store) factsHome(d digest.Digest) (digest.Digest, error) {
	r, err := digestRef(d)
	if err != nil {
		return "", err
	}
	if sum, err := s.sum(r); err == nil {
		return sum, nil
	}
	return r.want(), nil
}

func (s *Store) readFacts(d digest.Digest) (Facts, error) {
	data, err := s.readSmall(factsPath(d), maxFacts)
	if errors.Is(err, errNotRegular) {
		return Facts{}, fs.ErrNotExist
	}
	if err != nil {
		return Facts{}, err
	}
	return parseFacts(data)
}

// parseFacts takes everything that is not sound for absent.
func parseFacts(data []byte) (Facts, error) {
	var file factsFile
	if err := json.Unmarshal(data, &file); err != nil {
		return Facts{}, fmt.Errorf("reading facts: %w: %w", fs.ErrNotExist, err)
	}
	f := Facts{Size: SizeUnknown, Sections: file.Sections, access: file.Access}
	if file.Size != nil && *file.Size >= 0 {
		f.Size, f.Verified = *file.Size, file.Verified
	}
	return f, nil
}

// addFacts merges f into the file of d. Facts are never worth a lock over all
// processes: who loses a race writes them again some day.
func (s *Store) addFacts(d digest.Digest, f Facts) error {
	if err := s.writable(); err != nil {
		return err
	}
	s.facts.Lock()
	defer s.facts.Unlock()
	old, err := s.readFacts(d)
	if errors.Is(err, fs.ErrNotExist) {
		old = Facts{Size: SizeUnknown}
	} else if err != nil {
		return err
	}
	all := merge(old, f)
	file := factsFile{Verified: all.Verified, Access: all.access, Sections: all.Sections}
	if all.Size >= 0 {
		file.Size = &all.Size
	}
	data, err := json.Marshal(file)
	if err != nil {
		return err
	}
	return s.writeSmall(factsPath(d), data, "facts")
}

// merge lays b over a.
func merge(a, b Facts) Facts {
	out := Facts{Size: a.Size, Verified: a.Verified, Sections: maps.Clone(a.Sections), access: mergeAccess(a.access, b.access)}
	if b.Size >= 0 && (b.Verified || !a.Verified) {
		out.Size, out.Verified = b.Size, b.Verified
	}
	if out.Sections == nil {
		out.Sections = make(map[string]json.RawMessage, len(b.Sections))
	}
	maps.Copy(out.Sections, b.Sections)
	return out
}

// verifiedSize is remembered in memory: it can't change, and every Get asks.
func (s *Store) verifiedSize(sum digest.Digest) (int64, bool) {
	if n, ok := s.sizes.Load(sum); ok {
		return n.(int64), true
	}
	f, err := s.readFacts(sum)
	if err != nil || !f.Verified {
		return 0, false
	}
	s.learn(sum, f)
	return f.Size, true
}

// learn remembers in memory what can't change any more.
func (s *Store) learn(sum digest.Digest, f Facts) {
	if f.Verified {
		s.sizes.Store(sum, f.Size)
	}
	if slices.Contains(f.access, public) {
		s.everybodys.Store(sum, true)
	}
}
