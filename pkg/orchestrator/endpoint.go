package orchestrator

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"

	"github.com/containers/podman/v5/pkg/bindings"

	"github.com/lazybuild/lazybuild/pkg/orchestrator/cmdline"
)

// endpoint is a podman service on another machine, or behind another user's
// socket: what `podman system connection list` calls a connection.
type endpoint struct {
	Name     string `json:"name,omitempty"`
	URI      string `json:"uri"`
	Identity string `json:"identity,omitempty"` // path of an ssh key
	Default  bool   `json:"default,omitempty"`
	// IsMachine: a podman machine's, whose ssh host keys nobody knows.
	IsMachine bool `json:"ismachine,omitempty"`
}

// String names the endpoint for messages, without a password.
func (e *endpoint) String() string { return cmp.Or(e.Name, withoutPassword(e.URI)) }

// withoutPassword is the URI as it may be shown and kept.
func withoutPassword(uri string) string {
	u, err := url.Parse(uri)
	if err != nil {
		return "(a malformed URI)"
	}
	if _, has := u.User.Password(); has {
		u.User = url.User(u.User.Username())
	}
	return u.String()
}

// connect returns a context for the bindings.
func (e *endpoint) connect(ctx context.Context) (context.Context, error) {
	api, err := bindings.NewConnectionWithIdentity(ctx, e.URI, e.Identity, e.IsMachine)
	if err != nil {
		return nil, hint("`podman info` with the same flags and variables must work",
			"connecting to podman at %s: %w", e, err)
	}
	return api, nil
}

// endpoints are all connections that podman knows by a name.
func (p *podman) endpoints(ctx context.Context) ([]endpoint, error) {
	// Not with the user's global flags: they may name a connection, which this
	// command would take for one to use.
	cmd := (&podman{path: p.path}).command(ctx, "system", "connection", "list", "--format", "json")
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("asking podman for its connections: %w", err)
	}
	var list []endpoint
	if err := json.Unmarshal(out, &list); err != nil {
		return nil, fmt.Errorf("asking podman for its connections: %w", err)
	}
	return list, nil
}

// chooseEndpoint is podman's own order: flags, CONTAINER_CONNECTION,
// CONTAINER_HOST, the default connection, the socket of a local service.
func chooseEndpoint(l *cmdline.Line, named []endpoint, getenv func(string) string) (endpoint, error) {
	identity := cmp.Or(l.Value("identity"), getenv("CONTAINER_SSHKEY"))
	name := cmp.Or(l.Value("connection"), l.Value("context"))
	uri := cmp.Or(l.Value("url"), l.Value("host"))
	if name == "" && uri == "" {
		if name = getenv("CONTAINER_CONNECTION"); name == "" {
			uri = getenv("CONTAINER_HOST")
		}
	}
	if name == "" && uri != "" {
		return endpoint{URI: uri, Identity: identity}, nil
	}
	for _, e := range named {
		if name != "" && e.Name == name || name == "" && e.Default {
			e.Identity = cmp.Or(identity, e.Identity)
			return e, nil
		}
	}
	if name != "" {
		return endpoint{}, &UsageError{fmt.Errorf("podman has no connection %q: `podman system connection list` shows those that it has", name)}
	}
	return endpoint{URI: "unix://" + defaultSocket(), Identity: identity}, nil
}

// machineRoot finds the connection to the same machine as root. podman machine
// makes it beside the user's own and names it so. Only root can show a mount to
// all of a machine.
func machineRoot(e endpoint, named []endpoint) (endpoint, bool) {
	for _, r := range named {
		if e.Name != "" && r.Name == e.Name+"-root" && sameMachine(e.URI, r.URI) {
			return r, true
		}
	}
	return endpoint{}, false
}

func sameMachine(a, b string) bool {
	x, errX := url.Parse(a)
	y, errY := url.Parse(b)
	return errX == nil && errY == nil && x.Scheme == y.Scheme && x.Host == y.Host
}

// endpointOf asks podman for what it needs to reach the service that it uses.
func (p *podman) endpointOf(ctx context.Context, l *cmdline.Line) (build, proxy endpoint, err error) {
	named, err := p.endpoints(ctx)
	if err != nil {
		return build, proxy, err
	}
	if build, err = chooseEndpoint(l, named, os.Getenv); err != nil {
		return build, proxy, err
	}
	if root, ok := machineRoot(build, named); ok {
		return build, root, nil
	}
	return build, build, nil
}
