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

// form is the version of what is remembered; another one is another key. In form
// 1 it was not kept whose an answer is.
const form = "2"

// key names the answer for a package that the holders of holder may see ("":
// everybody): it changes with everything that could change the answer, and holds
// no credential.
func (q *query) key(u *locks.Unresolved, holder string) string {
	h := sha256.New()
	h.Write([]byte(holder + "\x00"))
	q.write(h, u)
	return hex.EncodeToString(h.Sum(nil))
}

// keyOfAll names the answers for all packages of a lock.
func (q *query) keyOfAll(packages []locks.Unresolved, holder string) string {
	h := sha256.New()
	h.Write([]byte(holder + "\x00"))
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

// holders are those under whose names q may look: everybody's, and its own.
func (q *query) holders() []string {
	if q.holder == "" {
		return []string{""}
	}
	return []string{q.holder, ""}
}

// remembered returns what is known of a package, and whether it is the holder's
// alone; nil when that is nothing, or nothing that can be read.
func (q *query) remembered(u *locks.Unresolved) (files []found, private bool) {
	for _, holder := range q.holders() {
		if q.c.load(q.key(u, holder), &files) && sound(files) {
			return files, holder != ""
		}
	}
	return nil, false
}

// keep is the name under which an answer is kept; false where it can't be:
// nobody would know again who may see it.
func (q *query) keep(private bool) (holder string, ok bool) {
	if private {
		return q.holder, q.holder != ""
	}
	return "", true
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
func (q *query) remember(u *locks.Unresolved, files []found, private bool) {
	if holder, ok := q.keep(private); ok && !signed(files) {
		q.c.save(q.key(u, holder), files)
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
	return len(packages) >= manyPackages && slices.ContainsFunc(q.holders(), func(holder string) bool {
		return q.recallAllOf(packages, holder)
	})
}

func (q *query) recallAllOf(packages []locks.Unresolved, holder string) bool {
	var all [][]found
	if !q.c.load(q.keyOfAll(packages, holder), &all) || len(all) != len(packages) {
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
	holder, ok := q.keep(slices.Contains(q.private, true))
	if ok && len(packages) >= manyPackages && !q.whole && !slices.ContainsFunc(q.files, signed) {
		q.c.save(q.keyOfAll(packages, holder), q.files)
	}
}
