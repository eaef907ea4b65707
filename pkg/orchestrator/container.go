package orchestrator

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/containers/podman/v5/pkg/bindings/containers"
	"github.com/containers/podman/v5/pkg/specgen"
	spec "github.com/opencontainers/runtime-spec/specs-go"

	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

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
//	SYS_CHROOT        for --lazy-rpm-metadata=createrepo_c, which is the host's, and,
//	SYS_PTRACE        together, to enter podman's mount namespace (enterPodman)
//	no SELinux label,
//	AppArmor, seccomp confined domains may not mount
//
// The place adds what it needs. Nothing secret is in it: secrets travel over stdin.
func proxySpec(id BuildID, image string) *specgen.SpecGenerator {
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
	return s
}

// mountProgram mounts lazybuild's executable over the empty file of the image.
// Flags that its own file system has may not be taken off in a user namespace.
func mountProgram(c *specgen.SpecGenerator, executable string) {
	c.Mounts = append(c.Mounts, spec.Mount{
		Type: "bind", Source: executable, Destination: proxyProgram,
		Options: []string{"bind", "private", "ro", "nosuid", "nodev"},
	})
}

// startContainer creates the container, attaches to it, starts it and sends the
// spec. It does not wait for Ready. api must outlive a Ctrl-C: the container
// is taken down through it. onEvent is called for each event, one at a time.
// After an error there may be a container (removeNow).
func startContainer(api context.Context, s *specgen.SpecGenerator, ws wire.Spec, t *tree.Tree, onEvent func(wire.Event)) (*proxy, error) {
	created, err := containers.CreateWithSpec(api, s, nil)
	if err != nil {
		return nil, &createError{err}
	}
	// A pipe of our own: the bindings keep a goroutine on stdin until it ends.
	inR, inW := io.Pipe()
	outR, outW := io.Pipe()
	p := newProxy("the proxy container", inW)
	p.waitGone = func(limit time.Duration) error {
		answered := make(chan struct{})
		go func() {
			defer close(answered)
			removeEnded(api, p.ended, s.Name, limit)
		}()
		files := p.files.Load()
		if files == nil {
			return waitRemoved(api, s.Name, limit)
		}
		return waitRemovedBy(api, s.Name, *files, answered, limit)
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
		return nil, fmt.Errorf("starting the proxy container: %w", err)
	}
	if err := wire.WriteSpec(inW, ws, t); err != nil {
		inW.Close()
		return nil, p.why(err)
	}
	return p, nil
}
