package orchestrator

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/containers/podman/v5/pkg/bindings/containers"
	"github.com/containers/podman/v5/pkg/bindings/system"
	"github.com/containers/podman/v5/pkg/specgen"
)

// cleanRemote removes what the build has left here, and, when it has not ended
// in order, what it has left where podman is: podman goes on with a RUN whose
// client has been killed. `lazybuild clean` does it there, in a container like
// the proxy's.
func cleanRemote(ctx context.Context, s *State, broken bool) error {
	here := State{ID: s.ID, Tmp: s.Tmp, Child: s.Child, ChildStart: s.ChildStart}
	if !broken {
		return errors.Join(cleanHere(ctx, &here, false), removeDelivered(ctx, s))
	}
	stopProcess(s.Child, s.ChildStart)
	// Root's first: only root can unmount there, and then it is gone for users too.
	return errors.Join(cleanHere(ctx, &here, false), cleanThere(ctx, s.Endpoint, s), cleanThere(ctx, s.User, s), removeDelivered(ctx, s), stillRuns(&here))
}

func cleanThere(ctx context.Context, e *endpoint, s *State) error {
	if e == nil || s.Dir == "" {
		return nil // it has not begun there
	}
	ctx, cancel := context.WithTimeout(ctx, removeLimit)
	defer cancel()
	api, err := e.connect(ctx)
	if err != nil {
		return err
	}
	// SIGTERM first and time to unmount: a killed proxy leaves a stale mount.
	err = removeNow(api, s.ID.container())
	ids, cerr := runCleaner(api, e, s)
	if err == nil && s.late() {
		time.Sleep(lateLimit)
		err = removeNow(api, s.ID.container())
	}
	errs := []error{err, cerr}
	for _, id := range ids {
		errs = append(errs, removeNow(api, id))
	}
	if err := errors.Join(errs...); err != nil {
		return fmt.Errorf("cleaning up at %s: %w", e, err)
	}
	return nil
}

// runCleaner runs `lazybuild clean` at e, where api leads, and returns the IDs of the build's
// working containers.
func runCleaner(api context.Context, e *endpoint, s *State) ([]string, error) {
	there := *s
	there.Podman, there.Tmp, there.Child, there.Proxy = "", "", 0, 0
	if there.Machine == nil || e == s.User {
		info, err := system.Info(api, nil)
		if err != nil {
			return nil, err
		}
		there.Machine, there.Storage, there.RunDir = machineOf(info), storageOf(info), runDirOf(info)
	}
	if s.User != nil && there.Machine.Rootless {
		there.Scratch = "" // root's
	}
	state, err := json.Marshal(there)
	if err != nil {
		return nil, err
	}
	executable, err := os.Executable()
	if err != nil {
		return nil, err
	}
	p, err := programFor(there.Machine.OS, there.Machine.Arch, running(executable))
	if err != nil {
		return nil, err
	}
	p.far = true
	image, err := imageOf(api, p, p.tag)
	if err != nil {
		return nil, err
	}
	c := proxySpec(s.ID, image)
	c.Name += "-clean"
	c.Rlimits = nil
	c.Entrypoint = []string{proxyProgram, "clean"}
	c.Devices = nil
	c.CapAdd = append(c.CapAdd, "KILL")
	enterPodman(c)
	if there.Machine.Rootless {
		c.UserNS = specgen.Namespace{NSMode: specgen.Host}
	}
	out, err := runToEnd(api, c, state)
	return strings.Fields(string(out)), err
}

// runToEnd runs a container that ends by itself, and returns what it prints. An
// error may also say that the container is still there.
func runToEnd(api context.Context, c *specgen.SpecGenerator, stdin []byte) (printed []byte, err error) {
	// One of that name may be left of a clean-up that was killed.
	defer func() { err = errors.Join(err, waitRemoved(api, c.Name, goneLimit)) }()
	created, err := containers.CreateWithSpec(api, c, nil)
	if err != nil {
		return nil, err
	}
	var out, errs bytes.Buffer
	attached, ended := make(chan bool, 1), make(chan error, 1)
	go func() {
		opts := new(containers.AttachOptions).WithStream(true).WithDetachKeys("")
		ended <- containers.Attach(api, created.ID, bufio.NewReader(bytes.NewReader(stdin)), io.Writer(&out), io.Writer(&errs), attached, opts)
	}()
	select {
	case <-attached:
	case err := <-ended:
		return nil, err
	}
	if err := containers.Start(api, created.ID, nil); err != nil {
		return nil, err
	}
	if err := <-ended; err != nil {
		return nil, err
	}
	if said := errs.String(); said != "" {
		return out.Bytes(), errors.New(lastLine([]byte(said)))
	}
	return out.Bytes(), nil
}
