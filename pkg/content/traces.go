package content

import (
	"encoding/json"
	"errors"
	"io/fs"
	"sync"

	"github.com/lazybuild/lazybuild/pkg/content/ahead"
	"github.com/lazybuild/lazybuild/pkg/digest"
	"github.com/lazybuild/lazybuild/pkg/store"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// traces keeps one build's trace among the store's facts. Whatever goes wrong
// with it costs time in a later build and nothing else.
type traces struct {
	store *store.Store
	key   string // empty: there is none
	debug func(format string, args ...any)
	last  ahead.Trace // as loaded; valid after load
	once  sync.Once
}

// traceSection is the name of a trace among the facts of its key.
const traceSection = "trace"

func (t *traces) name() digest.Digest {
	return digest.FromBytes([]byte("lazybuild trace " + t.key))
}

// load returns what an earlier build has left, or nothing.
func (t *traces) load() ahead.Trace {
	t.once.Do(func() {
		if t.key == "" {
			return
		}
		facts, err := t.store.Facts(t.name())
		section, ok := facts.Sections[traceSection]
		if errors.Is(err, fs.ErrNotExist) || err == nil && !ok {
			return
		}
		if err == nil {
			t.last, err = ahead.ParseTrace(section)
		}
		if err != nil {
			t.debug("the trace of an earlier build is of no use: %v", err)
		}
	})
	return t.last
}

// save keeps what a good build has opened, if that is news.
func (t *traces) save(tr *tree.Tree, opened []*tree.File) {
	if t.key == "" {
		return
	}
	old := t.load()
	paths := make([]string, len(opened))
	for i, f := range opened {
		paths[i] = f.Path
	}
	now := old.After(tr, paths)
	if len(now.Files) == 0 || now.Equal(old) {
		return
	}
	data, err := now.Marshal()
	if err == nil {
		err = t.store.SetFacts(t.name(), store.Facts{
			Size: store.SizeUnknown, Sections: map[string]json.RawMessage{traceSection: data},
		})
	}
	if err != nil {
		t.debug("keeping the trace: %v", err)
	}
}
