package orchestrator

import (
	"context"

	"github.com/lazybuild/lazybuild/pkg/orchestrator/cmdline"
)

// Asked is a question to podman that is under way: what it is, which says where
// it builds. A nil Asked is none.
type Asked struct {
	versions func() (*versions, error)
	cancel   context.CancelFunc
}

// Ask begins to ask, as Build does by itself where nobody has asked before. name
// and known are Options.Podman and Options.Known. Whoever asks calls Drop.
func Ask(ctx context.Context, name, known string, line *cmdline.Line) *Asked {
	ctx, cancel := context.WithCancel(ctx)
	return &Asked{cancel: cancel, versions: inBackground(func() (*versions, error) {
		p, err := findPodman(name, line.Service())
		if err != nil {
			return nil, err
		}
		return p.askWhere(ctx, known)
	})}
}

// Drop ends the question, if it is still under way, and the process that was
// asked. It may be called often, and of a nil Asked.
func (a *Asked) Drop() {
	if a == nil {
		return
	}
	a.cancel()
	_, _ = a.versions()
}
