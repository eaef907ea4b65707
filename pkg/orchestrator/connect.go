package orchestrator

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/containers/podman/v5/libpod/define"
	"github.com/containers/podman/v5/pkg/bindings"
	"github.com/containers/podman/v5/pkg/bindings/containers"
)

// podman is the user's own podman: the program that builds, and the API that
// the proxy container is made through. Both must use the same storage, so the
// user's global flags go to both.
type podman struct {
	path   string   // the executable
	global []string // flags before the sub-command
	env    []string // of the API service, if one has to be started; nil for ours
	hold   net.Conn // keeps a service of our own alive
	server int      // the PID of the API service, as soon as it is connected; 0 when that is not known
}

// command makes a podman command with the user's global flags.
func (p *podman) command(ctx context.Context, args ...string) *exec.Cmd {
	return exec.CommandContext(ctx, p.path, append(append([]string{}, p.global...), args...)...)
}

// undisturbed is command in a process group of its own, for clean-ups: a Ctrl-C
// that meets podman at one would leave half of it, and is not for it.
func (p *podman) undisturbed(ctx context.Context, args ...string) *exec.Cmd {
	cmd := p.command(ctx, args...)
	cmd.SysProcAttr = ownProcessGroup()
	return cmd
}

// unshare makes a command that runs in podman's user and mount namespace.
func (p *podman) unshare(ctx context.Context, args ...string) *exec.Cmd {
	return p.command(ctx, append([]string{"unshare"}, args...)...)
}

// findPodman looks for the program. name may be a path; empty means "podman".
func findPodman(name string, global []string) (*podman, error) {
	if name == "" {
		name = "podman"
	}
	path, err := exec.LookPath(name)
	if err != nil {
		return nil, &HintError{fmt.Errorf("podman is not there: %w", err),
			"install podman 4.3 or later with your system's package manager"}
	}
	return &podman{path: path, global: global}, nil
}

// dialTimeout bounds one attempt to reach a socket that exists; startTimeout
// how long a service of our own may take to listen.
const (
	dialTimeout  = 2 * time.Second
	startTimeout = 20 * time.Second
)

// connect returns a context for the bindings. It uses the service that listens
// on the default socket if the user has set no global flags that could mean
// another storage; else it starts one that ends by itself, on the socket sock.
func (p *podman) connect(ctx context.Context, sock string) (context.Context, error) {
	if len(p.global) == 0 && os.Getenv("CONTAINERS_CONF") == "" {
		if c := dial(ctx, defaultSocket()); c != nil {
			p.server = peerOf(c)
			c.Close()
			return dialAPI(ctx, defaultSocket())
		}
	}
	return p.startService(ctx, sock)
}

func defaultSocket() string {
	if os.Geteuid() == 0 {
		return "/run/podman/podman.sock"
	}
	return filepath.Join(os.Getenv("XDG_RUNTIME_DIR"), "podman", "podman.sock")
}

// dial connects to the socket; nil when nobody listens there. A socket file alone
// says nothing: the file outlives the service. The bindings would retry a refused
// connection three times with a consumed body.
func dial(ctx context.Context, sock string) net.Conn {
	d := net.Dialer{Timeout: dialTimeout}
	c, err := d.DialContext(ctx, "unix", sock)
	if err != nil {
		return nil
	}
	return c
}

// listens says whether somebody accepts connections on the socket.
func listens(ctx context.Context, sock string) bool {
	c := dial(ctx, sock)
	if c == nil {
		return false
	}
	c.Close()
	return true
}

func dialAPI(ctx context.Context, sock string) (context.Context, error) {
	api, err := bindings.NewConnection(ctx, "unix://"+sock)
	if err != nil {
		return nil, fmt.Errorf("connecting to podman's API at %s: %w", sock, err)
	}
	return api, nil
}

// startService runs `podman system service` as a child. It ends by itself five
// seconds after the last connection, so nobody has to stop it, whatever happens
// to this process; the attached proxy keeps it alive during the build.
func (p *podman) startService(ctx context.Context, sock string) (context.Context, error) {
	// Not bound to ctx: a Ctrl-C ends the build, and the service is needed to
	// take the container down.
	cmd := p.command(context.WithoutCancel(ctx), "system", "service", "--time", "5", "unix://"+sock)
	cmd.Env = p.env
	// A process group of its own: the terminal's Ctrl-C is not for it.
	cmd.SysProcAttr = ownProcessGroup()
	said, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("starting podman's API service: %w", err)
	}
	ended := make(chan error, 1)
	go func() {
		out, _ := io.ReadAll(io.LimitReader(said, 64<<10))
		_, _ = io.Copy(io.Discard, said)
		_ = cmd.Wait()
		ended <- errors.New(lastLine(out))
	}()
	if err := waitListening(ctx, sock, ended); err != nil {
		// Whoever does not want it any more does not want its socket later either.
		stopProcess(cmd.Process.Pid, processStart(cmd.Process.Pid))
		return nil, err
	}
	if p.hold, err = keepAlive(ctx, sock); err != nil {
		return nil, err
	}
	p.server = peerOf(p.hold)
	return dialAPI(ctx, sock)
}

// keepAlive holds a connection that podman counts as busy, so that its service
// does not take a busy machine's pause between two requests for the end: five
// seconds pass quickly where sixteen builds start at once. The server reads a
// request's body to its end before it answers, and this one lacks a byte. The
// connection ends with this process, however that ends.
func keepAlive(ctx context.Context, sock string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	c, err := d.DialContext(ctx, "unix", sock)
	if err == nil {
		_, err = io.WriteString(c, "GET /_ping HTTP/1.1\r\nHost: podman\r\nContent-Length: 1\r\n\r\n")
	}
	if err != nil {
		return nil, fmt.Errorf("connecting to podman's API at %s: %w", sock, err)
	}
	return c, nil
}

// waitListening polls: podman has no way to say that its service listens.
func waitListening(ctx context.Context, sock string, ended <-chan error) error {
	limit := time.NewTimer(startTimeout)
	defer limit.Stop()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !listens(ctx, sock) {
		select {
		case <-tick.C:
		case err := <-ended:
			return hint("run `podman info`: it must work", "podman's API service did not start: %v", err)
		case <-limit.C:
			return hint("run `podman system service --time 5 unix:///tmp/test.sock` to see why",
				"podman's API service did not listen within %v", startTimeout)
		case <-ctx.Done():
			return errInterrupted
		}
	}
	return nil
}

// storageOf is where podman keeps its containers' files.
func storageOf(info *define.Info) string {
	if info.Store == nil {
		return ""
	}
	return filepath.Join(info.Store.GraphRoot, info.Store.GraphDriverName+"-containers")
}

// filesOf is where podman keeps a container's own files, a directory of storageOf
// that is named after its ID. podman knows that at once; to tell about itself it
// has the package manager look for the owners of four programs, and takes both
// processors for a third of a second.
func filesOf(api context.Context, container string) (string, error) {
	c, err := containers.Inspect(api, container, nil)
	if err != nil {
		return "", fmt.Errorf("asking podman for the proxy container: %w", err)
	}
	// <storage>/<ID>/userdata
	own := filepath.Dir(c.StaticDir)
	if !filepath.IsAbs(own) || filepath.Base(own) != c.ID {
		return "", fmt.Errorf("podman keeps the proxy container's files in %q, which does not say where it keeps those of others", c.StaticDir)
	}
	return own, nil
}
