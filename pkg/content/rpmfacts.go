package content

import (
	"encoding/json"
	"fmt"
	"sync"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/rpm"
	"github.com/lazybuild/lazybuild/pkg/store"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// factsSection is where a package's header facts stand among the store's facts.
const factsSection = "rpm"

// heldSection is where those stand that came by this build's credentials.
func (s *Source) heldSection() string {
	if tag := s.view.Tag(); tag != "" {
		return factsSection + "@" + tag
	}
	return factsSection
}

// headerFacts are what the store remembers about a package, from any build that
// has asked without credentials, or with those of this build.
func (s *Source) headerFacts(d digest.Digest) (*rpm.Package, int64) {
	facts, err := s.store.Facts(d)
	if err != nil {
		return nil, tree.SizeUnknown
	}
	for _, section := range []string{factsSection, s.heldSection()} {
		var data []byte
		p := new(rpm.Package)
		if json.Unmarshal(facts.Sections[section], &data) == nil && p.UnmarshalBinary(data) == nil {
			return p, facts.Size
		}
	}
	return nil, tree.SizeUnknown
}

// freshFacts are the facts of headers that have just been fetched.
type freshFacts struct {
	mu   sync.Mutex
	list map[digest.Digest]freshHeader
}

type freshHeader struct {
	facts *rpm.Package
	size  int64
	held  bool // it came by a credential
}

func (l *freshFacts) add(d digest.Digest, h freshHeader) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.list == nil {
		l.list = map[digest.Digest]freshHeader{}
	}
	l.list[d] = h
}

func (l *freshFacts) drop(d digest.Digest) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.list, d)
}

// keep writes the facts into the store. Nobody waits for that: hundreds of
// small files take longer than making the repodata. The headers that came well
// are kept when another one did not.
func (s *Source) keep(l *freshFacts) {
	s.wg.Go(func() {
		for d, h := range l.list {
			if err := s.keepOne(d, h); err != nil {
				// Facts are a saving, not a need.
				s.debug("keeping the header of %s: %v", d, err)
			}
			if _, bad := s.spoiled.Load(d); bad {
				s.forgetFacts(d)
			}
		}
	})
}

func (s *Source) keepOne(d digest.Digest, h freshHeader) error {
	data, err := h.facts.MarshalBinary()
	if err != nil {
		return err
	}
	section, err := json.Marshal(data)
	if err != nil {
		return err
	}
	if h.held {
		return s.setSection(d, s.heldSection(), section, h.size)
	}
	return s.setSection(d, factsSection, section, h.size)
}

func (s *Source) forgetFacts(d digest.Digest) {
	null := json.RawMessage("null")
	err := s.store.SetFacts(d, store.Facts{Size: tree.SizeUnknown, Sections: map[string]json.RawMessage{
		factsSection: null, s.heldSection(): null,
	}})
	if err != nil {
		s.events.Send(wire.Event{Kind: wire.Warning, Text: fmt.Sprintf("forgetting the header of %s: %v", d, err)})
	}
}

// headerBefore is the header that a package's repodata was made from, by this
// build or an earlier one; nil when it was made from none.
func (s *Source) headerBefore(d digest.Digest) *rpm.Package {
	if p, ok := s.headers.Load(d); ok {
		return p.(*rpm.Package)
	}
	p, _ := s.headerFacts(d)
	return p
}

// outline is what a comparison with the file needs of the facts, without their
// megabytes.
func outline(p *rpm.Package) *rpm.Package {
	return &rpm.Package{
		Name: p.Name, Epoch: p.Epoch, Version: p.Version, Release: p.Release, Arch: p.Arch,
		Header: p.Header, HeaderDigest: p.HeaderDigest,
	}
}
