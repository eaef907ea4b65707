package index

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/lazybuild/lazybuild/pkg/locks"
)

// form is the version of what is remembered; another one is another key.
const form = "1"

// key names the answer for a package: it changes with everything that could
// change the answer, and holds no credential.
func (q *query) key(u *locks.Unresolved) string {
	h := sha256.New()
	q.write(h, u)
	return hex.EncodeToString(h.Sum(nil))
}

// keyOfAll names the answers for all packages of a lock.
func (q *query) keyOfAll(packages []locks.Unresolved) string {
	h := sha256.New()
	for i := range packages {
		q.write(h, &packages[i])
	}
	return hex.EncodeToString(h.Sum(nil))
}

// write writes what decides about the answer, each part with an end that is in
// no part.
func (q *query) write(h hash.Hash, u *locks.Unresolved) {
	digests := slices.Clone(u.Digests)
	slices.Sort(digests)
	b := make([]byte, 0, 256+80*len(digests))
	part := func(s string) { b = append(append(b, s...), 0) }
	part(form)
	for i := range q.sites {
		part(q.sites[i].plain)
	}
	part("")
	part(locks.NormalizePyName(u.Name))
	part(u.Version)
	for _, d := range digests {
		part(string(d))
	}
	part("")
	h.Write(b)
}

func (c *Client) path(key string) string { return filepath.Join(c.opt.Dir, key[:2], key+".json") }

// remembered returns what is known under a key; nil when that is nothing, or
// nothing that can be read.
func (c *Client) remembered(key string) []found {
	var files []found
	if !c.load(key, &files) || !sound(files) {
		return nil
	}
	return files
}

// load reads a file of what is remembered.
func (c *Client) load(key string, into any) bool {
	if c.opt.Dir == "" {
		return false
	}
	path := c.path(key)
	data, err := os.ReadFile(path)
	if err != nil || json.Unmarshal(data, into) != nil {
		return false
	}
	touch(path)
	return true
}

// touchEvery is how exactly the time of the last use is kept.
const touchEvery = 24 * time.Hour

// touch tells whoever cleans up that the file is of use.
func touch(path string) {
	now := time.Now()
	if fi, err := os.Stat(path); err == nil && now.Sub(fi.ModTime()) > touchEvery {
		_ = os.Chtimes(path, now, now) // it may be somebody else's disk: read-only
	}
}

// sound says that files can be an answer.
func sound(files []found) bool {
	for _, f := range files {
		if f.Name == "" || f.URL == "" || f.Digest != "" && !f.Digest.Valid() || f.Size < locks.SizeUnknown {
			return false
		}
	}
	return len(files) > 0
}

// remember keeps an answer, if it can be kept.
func (c *Client) remember(key string, files []found) {
	if !signed(files) {
		c.save(key, files)
	}
}

// signed says that a URL may be good for today only.
func signed(files []found) bool {
	return slices.ContainsFunc(files, func(f found) bool { return strings.Contains(f.URL, "?") })
}

// save writes a file of what is remembered. There is no fsync, on purpose: a
// power cut can only lose the file or leave it empty, which costs a request.
func (c *Client) save(key string, value any) {
	if c.opt.Dir == "" {
		return
	}
	data, err := json.Marshal(value)
	if err != nil {
		return
	}
	path := c.path(key)
	if os.MkdirAll(filepath.Dir(path), 0o700) != nil {
		return
	}
	tmp, err := os.CreateTemp(filepath.Dir(path), ".new-*")
	if err != nil {
		return
	}
	_, err = tmp.Write(data)
	if tmp.Close() != nil || err != nil || os.Rename(tmp.Name(), path) != nil {
		os.Remove(tmp.Name())
	}
}

// manyPackages is from where on the answers of a whole lock are kept in one
// more file: opening thousands takes longer than reading them.
const manyPackages = 200

func (q *query) recallAll(packages []locks.Unresolved) bool {
	if len(packages) < manyPackages {
		return false
	}
	var all [][]found
	if !q.c.load(q.keyOfAll(packages), &all) || len(all) != len(packages) {
		return false
	}
	for _, files := range all {
		if !sound(files) {
			return false
		}
	}
	q.files, q.whole = all, true
	return true
}

func (q *query) rememberAll(packages []locks.Unresolved) {
	if len(packages) >= manyPackages && !q.whole && !slices.ContainsFunc(q.files, signed) {
		q.c.save(q.keyOfAll(packages), q.files)
	}
}
