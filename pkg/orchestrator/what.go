package orchestrator

import (
	"cmp"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// what says for people what is built: the first name that the image gets, else
// the context, without credentials.
func (o *Options) what() string {
	if tags := o.Line.Values("tag"); len(tags) > 0 {
		return tags[0]
	}
	return cmp.Or(o.Line.Value("manifest"), o.Target.Context, tree.RedactURL(strings.Join(o.Line.Positionals(), " ")))
}
