//go:build e2e

package e2e

import (
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
)

// relay stands between lazybuild and a remote podman: the network that may break.
type relay struct {
	t *testing.T
	// host is the CONTAINER_HOST that leads through it.
	host      string
	near, far address
	mu        sync.Mutex
	listener  net.Listener
	ends      []net.Conn
	// frozen is closed when what was held back may go on; nil while nothing is.
	frozen chan struct{}
	wait   sync.WaitGroup
}

type address struct{ network, name string }

// useRelay lets the project's builds reach podman through a relay. It can where
// CONTAINER_HOST names podman.
func (p *project) useRelay() {
	p.t.Helper()
	u, err := url.Parse(os.Getenv("CONTAINER_HOST"))
	if err != nil {
		p.t.Fatal(err)
	}
	r := &relay{t: p.t}
	if u.Scheme == "unix" {
		r.far = address{"unix", u.Path}
		r.near = address{"unix", filepath.Join(filepath.Dir(p.dir), "podman.sock")}
		u.Path = r.near.name
	} else {
		r.far = address{"tcp", u.Host}
		r.near = address{"tcp", freeAddress(p.t, "127.0.0.1")}
		u.Host = r.near.name
		alsoKnow(p.t, r.far.name, r.near.name)
	}
	r.host = u.String()
	r.mend()
	p.t.Cleanup(r.close)
	p.relay = r
	p.env = append(p.env, "CONTAINER_HOST="+r.host)
}

// alsoKnow makes the ssh server's key that of another address too.
func alsoKnow(t *testing.T, known, also string) {
	t.Helper()
	entry := func(addr string) string {
		host, port, _ := net.SplitHostPort(addr)
		return fmt.Sprintf("[%s]:%s ", host, port)
	}
	path := filepath.Join(os.Getenv("HOME"), ".ssh", "known_hosts")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		if key, ok := strings.CutPrefix(line, entry(known)); ok {
			if err := os.WriteFile(path, append(text, entry(also)+key...), 0o600); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
	t.Fatalf("%s has no key of %s", path, known)
}

// mend lets connections through, for the first time or again.
func (r *relay) mend() {
	r.t.Helper()
	l, err := net.Listen(r.near.network, r.near.name)
	if err != nil {
		r.t.Fatal(err)
	}
	r.mu.Lock()
	r.listener = l
	r.mu.Unlock()
	r.wait.Go(func() {
		for {
			near, err := l.Accept()
			if err != nil {
				return
			}
			r.wait.Go(func() { r.pass(near) })
		}
	})
}

// pass carries one connection to podman and back.
func (r *relay) pass(near net.Conn) {
	defer near.Close()
	far, err := net.Dial(r.far.network, r.far.name)
	if err != nil {
		return
	}
	defer far.Close()
	r.mu.Lock()
	if r.listener == nil {
		r.mu.Unlock()
		return
	}
	r.ends = append(r.ends, near, far)
	r.mu.Unlock()
	var both sync.WaitGroup
	for _, way := range [][2]net.Conn{{near, far}, {far, near}} {
		both.Go(func() {
			_, _ = io.Copy(heldBack{way[0], r}, way[1])
			// Half a connection goes on: podman's attach is one.
			if w, ok := way[0].(interface{ CloseWrite() error }); ok {
				_ = w.CloseWrite()
			}
		})
	}
	both.Wait()
}

// heldBack is a connection on which nothing gets through while the relay is frozen.
type heldBack struct {
	io.Writer
	relay *relay
}

func (h heldBack) Write(b []byte) (int, error) {
	h.relay.mu.Lock()
	frozen := h.relay.frozen
	h.relay.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
	return h.Writer.Write(b)
}

// freeze lets nothing through any more, and ends no connection: what it looks
// like when the other machine sleeps.
func (r *relay) freeze() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.frozen = make(chan struct{})
}

// cut ends all connections at once, and lets no more through.
func (r *relay) cut() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.listener == nil {
		return
	}
	r.listener.Close()
	for _, c := range r.ends {
		c.Close()
	}
	r.listener, r.ends = nil, nil
	if r.frozen != nil {
		close(r.frozen)
		r.frozen = nil
	}
}

func (r *relay) close() {
	r.cut()
	r.wait.Wait()
}
