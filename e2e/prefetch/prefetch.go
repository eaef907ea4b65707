// Package prefetch is the old way, to compare with: everything that the lock
// files name is downloaded into a real directory before the build starts.
//
// It shares no code with lazybuild's own downloader, layout or lock rewriting,
// so that a comparison of the two ways means something. Only the list of files
// comes from `lazybuild tree --json`.
package prefetch

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// Workers is how many downloads run at once, as many as the scripts that
// lazybuild replaces use.
const Workers = 8

// Env is the cachi2.env of an output directory with Python packages at
// /cachi2/output, as Hermeto writes it.
const Env = "export PIP_FIND_LINKS=/cachi2/output/deps/pip\nexport PIP_NO_INDEX=true\n"

// Entry is one line of `lazybuild tree --json`.
type Entry struct {
	// Path below the output directory.
	Path string `json:"path"`
	// Size in bytes; nil when the lock states none.
	Size   *int64        `json:"size"`
	Digest digest.Digest `json:"digest"`
	URLs   []string      `json:"urls"`
}

// ReadTree reads the output of `lazybuild tree --json`. Generated files (those
// without a URL) are left out.
func ReadTree(r io.Reader) ([]Entry, error) {
	var entries []Entry
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		var e Entry
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			return nil, fmt.Errorf("reading the tree: %w in %q", err, lines.Text())
		}
		if len(e.URLs) > 0 {
			entries = append(entries, e)
		}
	}
	return entries, lines.Err()
}

// Stats is what one Fetch did. Files that were there already do not count.
type Stats struct {
	Files int
	Bytes int64
	Took  time.Duration
}

// Fetch downloads what is not yet there into dir, several files at a time, and
// checks every digest. A file that is there with the right digest is kept, as
// the scripts do that lazybuild replaces.
func Fetch(ctx context.Context, entries []Entry, dir string) (Stats, error) {
	start := time.Now()
	var files, size atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(Workers)
	// A connection for each: many servers limit the speed of one, and HTTP/2
	// would put all files on it.
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	client := &http.Client{Transport: &http.Transport{
		Proxy: http.ProxyFromEnvironment, MaxIdleConnsPerHost: Workers, Protocols: protocols,
	}}
	defer client.CloseIdleConnections()
	for _, e := range entries {
		group.Go(func() error {
			n, err := fetchOne(ctx, client, e, filepath.Join(dir, filepath.FromSlash(e.Path)))
			if err != nil {
				return fmt.Errorf("prefetching %s: %w", e.Path, err)
			}
			if n > 0 {
				files.Add(1)
				size.Add(n)
			}
			return nil
		})
	}
	err := group.Wait()
	return Stats{Files: int(files.Load()), Bytes: size.Load(), Took: time.Since(start)}, err
}

// fetchOne returns the number of bytes downloaded: 0 when the file was there.
func fetchOne(ctx context.Context, client *http.Client, e Entry, path string) (int64, error) {
	if old, err := os.ReadFile(path); err == nil && matches(e.Digest, old) == nil {
		return 0, nil
	}
	data, err := get(ctx, client, e.URLs)
	if err != nil {
		return 0, err
	}
	if err := matches(e.Digest, data); err != nil {
		return 0, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return 0, err
	}
	return int64(len(data)), os.WriteFile(path, data, 0o644)
}

// get tries the URLs in turn, three times: a comparison must not end with one
// lost packet.
func get(ctx context.Context, client *http.Client, urls []string) (data []byte, err error) {
	for range 3 {
		for _, url := range urls {
			data, err = getOnce(ctx, client, url)
			if err == nil || ctx.Err() != nil {
				return data, err
			}
		}
	}
	return nil, err
}

func getOnce(ctx context.Context, client *http.Client, url string) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	resp, err := client.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, errors.New(resp.Status)
	}
	return io.ReadAll(resp.Body)
}

// matches holds for content with the digest d, and for any content when d is empty.
func matches(d digest.Digest, data []byte) error {
	if d == "" {
		return nil
	}
	if d.NeedsFile() {
		got, err := digest.FromFile(d.Algorithm(), bytes.NewReader(data), int64(len(data)))
		if err == nil && got != d {
			err = fmt.Errorf("the content has the digest %s, not %s", got, d)
		}
		return err
	}
	h := d.Hash()
	if h == nil {
		return fmt.Errorf("the lock's digest %q is not valid", d)
	}
	h.Write(data)
	if got := digest.FromHash(d.Algorithm(), h); got != d {
		return fmt.Errorf("the content has the digest %s, not %s", got, d)
	}
	return nil
}
