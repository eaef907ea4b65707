//go:build linux

// Package bare runs lazybuild's proxy as a plain process, without podman: for
// measurements of what the proxy itself does.
package bare

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// Proxy is a running `lazybuild proxy`.
type Proxy struct {
	cmd   *exec.Cmd
	in    io.WriteCloser
	drain chan struct{}
}

// Start starts binary's proxy and waits until its mount is there.
func Start(ctx context.Context, binary string, spec wire.Spec, t *tree.Tree) (*Proxy, error) {
	cmd := exec.CommandContext(ctx, binary, "proxy")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	if err := wire.WriteSpec(in, spec, t); err != nil {
		return nil, err
	}
	p := &Proxy{cmd, in, make(chan struct{})}
	ready := make(chan error, 1)
	go p.events(out, ready)
	return p, <-ready
}

// events reads the proxy's events; what it complains of goes to stderr.
func (p *Proxy) events(out io.Reader, ready chan<- error) {
	defer close(p.drain)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var ev wire.Event
		if json.Unmarshal(lines.Bytes(), &ev) != nil {
			continue
		}
		switch ev.Kind {
		case wire.Ready:
			ready <- nil
		case wire.Fatal:
			ready <- errors.New(ev.Text)
		case wire.Failed, wire.Warning:
			fmt.Fprintln(os.Stderr, ev.Text)
		}
	}
}

// End says that the build has succeeded, and waits for the proxy's end.
func (p *Proxy) End() error {
	if _, err := io.WriteString(p.in, wire.ByeOK+"\n"); err != nil {
		return err
	}
	<-p.drain
	return p.cmd.Wait()
}

// CPU is the processor time that the proxy has used; valid after End.
func (p *Proxy) CPU() time.Duration {
	return p.cmd.ProcessState.UserTime() + p.cmd.ProcessState.SystemTime()
}

// Memory is what the proxy has of the machine's memory now, in bytes, without
// what it shares with others (RssAnon); 0 if that is unknown.
func (p *Proxy) Memory() int64 {
	data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	for line := range strings.Lines(string(data)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "RssAnon: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}
