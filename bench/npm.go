//go:build linux

package main

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/lazybuild/lazybuild/e2e/prefetch"
	"github.com/lazybuild/lazybuild/e2e/realapp"
)

const npmFile = "FROM " + realapp.BaseImage + `
WORKDIR /app
COPY package.json package-lock.json ./
RUN %snpm ci %s--no-audit --no-fund --ignore-scripts --cache /var/cache/npm
`

// npm is the installation of the real application's npm packages.
func (m *maker) npm(ctx context.Context, w *workload) error {
	locks, files, err := m.app(ctx)
	if err != nil {
		return err
	}
	entries, err := m.tree(ctx, locks)
	if err != nil {
		return err
	}
	lock, err := os.ReadFile(filepath.Join(locks, "package-lock.json"))
	if err != nil {
		return err
	}
	manifest, err := os.ReadFile(filepath.Join(locks, "package.json"))
	if err != nil {
		return err
	}
	// Through the paths in the output directory, because a lock need not have
	// URLs: npm can leave out those of its registry.
	if lock, err = prefetch.RewritePackageLock(lock, "/cachi2/output"); err != nil {
		return err
	}
	if err := write(map[string]string{"package-lock.json": string(lock)}, w.local); err != nil {
		return err
	}
	if lock, err = m.atOrigin(lock, below(entries, "deps/npm/"), files); err != nil {
		return err
	}
	if err := write(map[string]string{"package-lock.json": string(lock)}, w.lazy, w.direct); err != nil {
		return err
	}
	if err := write(map[string]string{"package.json": string(manifest)}, w.lazy, w.local, w.direct); err != nil {
		return err
	}
	// npm copies into its cache what it installs. That stays out of the image, as
	// it does where the cache is a mount.
	offline := fmt.Sprintf(npmFile, "--mount=type=tmpfs,target=/var/cache/npm ", "--offline ")
	if err := write(map[string]string{"Containerfile": offline}, w.lazy, w.local); err != nil {
		return err
	}
	// Without a registry that answers, npm would wait for one.
	direct := fmt.Sprintf(npmFile, cacheMount+"/var/cache/npm ", "--registry "+m.origin.URL+" ")
	if err := write(map[string]string{"Containerfile": direct}, w.direct); err != nil {
		return err
	}
	if err := m.takeEntries(ctx, w, files, lock); err != nil {
		return err
	}
	w.what = fmt.Sprintf("npm ci, %d packages, %s, %s of them for this platform", len(w.all),
		humanize.Bytes(uint64(w.allBytes)), humanize.Bytes(uint64(w.bytes)))
	return nil
}

// atOrigin publishes the entries' files, which are below dir, and makes a
// rewritten lock name the origin.
func (m *maker) atOrigin(lock []byte, entries []prefetch.Entry, dir string) ([]byte, error) {
	if _, err := m.publish(entries, dir); err != nil {
		return nil, err
	}
	var pairs []string
	for _, e := range entries {
		u, err := url.Parse(e.URLs[0])
		if err != nil {
			return nil, err
		}
		pairs = append(pairs, `"file:///cachi2/output/`+e.Path+`"`, `"`+m.origin.URL+u.Path+`"`)
	}
	return []byte(strings.NewReplacer(pairs...).Replace(string(lock))), nil
}
