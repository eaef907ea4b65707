package orchestrator

import (
	"strings"
	"testing"
)

// A socket's path has at most 107 bytes (unix(7)). The API service's must not
// depend on TMPDIR, which CI systems make long.
func TestTheSocketOfTheServiceHasAShortPath(t *testing.T) {
	b := testBuild(t, ".", Containerfile{})
	b.state.Tmp = "/" + strings.Repeat("long/", 40)
	got := socketPath(b.o.Base, b.id)
	if strings.HasPrefix(got, b.state.Tmp) || len(socketPath("/run/user/4294967294/lazybuild", b.id)) > 107 {
		t.Errorf("the socket is at %s", got)
	}
}
