package orchestrator

import (
	"archive/tar"
	"bytes"
	"context"
	"fmt"
	"io"

	"github.com/containers/podman/v5/pkg/bindings/images"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// proxyProgram is where the proxy container has lazybuild's executable.
const proxyProgram = "/lazybuild"

// ensureImage makes sure that podman has the proxy image and returns its name.
// tag is the program's: the image holds nothing else, so its tag is a digest, and
// a new version of lazybuild never runs an old proxy. An image that holds the
// executable is loaded once per version, one over which it is mounted once for
// all. It is never removed while builds may run.
func ensureImage(api context.Context, p program, tag string) (string, error) {
	ref := "localhost/lazybuild-proxy:" + tag
	if there, err := images.Exists(api, ref, nil); err != nil {
		return "", fmt.Errorf("asking podman for the proxy image: %w", err)
	} else if there {
		return ref, nil
	}
	img, err := proxyImage(p)
	if err != nil {
		return "", err
	}
	named, err := name.NewTag(ref)
	if err != nil {
		return "", err
	}
	r, w := io.Pipe()
	go func() { w.CloseWithError(tarball.Write(named, img, w)) }()
	defer r.Close()
	if _, err := images.Load(api, r); err != nil {
		return "", fmt.Errorf("loading the proxy image into podman: %w", err)
	}
	return ref, nil
}

// imageOf is ensureImage for a program whose tag may have to be waited for.
func imageOf(api context.Context, p program, tag func() (string, error)) (string, error) {
	t, err := tag()
	if err != nil {
		return "", err
	}
	return ensureImage(api, p, t)
}

// proxyImage builds the image in memory. Directories that the proxy's binds
// need are in it, because its root file system is read-only.
func proxyImage(p program) (v1.Image, error) {
	data, err := p.read()
	if err != nil {
		return nil, err
	}
	var layer bytes.Buffer
	tw := tar.NewWriter(&layer)
	for _, h := range []*tar.Header{
		{Name: "tmp/", Typeflag: tar.TypeDir, Mode: 0o1777},
		{Name: proxyProgram[1:], Typeflag: tar.TypeReg, Mode: 0o555, Size: int64(len(data))},
	} {
		if err := tw.WriteHeader(h); err != nil {
			return nil, err
		}
		if h.Typeflag == tar.TypeReg {
			if _, err := tw.Write(data); err != nil {
				return nil, err
			}
		}
	}
	if err := tw.Close(); err != nil {
		return nil, err
	}
	l, err := p.layer(layer.Bytes())
	if err != nil {
		return nil, fmt.Errorf("making the proxy image: %w", err)
	}
	img, err := mutate.AppendLayers(empty.Image, l)
	if err != nil {
		return nil, fmt.Errorf("making the proxy image: %w", err)
	}
	cfg, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	cfg = cfg.DeepCopy()
	cfg.OS, cfg.Architecture = "linux", p.arch
	cfg.Config.Entrypoint = []string{proxyProgram, "proxy"}
	return mutate.ConfigFile(img, cfg)
}

// layer makes a layer of a tar file. To a podman on this machine it goes as it
// is: packing and unpacking take three times as long as all the rest of loading
// the image.
func (p program) layer(data []byte) (v1.Layer, error) {
	if !p.far {
		return static.NewLayer(data, types.DockerUncompressedLayer), nil
	}
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		return io.NopCloser(bytes.NewReader(data)), nil
	}, tarball.WithCompressionLevel(1))
}
