//go:build e2e

package e2e

import (
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lazybuild/lazybuild/e2e/report"
)

// patience bounds everything that a test waits for. It is no promise of
// lazybuild's, only the end of a test that hangs.
const patience = 3 * time.Minute

// project is one build context with a store and a directory for temporary
// files of its own.
type project struct {
	t     *testing.T
	dir   string
	store string
	tmp   string
	env   []string // added to lazybuild's environment
	// within are the words of a program that starts lazybuild; usually none.
	within []string
	stdin  io.Reader
	// onTerminal starts builds on a terminal of their own.
	onTerminal bool
	// relay is what leads to podman, if it is not the host itself.
	relay *relay
}

func newProject(t *testing.T, files map[string]string) *project {
	t.Helper()
	// Not t.TempDir: it may only go after the mounts below it have gone.
	root, err := os.MkdirTemp(work, "project-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(root, 0o711); err != nil {
		t.Fatal(err)
	}
	p := &project{t: t, dir: filepath.Join(root, "context"), store: filepath.Join(root, "store"), tmp: filepath.Join(root, "tmp")}
	for _, dir := range []string{p.dir, p.tmp} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for name, text := range files {
		p.write(name, text)
	}
	return p
}

func (p *project) write(name, text string) {
	p.t.Helper()
	path := filepath.Join(p.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		p.t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		p.t.Fatal(err)
	}
}

// image is a name for the result of this project.
func (p *project) image() string { return "localhost/lazybuild-test/" + p.name() }

// name is this project's and no other's.
func (p *project) name() string { return filepath.Base(filepath.Dir(p.dir)) }

// volume is where a remote podman keeps what store is for a local one.
func (p *project) volume() string { return "lazy-e2e-" + filepath.Base(filepath.Dir(p.store)) }

// run is one lazybuild that has been started.
type run struct {
	t      *testing.T
	cmd    *exec.Cmd
	report string
	out    stream
	err    stream
	done   chan struct{}
	// terminal is the other end of the build's terminal, if it has one.
	terminal   *os.File
	afterStart func()
	relay      *relay
}

// start runs `lazybuild args… .` with a report, in a process group of its own,
// as a shell would.
func (p *project) start(args ...string) *run {
	p.t.Helper()
	return p.startAs(append(args, ".")...)
}

// startAs is start with the words as they are: another context, or none.
func (p *project) startAs(args ...string) *run {
	p.t.Helper()
	r := &run{t: p.t, report: filepath.Join(p.t.TempDir(), "report.json"), done: make(chan struct{}), relay: p.relay}
	words := append(slices.Clone(p.within), binary())
	words = append(append(words, args...), "--lazy-report", r.report)
	r.cmd = exec.Command(words[0], words[1:]...)
	r.cmd.Dir = p.dir
	r.cmd.Env = append(os.Environ(), "LAZYBUILD_STORE="+p.store, "LAZYBUILD_VOLUME="+p.volume(), "TMPDIR="+p.tmp)
	r.cmd.Env = append(r.cmd.Env, p.env...)
	r.cmd.Stdin, r.cmd.Stdout, r.cmd.Stderr = p.stdin, &r.out, &r.err
	r.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A process that outlives lazybuild and holds its output must not hang the test.
	r.cmd.WaitDelay = 5 * time.Second
	if p.onTerminal {
		r.useTerminal()
	}
	if err := r.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	if r.afterStart != nil {
		r.afterStart()
	}
	go func() {
		_ = r.cmd.Wait()
		close(r.done)
	}()
	p.t.Cleanup(func() {
		select {
		case <-r.done:
		default:
			_ = syscall.Kill(-r.cmd.Process.Pid, syscall.SIGTERM)
			<-r.done
		}
	})
	return r
}

// build runs lazybuild to its end.
func (p *project) build(args ...string) *run {
	p.t.Helper()
	r := p.start(args...)
	r.wait()
	return r
}

// must is a build that has to succeed.
func (p *project) must(args ...string) *run {
	p.t.Helper()
	r := p.build(args...)
	if code := r.code(); code != 0 {
		p.t.Fatalf("lazybuild %s: exit code %d\n%s", strings.Join(args, " "), code, r)
	}
	return r
}

func (r *run) wait() {
	r.t.Helper()
	select {
	case <-r.done:
	case <-time.After(patience):
		said := r.stuck()
		r.t.Fatalf("waited in vain for the end of lazybuild\n%s\n%s", said, r)
	}
}

// event waits for an event that has to come before lazybuild's end.
func (r *run) event(event <-chan struct{}, what string) {
	r.t.Helper()
	select {
	case <-event:
	case <-r.done:
		r.t.Fatalf("lazybuild ended before %s: exit code %d\n%s", what, r.code(), r)
	case <-time.After(patience):
		said := r.stuck()
		r.t.Fatalf("waited in vain for %s\n%s\n%s", what, said, r)
	}
}

// signal sends a signal to the whole process group, as a terminal does.
func (r *run) signal(s syscall.Signal) {
	r.t.Helper()
	if err := syscall.Kill(-r.cmd.Process.Pid, s); err != nil && !errors.Is(err, syscall.ESRCH) {
		r.t.Fatal(err)
	}
}

// code is the exit code as a shell shows it.
func (r *run) code() int {
	<-r.done
	status, ok := r.cmd.ProcessState.Sys().(syscall.WaitStatus)
	if ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return r.cmd.ProcessState.ExitCode()
}

// String is all that lazybuild has printed.
func (r *run) String() string {
	return "stdout:\n" + r.out.String() + "\nstderr:\n" + r.err.String()
}

// read returns the report.
func (r *run) read() *report.Report {
	r.t.Helper()
	rep, err := report.Read(r.report)
	if err != nil {
		r.t.Fatalf("%v\n%s", err, r)
	}
	return rep
}

// lines returns lazybuild's own lines on stderr. Before one may stand the beginning
// of another program's, who writes its line in pieces ("cp: ").
func (r *run) lines() (own []string) {
	for line := range strings.Lines(r.err.String()) {
		if _, text, ok := strings.Cut(line, "lazybuild: "); ok {
			own = append(own, strings.TrimSpace(text))
		}
	}
	return own
}
