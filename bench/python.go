//go:build linux

package main

import (
	"archive/zip"
	"cmp"
	"context"
	"fmt"
	"html"
	"io"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/lazybuild/lazybuild/e2e/prefetch"
	"github.com/lazybuild/lazybuild/e2e/realapp"
)

const pythonFile = "FROM " + realapp.BaseImage + `
WORKDIR /app
COPY requirements.txt ./
RUN %s
`

// installers are the commands that install requirements.txt: from find-links,
// and from an index with a cache. pip keeps what comes over plain HTTP in its
// cache only if the host is a trusted one.
var installers = map[string]struct{ local, direct, cache string }{
	"uv": {
		". /cachi2/cachi2.env && uv pip install --system --break-system-packages --no-cache --no-deps --no-index --find-links /cachi2/output/deps/pip -r requirements.txt",
		"uv pip install --system --break-system-packages --no-deps --index-url URL/simple/ -r requirements.txt", "/root/.cache/uv",
	},
	"pip": {
		". /cachi2/cachi2.env && pip install --break-system-packages --root-user-action=ignore --no-compile --no-cache-dir --no-deps -r requirements.txt",
		"pip install --break-system-packages --root-user-action=ignore --no-compile --no-deps --trusted-host HOST --index-url URL/simple/ -r requirements.txt", "/root/.cache/pip",
	},
}

// python is the installation of the real application's Python packages, by
// pip or uv.
func (m *maker) python(ctx context.Context, w *workload) error {
	locks, files, err := m.app(ctx)
	if err != nil {
		return err
	}
	entries, err := m.tree(ctx, locks)
	if err != nil {
		return err
	}
	wheels := below(entries, "deps/pip/")
	toOrigin, err := m.publish(wheels, files)
	if err != nil {
		return err
	}
	if err := m.index(wheels, files, toOrigin); err != nil {
		return err
	}
	lock, err := os.ReadFile(filepath.Join(locks, "pylock.toml"))
	if err != nil {
		return err
	}
	wanted, err := os.ReadFile(filepath.Join(locks, "requirements.install.txt"))
	if err != nil {
		return err
	}
	tool, part := strings.CutSuffix(w.name, "-part")
	if part {
		big := bigProjects(wheels, files)
		lock, wanted = withoutPackages(lock, big), withoutLines(wanted, big)
	}
	if err := write(map[string]string{"requirements.txt": string(wanted)}, w.lazy, w.local, w.direct); err != nil {
		return err
	}
	how := installers[tool]
	err = write(map[string]string{"pylock.toml": toOrigin.Replace(string(lock)), "Containerfile": fmt.Sprintf(pythonFile, how.local)}, w.lazy, w.local)
	if err != nil {
		return err
	}
	_, host, _ := strings.Cut(m.origin.URL, "://")
	direct := cacheMount + how.cache + " " + strings.NewReplacer("URL", m.origin.URL, "HOST", host).Replace(how.direct)
	if err := write(map[string]string{"Containerfile": fmt.Sprintf(pythonFile, direct)}, w.direct); err != nil {
		return err
	}
	if err := m.takeEntries(ctx, w, files, nil); err != nil {
		return err
	}
	w.what = fmt.Sprintf("%s install, %d packages, %d files with %s, %s of them for this platform", tool, strings.Count(string(wanted), "=="),
		len(w.all), humanize.Bytes(uint64(w.allBytes)), humanize.Bytes(uint64(w.bytes)))
	env := filepath.Join(m.work, w.name, "cachi2.env")
	w.volumes = []string{"-v", env + ":/cachi2/cachi2.env:ro"}
	return os.WriteFile(env, []byte(prefetch.Env), 0o644)
}

// partLimit is the size from which a file makes its package too large for the
// workloads of slow links.
const partLimit = 2_000_000

// bigProjects are the projects that have a large file.
func bigProjects(entries []prefetch.Entry, dir string) map[string]bool {
	big := map[string]bool{}
	for _, e := range entries {
		if fi, err := os.Stat(filepath.Join(dir, e.Path)); err == nil && fi.Size() > partLimit {
			big[project(path.Base(e.Path))] = true
		}
	}
	return big
}

// withoutPackages leaves projects out of a pylock.toml.
func withoutPackages(lock []byte, projects map[string]bool) []byte {
	const begin = "[[packages]]\nname = \""
	parts := strings.Split(string(lock), begin)
	kept := parts[:1]
	for _, p := range parts[1:] {
		name, _, _ := strings.Cut(p, "\"")
		if !projects[name] {
			kept = append(kept, p)
		}
	}
	return []byte(strings.Join(kept, begin))
}

// withoutLines leaves projects out of a requirements file.
func withoutLines(wanted []byte, projects map[string]bool) []byte {
	var kept strings.Builder
	for line := range strings.Lines(string(wanted)) {
		name, _, _ := strings.Cut(line, "==")
		if !projects[strings.TrimSpace(name)] {
			kept.WriteString(line)
		}
	}
	return []byte(kept.String())
}

// index publishes a package index of the wheels and archives (PEP 503), with
// the wheels' metadata beside them (PEP 658), as indexes of today have it.
func (m *maker) index(entries []prefetch.Entry, dir string, toOrigin *strings.Replacer) error {
	pages := map[string]*strings.Builder{}
	for _, e := range entries {
		file, url := path.Base(e.Path), toOrigin.Replace(e.URLs[0])
		project := project(file)
		if pages[project] == nil {
			pages[project] = &strings.Builder{}
		}
		attr := ""
		if strings.HasSuffix(file, ".whl") {
			metadata, err := wheelMetadata(filepath.Join(dir, e.Path))
			if err != nil {
				return err
			}
			m.origin.AddPage(strings.TrimPrefix(url, m.origin.URL)+".metadata", metadata)
			attr = ` data-core-metadata="true"`
		}
		fmt.Fprintf(pages[project], "<a href=\"%s#%s=%s\"%s>%s</a>\n", html.EscapeString(url), e.Digest.Algorithm(), e.Digest.Hex(), attr, html.EscapeString(file))
	}
	for project, links := range pages {
		m.origin.AddPage("/simple/"+project+"/", []byte("<!DOCTYPE html>\n<html><body>\n"+links.String()+"</body></html>\n"))
	}
	return nil
}

// project is the normalised name (PEP 503) of a wheel's or archive's project.
func project(file string) string {
	name, _, isWheel := strings.Cut(file, "-")
	if !strings.HasSuffix(file, ".whl") || !isWheel {
		name = file[:cmp.Or(max(0, strings.LastIndexByte(file, '-')), len(file))]
	}
	return strings.ToLower(strings.NewReplacer("_", "-", ".", "-").Replace(name))
}

func wheelMetadata(file string) ([]byte, error) {
	z, err := zip.OpenReader(file)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", file, err)
	}
	defer z.Close()
	for _, f := range z.File {
		if ok, _ := path.Match("*.dist-info/METADATA", f.Name); ok {
			r, err := f.Open()
			if err != nil {
				return nil, err
			}
			defer r.Close()
			return io.ReadAll(r)
		}
	}
	return nil, fmt.Errorf("%s has no METADATA", file)
}
