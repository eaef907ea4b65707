package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/containers/podman/v5/pkg/bindings/containers"
	"github.com/containers/podman/v5/pkg/specgen"
	spec "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// bind is one directory of the host in the proxy container, at the same path.
type bind struct {
	source, target string
	options        []string
}

// buildLabel is the proxy container's label with the build's ID.
const buildLabel = "io.lazybuild.build"

// proxySpec describes the proxy container. Each privilege has its reason:
//
//	SYS_ADMIN         mount FUSE and overlayfs, ask for passthrough
//	CHOWN, FOWNER,
//	DAC_OVERRIDE,
//	FSETID, SETFCAP   overlayfs copies files up with the mounter's privileges,
//	                  whoever writes; the view copies owners and modes
//	/dev/fuse         the FUSE channel
//	host PID space    FUSE tells the caller's PID; whether the caller is being
//	                  killed stands in /proc/<pid>/status
//	host network      the origins may be on a VPN, on loopback, or behind a proxy
//	SYS_CHROOT        only for --lazy-rpm-metadata=createrepo_c, which is the host's
//	no SELinux label,
//	AppArmor, seccomp confined domains may not mount
//
// Nothing secret is in it: secrets travel over stdin.
func proxySpec(id BuildID, image string, binds []bind) *specgen.SpecGenerator {
	s := specgen.NewSpecGenerator(image, false)
	yes := true
	s.Name = id.container()
	s.Stdin, s.Remove, s.ReadOnlyFilesystem = &yes, &yes, &yes
	s.CapDrop = []string{"ALL"}
	s.CapAdd = []string{"SYS_ADMIN", "CHOWN", "FOWNER", "DAC_OVERRIDE", "FSETID", "SETFCAP"}
	s.NoNewPrivileges = &yes
	s.Devices = []spec.LinuxDevice{{Path: "/dev/fuse"}}
	s.PidNS = specgen.Namespace{NSMode: specgen.Host}
	s.NetNS = specgen.Namespace{NSMode: specgen.Host}
	s.SelinuxOpts = []string{"disable"}
	s.ApparmorProfile = "unconfined"
	s.SeccompProfilePath = "unconfined"
	s.Rlimits = ownRlimits()
	s.LogConfiguration = &specgen.LogConfig{Driver: "none"}
	s.Labels = map[string]string{buildLabel: string(id)}
	for _, b := range binds {
		if b.target == hostInProxy {
			s.CapAdd = append(s.CapAdd, "SYS_CHROOT")
		}
		s.Mounts = append(s.Mounts, spec.Mount{Type: "bind", Source: b.source, Destination: b.target, Options: b.options})
	}
	return s
}

// proxy is a running proxy container, seen from the CLI.
type proxy struct {
	stdin   *io.PipeWriter
	ended   chan struct{} // closed when the attached streams are at their end
	ready   chan wire.Event
	summary chan *wire.Summary
	err     error // of the attachment; valid after ended
	name    string
	api     context.Context
	byeOnce sync.Once
	stderr  tail
}

