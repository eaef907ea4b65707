package orchestrator

import (
	"archive/tar"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"github.com/containers/podman/v5/pkg/bindings/containers"
	"github.com/containers/podman/v5/pkg/bindings/volumes"
	"github.com/containers/podman/v5/pkg/domain/entities/types"
	"github.com/containers/podman/v5/pkg/errorhandling"
	"github.com/containers/podman/v5/pkg/specgen"
)

// A plain directory gets to a remote podman as a volume of the build's own, at
// the podman that builds. `podman build --volume` takes no volume by its name, but
// the directory in which podman keeps it.

// filler is the container that a volume is filled through. It never runs, and is
// there as long as the build: `podman volume prune` takes no volume of a container.
func (id BuildID) filler() string { return id.container() + "-fill" }

func (r *remotePlace) deliver(ctx context.Context, b *build, dir string) (string, error) {
	there, err := r.fill(ctx, b, dir)
	if err != nil {
		if ctx.Err() != nil {
			err = errInterrupted
		}
		return "", fmt.Errorf("sending the files to podman at %s: %w", &r.build, err)
	}
	return there, nil
}

func (r *remotePlace) fill(ctx context.Context, b *build, dir string) (string, error) {
	api, err := r.build.connect(ctx)
	if err != nil {
		return "", err
	}
	v, err := volumes.Create(api, types.VolumeCreateOptions{Name: b.id.container()}, nil)
	if err != nil {
		return "", err
	}
	if v.Mountpoint == "" {
		return "", errors.New("its volumes have no directories")
	}
	image, err := b.image(ctx, api)
	if err != nil {
		return "", err
	}
	c := specgen.NewSpecGenerator(image, false)
	c.Name = b.id.filler()
	c.Volumes = []*specgen.NamedVolume{{Name: v.Name, Dest: "/tree"}}
	created, err := containers.CreateWithSpec(api, c, nil)
	if err != nil {
		return "", err
	}
	out, in := io.Pipe()
	defer out.Close()
	go func() { in.CloseWithError(packDir(in, dir)) }()
	send, err := containers.CopyFromArchive(api, created.ID, "/tree", out)
	if err == nil {
		err = send()
	}
	return v.Mountpoint, err
}

// packDir writes what is in a directory as a tar archive. All of it is root's.
func packDir(w io.Writer, dir string) error {
	tw := tar.NewWriter(w)
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		return packFile(tw, dir, path, d)
	})
	return errors.Join(err, tw.Close())
}

func packFile(tw *tar.Writer, dir, path string, d fs.DirEntry) error {
	info, err := d.Info()
	if err != nil {
		return err
	}
	target := ""
	if info.Mode().Type() == fs.ModeSymlink {
		if target, err = os.Readlink(path); err != nil {
			return err
		}
	}
	h, err := tar.FileInfoHeader(info, target)
	if err != nil {
		return err
	}
	rel, err := filepath.Rel(dir, path)
	if err != nil {
		return err
	}
	h.Name, h.Uid, h.Gid, h.Uname, h.Gname = filepath.ToSlash(rel), 0, 0, "", ""
	if d.IsDir() {
		h.Name += "/"
	}
	if err := tw.WriteHeader(h); err != nil || !info.Mode().IsRegular() {
		return err
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = io.Copy(tw, f)
	return err
}

// removeDelivered removes the volume of a build with a plain directory.
func removeDelivered(ctx context.Context, s *State) error {
	e := s.Endpoint
	if s.User != nil {
		e = s.User
	}
	if !s.Plain || e == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, removeLimit)
	defer cancel()
	api, err := e.connect(ctx)
	if err != nil {
		return err
	}
	err = removeNow(api, s.ID.filler())
	verr := volumes.Remove(api, s.ID.container(), new(volumes.RemoveOptions).WithForce(true))
	var answer *errorhandling.ErrorModel
	if errors.As(verr, &answer) && answer.Code() == http.StatusNotFound {
		verr = nil
	}
	if err := errors.Join(err, verr); err != nil {
		return fmt.Errorf("removing the build's volume at %s: %w", e, err)
	}
	return nil
}
