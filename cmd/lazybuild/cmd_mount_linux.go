package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lazybuild/lazybuild/pkg/orchestrator"
	"github.com/lazybuild/lazybuild/pkg/plan"
	"github.com/lazybuild/lazybuild/pkg/proxy"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

const mountLong = `Mount what a build would see below /cachi2/output on DIR, which must be empty or
absent. Nothing is downloaded before somebody reads it. With a command behind
"--", the mount lasts as long as that runs, and its exit code is lazybuild's;
without, until Ctrl-C. It needs no podman. Users other than root need fusermount3.

Programs can write with --writable, which needs root: what they write is thrown
away at the end.`

type mountOptions struct {
	sourceOptions
	writable bool
}

func newMount(signals <-chan os.Signal) *cobra.Command {
	var o mountOptions
	cmd := &cobra.Command{
		Use:   "mount [flags] DIR [CONTEXT] [-- COMMAND [ARG …]]",
		Short: "Mount what a build would see, for a command or until Ctrl-C",
		Long:  mountLong,
		Example: `  lazybuild mount deps .
  lazybuild mount cachi2/output . -- podman build -v $PWD/cachi2/output:/cachi2/output .`,
		Args: cobra.MinimumNArgs(1),
	}
	o.addFlags(cmd)
	o.strict = true // half a directory is none
	cmd.Flags().BoolVar(&o.writable, "writable", false, "put a writable overlay on top")
	cmd.RunE = func(c *cobra.Command, args []string) error {
		own, command := args, []string(nil)
		if n := c.ArgsLenAtDash(); n >= 0 {
			own, command = args[:n], args[n:]
		}
		if len(own) < 1 || len(own) > 2 {
			return &orchestrator.UsageError{Err: errors.New("mount takes a directory, and the build context if that is not the current one")}
		}
		ctx, stop := orchestrator.UntilSignal(c.Context(), signals)
		defer stop()
		return o.run(ctx, own[0], own[1:], command)
	}
	return cmd
}

func (o *mountOptions) run(ctx context.Context, dir string, context, command []string) error {
	p, err := o.plan(context)
	if err != nil {
		return err
	}
	spec, err := o.spec(dir, p)
	if err != nil {
		return err
	}
	m := newServing(ctx, spec, p, o.ui())
	if err := m.ready(); err != nil {
		return errors.Join(err, m.end(wire.Bye))
	}
	o.ui().Note("%s is there", spec.Output)
	code, word := 0, wire.Bye
	if len(command) > 0 {
		code, err = m.run(ctx, command)
		if word = wire.ByeFailed; code == 0 && err == nil {
			word = wire.ByeOK
		}
	} else {
		err = m.wait(ctx)
	}
	err = errors.Join(err, m.end(word))
	if err == nil && code == 0 {
		return nil
	}
	return exitCode{max(code, orchestrator.ExitCode(err)), err}
}

// spec describes the mount to the proxy, which runs in this process.
func (o *mountOptions) spec(dir string, p *plan.Plan) (wire.Spec, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return wire.Spec{}, err
	}
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return wire.Spec{}, &orchestrator.UsageError{Err: fmt.Errorf("%s is not empty: what is in it would be hidden; name another directory", dir)}
	}
	store, err := o.storeDir()
	if err != nil {
		return wire.Spec{}, &orchestrator.UsageError{Err: err}
	}
	network, err := networkFor(p, o.ui())
	if err != nil {
		return wire.Spec{}, &orchestrator.UsageError{Err: err}
	}
	size, err := o.storeBytes()
	if err != nil {
		return wire.Spec{}, &orchestrator.UsageError{Err: err}
	}
	id := "mount-" + strings.ToLower(rand.Text()[:10])
	return wire.Spec{
		BuildID: id, Dir: filepath.Join(runDir(), id), Output: dir, ReadOnly: !o.writable,
		Scratch: filepath.Join(store, "scratch", id), Store: store, StoreBytes: size, UserXattr: os.Geteuid() != 0,
		CA: append(network.SystemCAs, network.CA...), HTTPProxy: network.HTTPProxy, HTTPSProxy: network.HTTPSProxy, NoProxy: network.NoProxy,
		Credentials: network.Credentials, LookedAt: network.LookedAt, AllowUnverified: o.allowUnverified, ReadAhead: o.readAhead, TraceKey: "mount " + dir,
	}, nil
}

// serving is a proxy in this process.
type serving struct {
	in    *io.PipeWriter
	state chan wire.Event // Ready or Fatal, once
	done  chan error      // Run's result, once
	ui    *orchestrator.UI
	plan  *plan.Plan
	sum   *wire.Summary // after done
}

func newServing(ctx context.Context, spec wire.Spec, p *plan.Plan, ui *orchestrator.UI) *serving {
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	m := &serving{in: inW, state: make(chan wire.Event, 1), done: make(chan error, 1), ui: ui, plan: p}
	go func() {
		if err := wire.WriteSpec(inW, spec, p.Tree); err != nil {
			inW.CloseWithError(err)
		}
	}()
	heard := make(chan struct{})
	go func() {
		defer close(heard)
		_ = wire.ReadEvents(outR, m.hear)
	}()
	go func() {
		// A signal to lazybuild ends the command first; the mount must outlive it.
		err := proxy.Run(context.WithoutCancel(ctx), proxy.Options{In: inR, Out: outW})
		outW.Close()
		<-heard
		m.done <- err
	}()
	return m
}

func (m *serving) hear(ev wire.Event) {
	switch ev.Kind {
	case wire.Ready, wire.Fatal:
		m.state <- ev
	case wire.SummaryKind:
		m.sum = ev.Summary
	default:
		m.ui.Event(ev)
	}
}

func (m *serving) ready() error {
	if ev := <-m.state; ev.Kind == wire.Fatal {
		return errors.New(ev.Text)
	}
	return nil
}

// run runs a command while the mount is there. A signal ends it.
func (m *serving) run(ctx context.Context, command []string) (int, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	err := cmd.Run()
	select {
	case <-ctx.Done():
		return orchestrator.ExitInterrupted, nil
	default:
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() >= 0 {
		return exit.ExitCode(), nil
	}
	return 0, err
}

// wait blocks until a signal comes, which is the ordinary end, or the mount is
// taken away.
func (m *serving) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		return nil
	case err := <-m.done:
		m.done <- err
		return err
	}
}

// end takes the mount down and sums up.
func (m *serving) end(word string) error {
	_, _ = io.WriteString(m.in, word+"\n") // an error means that it has ended already
	err := <-m.done
	if m.sum != nil {
		m.ui.Summary(m.plan.Tree, m.sum)
	}
	return err
}
