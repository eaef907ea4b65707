package store

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/digest"
)

// Holder stands for a credential that somebody holds: what came by it is given
// to its holders alone. It is a keyed hash; the key is random and is in the store
// (v1/key), so a Holder tells nothing about the credential, here or elsewhere.
type Holder string

// public stands in a blob's facts for everybody.
const public = "public"

// Holder makes the Holder of a credential from what identifies it, which is not
// kept. It makes the store's key when there is none.
func (s *Store) Holder(ctx context.Context, identity string) (Holder, error) {
	key, err := s.holderKey(ctx)
	if err != nil {
		return "", fmt.Errorf("reading the store's key: %w", err)
	}
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(identity))
	return Holder(hex.EncodeToString(mac.Sum(nil)[:16])), nil
}

const (
	keyName  = "key"
	keyBytes = 32
)

// holderKey reads the key, or makes it. What a power cut has left of one is no
// key: a new one costs the downloads that came by credentials.
func (s *Store) holderKey(ctx context.Context) ([]byte, error) {
	key, err := s.readHolderKey()
	if err != nil || key != nil {
		return key, err
	}
	if s.readOnly {
		return random(), nil // nothing in this store is for it
	}
	unlock, err := s.lock(ctx, keyName)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if key, err := s.readHolderKey(); err != nil || key != nil {
		return key, err
	}
	key = random()
	return key, s.writeSmall(keyName, key, "key")
}

func (s *Store) readHolderKey() ([]byte, error) {
	key, err := s.readSmall(keyName, keyBytes)
	switch {
	case errors.Is(err, fs.ErrNotExist), err == nil && len(key) != keyBytes:
		return nil, nil
	}
	return key, err
}

func random() []byte {
	key := make([]byte, keyBytes)
	rand.Read(key) // never fails
	return key
}

// View is a Store as the holder of some credentials sees it: contents that came
// by other credentials are not there. To see one of those, a holder has to fetch
// it by himself, with what he holds or with nothing; then he sees it too. A
// View that holds nothing sees what is public.
//
// Whose a content is stands in its facts. Facts that are lost make it nobody's,
// until somebody fetches it again. Keys (PutKey, Make) of Views with different
// holders never meet.
type View struct {
	s  *Store
	by []Holder
	// tag names the set of holders; empty for none.
	tag string
}

// As returns the store as the holders see it, all of them in one.
func (s *Store) As(by ...Holder) *View {
	by = slices.Compact(slices.Sorted(slices.Values(by)))
	v := &View{s: s, by: by}
	if len(by) > 0 {
		h := sha256.New()
		for _, b := range by {
			fmt.Fprintln(h, b)
		}
		v.tag = hex.EncodeToString(h.Sum(nil)[:8])
	}
	return v
}

// Tag names the set of holders, for names of whatever is kept for them; it is
// empty for a View that holds nothing.
func (v *View) Tag() string { return v.tag }

// Get is Store.Get for what the View sees.
func (v *View) Get(d digest.Digest) (*os.File, Info, error) {
	if err := v.mayRead(d); err != nil {
		return nil, Info{}, err
	}
	return v.s.Get(d)
}

// Stat is Store.Stat for what the View sees.
func (v *View) Stat(d digest.Digest) (Info, error) {
	if err := v.mayRead(d); err != nil {
		return Info{}, err
	}
	return v.s.Stat(d)
}

// GetKey is Store.GetKey for what the same holders have put.
func (v *View) GetKey(key string) (*os.File, Info, error) { return v.s.get(v.keyRef(key)) }

// Put is Store.Put for what the View sees: a blob that it does not see is filled
// again, from the start, and what an earlier try has left is continued only if
// that was the same holders'.
func (v *View) Put(ctx context.Context, want digest.Digest, size int64, fill Fill) (*os.File, Info, error) {
	r, err := digestRef(want)
	if err != nil {
		return nil, Info{}, err
	}
	return v.s.put(ctx, r, size, v, fill)
}

// PutKey is Store.PutKey for the same holders.
func (v *View) PutKey(ctx context.Context, key string, size int64, fill Fill) (*os.File, Info, error) {
	return v.s.put(ctx, v.keyRef(key), size, v, fill)
}

// Make is Store.Make for the same holders. The result is theirs: it may be made
// of what they alone may see.
func (v *View) Make(ctx context.Context, key string, produce func(ctx context.Context, w io.Writer) error) (*os.File, Info, error) {
	return v.PutKey(ctx, key, SizeUnknown, func(ctx context.Context, p *Partial) error {
		p.CameBy(v.by...)
		return produce(ctx, p)
	})
}

func (v *View) keyRef(key string) ref {
	if v.tag != "" {
		key = "held:" + v.tag + ":" + key
	}
	return keyRef(key)
}

// errNotYours is why a blob is not there for a View.
var errNotYours = fmt.Errorf("it came by a credential that is not held here: %w", fs.ErrNotExist)

func (v *View) mayRead(d digest.Digest) error {
	r, err := digestRef(d)
	if err != nil {
		return err
	}
	sum, err := v.s.sum(r)
	if err != nil {
		return err
	}
	if !v.sees(sum) {
		return errNotYours
	}
	return nil
}

// sees says whether a blob is public, or one of the holders'. That a blob is
// public is remembered in memory: it stays so.
func (v *View) sees(sum digest.Digest) bool {
	if _, ok := v.s.everybodys.Load(sum); ok {
		return true
	}
	f, err := v.s.readFacts(sum)
	if err != nil {
		return false
	}
	v.s.learn(sum, f)
	return slices.ContainsFunc(f.access, func(a string) bool {
		return a == public || slices.Contains(v.by, Holder(a))
	})
}

// CameBy notes that the content being written came by the credentials of these
// holders. Without a note it is public. It is for the goroutine that fills.
func (p *Partial) CameBy(by ...Holder) {
	for _, b := range by {
		if !slices.Contains(p.by, b) {
			p.by = append(p.by, b)
		}
	}
}

// access is who may see the content once it is a blob.
func (p *Partial) access() []string {
	if len(p.by) == 0 {
		return []string{public}
	}
	var out []string
	for _, b := range p.by {
		out = append(out, string(b))
	}
	return out
}

// mergeAccess is who may see a blob after somebody more has fetched it.
func mergeAccess(a, b []string) []string {
	if slices.Contains(a, public) || slices.Contains(b, public) {
		return []string{public}
	}
	return slices.Compact(slices.Sorted(slices.Values(slices.Concat(a, b))))
}

// partialName is that of the partial of r for a View; nil is one that holds
// nothing.
func (v *View) partialName(r ref) string {
	if v == nil || v.tag == "" {
		return partialPath(r.name())
	}
	return partialPath(r.name() + tagMark + v.tag)
}

// tagMark is in front of a tag in the name of a partial.
const tagMark = "@"

// lockOf is the name of the lock under which a partial is written.
func lockOf(partial string) string {
	name, _, _ := strings.Cut(partial, tagMark)
	return name
}
