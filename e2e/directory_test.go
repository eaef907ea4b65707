//go:build e2e

package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// command runs another command of lazybuild than the build.
func (p *project) command(args ...string) string {
	p.t.Helper()
	cmd := exec.Command(binary(), args...)
	cmd.Dir = p.dir
	cmd.Env = append(append(os.Environ(), "LAZYBUILD_STORE="+p.store, "TMPDIR="+p.tmp), p.env...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("lazybuild %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// installPython leaves npm out: its lock has to be rewritten in the context, which
// only a lazy build does.
const installPython = `FROM localhost/lazybuild-test/base:bookworm
WORKDIR /app
RUN cp /cachi2/output/deps/generic/data.bin /app/data.bin
COPY requirements.install.txt ./
RUN . /cachi2/cachi2.env && uv pip install --system --break-system-packages --no-cache --no-index --no-deps --find-links /cachi2/output/deps/pip -r requirements.install.txt
`

// A directory of real files, and a mount without podman, give podman's own
// build the same image as lazybuild.
func TestPlainPodmanBuildsFromADirectory(t *testing.T) {
	s := newSample(t)
	s.write("Containerfile", installPython)
	lazyImage := s.image()
	s.must("-f", "Containerfile", "-t", lazyImage, "--network=none", "--no-cache")
	want := files(t, lazyImage)

	t.Run("materialized", func(t *testing.T) {
		out := filepath.Join(s.tmp, "output")
		said := s.command("materialize", "--output", out, ".")
		if !strings.Contains(said, "fetched") {
			t.Errorf("%s", said)
		}
		image := lazyImage + "-materialized"
		podman(t, "build", "-t", image, "--network=none", "--no-cache", "--security-opt=label=disable",
			"-v", out+":/cachi2/output", "-v", out+"/cachi2.env:/cachi2/cachi2.env:ro", s.dir)
		if list := differences(want, files(t, image)); len(list) > 0 {
			t.Errorf("%d files differ:\n%s", len(list), strings.Join(list, "\n"))
		}
		if diff := cmp.Diff(pythonInstalled(t, lazyImage), pythonInstalled(t, image)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("mounted", func(t *testing.T) {
		out, env := filepath.Join(s.tmp, "mounted"), filepath.Join(s.tmp, "output", "cachi2.env")
		image := lazyImage + "-mounted"
		s.command("mount", out, ".", "--", "podman", "build", "-t", image, "--network=none", "--no-cache", "--security-opt=label=disable",
			"-v", out+":/cachi2/output", "-v", env+":/cachi2/cachi2.env:ro", s.dir)
		if list := differences(want, files(t, image)); len(list) > 0 {
			t.Errorf("%d files differ:\n%s", len(list), strings.Join(list, "\n"))
		}
	})
}

// pythonInstalled is what the image's program says.
func pythonInstalled(t *testing.T, image string) string {
	t.Helper()
	return inImage(t, image, `cat data.bin; echo; python3 -c 'import lazysample; print(lazysample.VALUE)'`)
}

// Where FUSE cannot be had, a build does not start, unless a plain directory is
// good enough; then it gives the same image, and leaves nothing.
//
// Shows S72.
func TestBuildWithoutFUSE(t *testing.T) {
	if isRemote() {
		useService(t, "root")
	}
	s := newSample(t)
	want := s.image()
	s.must("-f", "Containerfile", "-t", want, "--network=none", "--no-cache")
	before := s.take()

	if isRemote() {
		useService(t, "nofuse")
	} else {
		s.within = []string{"unshare", "-m", "sh", "-c", `mount --bind /dev/null /dev/fuse && exec "$@"`, "sh"}
	}
	r := s.start("-f", "Containerfile")
	r.wait()
	if code := r.code(); code != 125 || !strings.Contains(r.err.String(), "cannot be mounted") {
		t.Errorf("exit code %d\n%s", code, r)
	}
	s.nothingLeft(before)

	image := want + "-plain"
	r = s.start("-f", "Containerfile", "-t", image, "--network=none", "--no-cache", "--lazy-fallback=materialize")
	r.wait()
	if code := r.code(); code != 0 || !strings.Contains(r.err.String(), "going on without a mount") {
		t.Fatalf("exit code %d\n%s", code, r)
	}
	if list := differences(files(t, want), files(t, image)); len(list) > 0 {
		t.Errorf("%d files differ:\n%s", len(list), strings.Join(list, "\n"))
	}
	if diff := cmp.Diff(installed(t, want), installed(t, image)); diff != "" {
		t.Error(diff)
	}
	if rep := r.read(); rep.Proxy.Mode != "none" {
		t.Errorf("the report speaks of a proxy: %+v", rep.Proxy)
	}
	s.nothingLeft(before)
}

// The repositories of an RPM lock are written out with repodata, made either way,
// and dnf installs from the directory without lazybuild.
func TestDnfInstallsFromMaterializedRepositories(t *testing.T) {
	needImage(t, dnfImage)
	p := &rpmProject{project: newProject(t, nil), origin: newRPMOrigin(t), world: theWorld(t), base: dnfImage}
	for _, name := range transaction() {
		p.lock(name)
	}
	p.writeLock()
	for _, metadata := range []string{"headers", "createrepo_c"} {
		t.Run(metadata, func(t *testing.T) {
			out := filepath.Join(p.tmp, metadata)
			p.command("materialize", "--output", out, "--lazy-rpm-metadata="+metadata, ".")
			got := podman(t, "run", "--rm", "--network=none", "-v", out+":/cachi2/output:ro",
				"-v", filepath.Join(out, "deps/rpm", rpmArch, "repos.d")+":/etc/yum.repos.d:ro", dnfImage, "sh", "-euc",
				installApp+` --nogpgcheck >&2; rpm -qa --qf '%{name}\n' | grep -c '^app'`)
			if got != "36" {
				t.Errorf("%s packages are installed, want 36", got)
			}
		})
	}
}