// startProxy creates the container, attaches to it, starts it and sends the
// spec. It does not wait for Ready. api must outlive a Ctrl-C: the container
// is taken down through it. onEvent is called for each event, one at a time.
func startProxy(api context.Context, s *specgen.SpecGenerator, ws wire.Spec, t *tree.Tree, onEvent func(wire.Event)) (*proxy, error) {
	created, err := containers.CreateWithSpec(api, s, nil)
	if err != nil {
		return nil, fmt.Errorf("creating the proxy container: %w", err)
	}
	// A pipe of our own: the bindings keep a goroutine on stdin until it ends.
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	p := &proxy{
		stdin: inW, name: created.ID, api: api,
		ended: make(chan struct{}), ready: make(chan wire.Event, 1), summary: make(chan *wire.Summary, 1),
	}
	attached := make(chan bool, 1)
	go func() {
		// Detach keys off: they would be looked for in the spec.
		opts := new(containers.AttachOptions).WithStream(true).WithDetachKeys("")
		p.err = containers.Attach(api, created.ID, inR, outW, &p.stderr, attached, opts)
		outW.CloseWithError(io.EOF)
		inR.CloseWithError(io.ErrClosedPipe)
		close(p.ended)
	}()
	go p.readEvents(outR, onEvent)
	select {
	case <-attached:
	case <-p.ended:
		return nil, fmt.Errorf("attaching to the proxy container: %w", p.err)
	}
	if err := containers.Start(api, created.ID, nil); err != nil {
		inW.Close()
		_, _ = containers.Remove(api, created.ID, new(containers.RemoveOptions).WithForce(true).WithIgnore(true))
		return nil, fmt.Errorf("starting the proxy container: %w", err)
	}
	if err := wire.WriteSpec(inW, ws, t); err != nil {
		return nil, p.why(err)
	}
	return p, nil
}

func (p *proxy) readEvents(r io.Reader, onEvent func(wire.Event)) {
	_ = wire.ReadEvents(r, func(ev wire.Event) {
		switch ev.Kind {
		case wire.Ready, wire.Fatal:
			select {
			case p.ready <- ev:
			default:
			}
		case wire.SummaryKind:
			select {
			case p.summary <- ev.Summary:
			default:
			}
		}
		onEvent(ev)
	})
}

// waitReady blocks until the mount is there, or says why it is not.
func (p *proxy) waitReady(ctx context.Context) (*wire.Proxy, error) {
	select {
	case ev := <-p.ready:
		if ev.Kind == wire.Fatal {
			if ev.Hint != "" {
				return nil, hint(ev.Hint, "the proxy cannot work: %s", ev.Text)
			}
			return nil, fmt.Errorf("the proxy cannot work: %s", ev.Text)
		}
		return ev.Proxy, nil
	case <-p.ended:
		return nil, p.why(errors.New("it ended before its mount was there"))
	case <-ctx.Done():
		return nil, errInterrupted
	}
}

// why adds what the proxy or its runtime have said to an error.
func (p *proxy) why(err error) error {
	said := p.stderr.String()
	if said == "" {
		return fmt.Errorf("the proxy container: %w", err)
	}
	return fmt.Errorf("the proxy container: %w: %s", err, lastLine([]byte(said)))
}

// bye asks the proxy to take everything down and returns its summary, or nil
// when there was none within limit. word is wire.ByeOK, wire.ByeFailed or
// wire.Bye. Safe to call more than once; the first word counts.
func (p *proxy) bye(word string, limit time.Duration) *wire.Summary {
	p.byeOnce.Do(func() {
		go func() {
			_, _ = io.WriteString(p.stdin, word+"\n")
			_ = p.stdin.Close()
		}()
	})
	t := time.NewTimer(limit)
	defer t.Stop()
	var sum *wire.Summary
	select {
	case sum = <-p.summary:
	case <-p.ended:
		select {
		case sum = <-p.summary:
		default:
		}
	case <-t.C:
	}
	return sum
}

// waitGone blocks until the container has been removed (podman does that by
// itself), at most for limit; then it is stopped and removed by force.
func (p *proxy) waitGone(limit time.Duration) {
	deadline := time.Now().Add(limit)
	for time.Now().Before(deadline) {
		if there, err := containers.Exists(p.api, p.name, nil); err == nil && !there {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	_, _ = containers.Remove(p.api, p.name, new(containers.RemoveOptions).WithForce(true).WithIgnore(true).WithTimeout(5))
}

// tail keeps the end of what is written to it: the runtime's last words.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, p...)
	if n := len(t.buf); n > 8<<10 {
		t.buf = append(t.buf[:0], t.buf[n-4<<10:]...)
	}
	return len(p), nil
}

func (t *tail) String() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return strings.TrimSpace(string(t.buf))
}
