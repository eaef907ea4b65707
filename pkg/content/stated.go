package content

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/rpm"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// stated is what this build's repodata says of packages without having seen
// their headers. Whoever reads such a package gets it when its header says the
// same. The statements are kept with the repodata, so that they are there for
// every build that uses it.
type stated struct {
	mu sync.Mutex
	of map[digest.Digest][]rpm.Stated // that nobody has compared yet
}

func (l *stated) add(list []rpm.Stated) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.of == nil {
		l.of = make(map[digest.Digest][]rpm.Stated, len(list))
	}
	for _, st := range list {
		if !slices.Contains(l.of[st.Digest], st) {
			l.of[st.Digest] = append(l.of[st.Digest], st)
		}
	}
}

func (l *stated) get(d digest.Digest) []rpm.Stated {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.of[d])
}

func (l *stated) has(d digest.Digest) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.of[d]) > 0
}

// drop forgets a statement that has turned out to be right. Others about the
// same package may have come meanwhile.
func (l *stated) drop(st rpm.Stated) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.of[st.Digest] = slices.DeleteFunc(l.of[st.Digest], func(o rpm.Stated) bool { return o == st })
}

// compareStated holds a package against what its repository's own metadata says
// of it. If that is not so, dnf has decided by a lie: in this build the package
// stays unreadable, all repodata is forgotten, and that repository's metadata is
// never used again.
func (s *Source) compareStated(f *tree.File, file io.ReaderAt) error {
	for _, st := range s.stated.get(f.Digest) {
		err := st.Compare(file)
		var lie *rpm.MismatchError
		switch {
		case err == nil:
			s.stated.drop(st)
			continue
		case errors.As(err, &lie):
			s.distrust(st.From)
			s.spoilRepodata()
		}
		s.spoiled.Store(f.Digest, err)
		return err
	}
	return nil
}

// distrustSection is the name of what is remembered about a repository whose
// metadata was wrong.
const distrustSection = "distrusted"

// distrusted names a repository among the store's facts.
func distrusted(repository string) digest.Digest {
	return digest.FromBytes([]byte("lazybuild repository " + repository))
}

// trusted says that nobody on this host has seen the repository's metadata, at
// that URL (redacted), say something else than its packages.
func (s *Source) trusted(repository string) bool {
	facts, err := s.store.Facts(distrusted(repository))
	return err != nil || facts.Sections[distrustSection] == nil
}

func (s *Source) distrust(repository string) {
	if err := s.setSection(distrusted(repository), distrustSection, json.RawMessage("true"), tree.SizeUnknown); err != nil {
		s.events.Send(wire.Event{Kind: wire.Warning, Text: fmt.Sprintf("remembering that the metadata of %s is wrong: %v", repository, err)})
	}
}
