package plan

import (
	"bytes"
	"crypto/sha256"
	"encoding/gob"
	"encoding/hex"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lazybuild/lazybuild/internal/sumfile"
	"github.com/lazybuild/lazybuild/pkg/tree"
)

// A Cache keeps plans, because reading a lock of ten thousand artifacts and
// making a tree of it takes longer than starting everything else. A kept plan is
// used again only for equal Options and the same Program, and only where
// everything that was looked at to make it (files by their content, the names of
// locks in directories, links, owners, the user's registries) looks the same now.
// What is missing, damaged or does not fit is made anew; no error is the cache's.
//
// Not kept are small plans, those for which a package index was asked, and those
// in which a credential stands: it must not outlive the file that it came from.
type Cache struct {
	// Dir is a directory of this user alone; empty means that nothing is kept.
	// Whoever cleans it up goes by mtime, the time of the last use.
	Dir string
	// Program names the executable: one that differs in any way has another name.
	Program string
	// Least is the length in bytes of the wire form of a tree that is worth it.
	Least int
	// Found, if not nil, is called when there is a plan of these options, before it
	// is known whether it is still right.
	Found func()
}

// Make is the function Make with the cache before it.
func (c Cache) Make(o Options) (*Plan, error) {
	if c.Dir == "" || c.Program == "" {
		return Make(o)
	}
	if err := o.complete(); err != nil {
		return nil, err
	}
	path := c.path(o)
	if p := c.load(path, o.look); p != nil {
		return p, nil
	}
	p, err := o.make()
	if err == nil && !o.look.asked && !p.secret() {
		c.save(path, o.look.notes, p)
	}
	return p, err
}

// form is the version of what is kept.
const form = "1"

// path is the file for plans of these options.
func (c Cache) path(o Options) string {
	o.look = nil
	h := sha256.New()
	writeValue(h, reflect.ValueOf([]string{form, c.Program}))
	writeValue(h, reflect.ValueOf(o))
	return filepath.Join(c.Dir, hex.EncodeToString(h.Sum(nil)[:16])+".plan")
}

// kept is a plan without what is long, and what it was made from.
type kept struct {
	Notes []sighting
	Plan  Plan
	// Tree and Rewrites name the files of Dir with the tree's wire form and, by
	// path, with the contents of the plan's Rewrites.
	Tree     string
	Rewrites map[string]string
}

// load returns the plan in a file if it is still right, else nil.
func (c Cache) load(path string, l *looker) *Plan {
	data, err := os.ReadFile(path)
	if err != nil || len(data) < sha256.Size {
		return nil
	}
	if sum := sha256.Sum256(data[sha256.Size:]); !bytes.Equal(sum[:], data[:sha256.Size]) {
		return nil
	}
	var k kept
	if gob.NewDecoder(bytes.NewReader(data[sha256.Size:])).Decode(&k) != nil {
		return nil
	}
	if c.Found != nil {
		c.Found()
	}
	// Reading what is long takes as long as looking at all that it was made from.
	var long errgroup.Group
	long.Go(func() error { return c.complete(&k) })
	for _, s := range k.Notes {
		if !l.again(s) {
			_ = long.Wait()
			return nil
		}
	}
	if long.Wait() != nil {
		return nil
	}
	touch(path)
	return &k.Plan
}

// complete reads what is long, each file beside the others.
func (c Cache) complete(k *kept) error {
	p := &k.Plan
	p.Rewrites = make(map[string][]byte, len(k.Rewrites))
	p.TreeFile, p.RewriteFiles = k.Tree, k.Rewrites
	var all errgroup.Group
	all.Go(func() error {
		path := filepath.Join(c.Dir, k.Tree)
		err := sumfile.ReadWith(path, func(data []byte) (err error) {
			p.Tree, err = tree.DecodeKept(data)
			return err
		})
		if err == nil {
			touch(path)
		}
		return err
	})
	all.Go(func() (err error) {
		for of, name := range k.Rewrites {
			path := filepath.Join(c.Dir, name)
			if p.Rewrites[of], err = sumfile.Read(path); err != nil {
				return err
			}
			touch(path)
		}
		return nil
	})
	return all.Wait()
}

func touch(path string) {
	now := time.Now()
	_ = os.Chtimes(path, now, now) // it may be on a disk that is read-only
}

// save keeps a plan that is worth it, and tells it in which files it is.
func (c Cache) save(path string, notes []sighting, p *Plan) {
	var wire bytes.Buffer
	if tree.Encode(&wire, p.Tree) != nil || wire.Len() < c.Least {
		return
	}
	k := kept{Notes: notes, Plan: *p, Rewrites: map[string]string{}}
	k.Plan.Tree, k.Plan.Rewrites = nil, nil
	var err error
	if k.Tree, err = sumfile.Write(c.Dir, wire.Bytes()); err != nil {
		return
	}
	for path, data := range p.Rewrites {
		if k.Rewrites[path], err = sumfile.Write(c.Dir, data); err != nil {
			return
		}
	}
	p.TreeFile, p.RewriteFiles = k.Tree, k.Rewrites
	body := bytes.NewBuffer(make([]byte, sha256.Size))
	if gob.NewEncoder(body).Encode(&k) != nil {
		return
	}
	data := body.Bytes()
	head := sha256.Sum256(data[sha256.Size:])
	copy(data, head[:])
	_ = sumfile.Replace(path, data) // without it the plan is made again
}

// userInfo finds credentials in URLs in any text.
var userInfo = regexp.MustCompile(`://[^/?#\s"']*@`)

// repoSecret finds them in a repository file of dnf.
var repoSecret = regexp.MustCompile(`(?i)user|pass|token|auth`)

// secret says that a credential may stand in the plan.
func (p *Plan) secret() bool {
	if len(p.Auth) > 0 {
		return true
	}
	for u := range p.URLs() {
		if strings.Contains(u, "@") && userInfo.MatchString(u) {
			return true
		}
	}
	for _, data := range p.ReposD {
		if userInfo.Match(data) || repoSecret.Match(data) {
			return true
		}
	}
	for _, data := range p.Rewrites {
		if userInfo.Match(data) {
			return true
		}
	}
	texts := slices.Concat(p.Indexes, p.Warnings, p.Notes)
	for _, e := range p.Env {
		texts = append(texts, e.Value)
	}
	return slices.ContainsFunc(texts, userInfo.MatchString) || p.secretContent()
}

// secretContent says so of the tree's generated files. bom.json, the longest by
// far, is made without user information.
func (p *Plan) secretContent() bool {
	return slices.ContainsFunc(p.Tree.Files, func(f tree.File) bool {
		return f.Content != nil && f.Path != "bom.json" &&
			(userInfo.Match(f.Content) || strings.HasSuffix(f.Path, ".repo") && repoSecret.Match(f.Content))
	})
}
