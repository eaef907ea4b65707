package content

import (
	"encoding/json"
	"fmt"

	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/store"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// setSection keeps one section of facts about a content in the store.
func (s *Source) setSection(d digest.Digest, name string, value json.RawMessage, size int64) error {
	return s.store.SetFacts(d, store.Facts{Size: size, Sections: map[string]json.RawMessage{name: value}})
}

func (s *Source) debug(format string, args ...any) {
	s.events.Send(wire.Event{Kind: wire.Debug, Text: fmt.Sprintf(format, args...)})
}
