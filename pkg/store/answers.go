package store

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// answerDirs are directories beside v1 in which small files are kept that could
// be had again by asking: what package indexes and registries have said, and plans. Their
// form is no business of the store, which measures them and keeps them small.
var answerDirs = []string{"index", "plans", "podman", "registries"}

// What answers may cost. A file of them has some hundred bytes per package.
const (
	answersAge   = 180 * 24 * time.Hour // not used for so long
	answersBytes = 256 << 20            // in all, or a twentieth of the store's limit
	answersShare = 20
)

// Beside returns the directory name beside the contents of the store in dir, and
// makes it when it is missing. It is for answers (index, plans, podman, registries), which the
// store measures and cleans up: a file there must be made anew when it is lost,
// appear by rename, and have the time of its last use as its mtime. It returns an
// *UnsafeError when another user could have written there, as Open does; the
// answers say which bytes are the right ones.
func Beside(dir, name string) (string, error) {
	uid := os.Geteuid()
	dir, err := resolve(dir, uid)
	if err != nil {
		return "", err
	}
	sub := filepath.Join(dir, name)
	// On a read-only file system what is there can still be read.
	if err := os.MkdirAll(sub, 0o700); err != nil && !isReadOnly(err) {
		return "", err
	}
	for _, d := range []string{dir, sub} {
		fi, err := os.Lstat(d)
		if err != nil {
			return "", err
		}
		if err := checkOwn(d, fi, uid); err != nil {
			return "", err
		}
	}
	return sub, nil
}

// besides calls fn for each file of the directories beside v1, with its path
// below the store's directory. Where there are none it is not called.
func (s *Store) besides(ctx context.Context, dirs []string, fn func(root *os.Root, name string, fi fs.FileInfo) error) error {
	root, err := os.OpenRoot(s.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	for _, dir := range dirs {
		err := eachFileIn(ctx, root, dir, func(name string, fi fs.FileInfo) error { return fn(root, name, fi) })
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	return nil
}

// answers removes what nobody has asked for in a long time, and then the least
// recently used until the rest is no more than answers may take.
func (c *collector) answers(ctx context.Context, limits Limits) error {
	d, err := c.s.disk()
	if err != nil {
		return err
	}
	most := int64(answersBytes)
	if l := limits.on(d).MaxBytes; l >= 0 {
		most = min(most, l/answersShare)
	}
	var rest []Removal
	var sum int64
	err = c.s.besides(ctx, answerDirs, func(root *os.Root, name string, fi fs.FileInfo) error {
		r := Removal{Name: name, Size: fi.Size(), LastUse: fi.ModTime()}
		switch age := c.age(fi); {
		case age > answersAge:
			r.Reason = ReasonUnused
		case strings.HasPrefix(path.Base(name), ".") && age > temporaryAge:
			r.Reason = ReasonDangling // half written by somebody who died
		default:
			rest, sum = append(rest, r), sum+r.Size
			return nil
		}
		_, err := c.removeIn(root, name, r)
		return err
	})
	if err != nil || sum <= most {
		return err
	}
	return c.fewerAnswers(rest, sum-most/5*4)
}

func (c *collector) fewerAnswers(all []Removal, tooMuch int64) error {
	root, err := os.OpenRoot(c.s.dir)
	if err != nil {
		return err
	}
	defer root.Close()
	slices.SortFunc(all, func(a, b Removal) int {
		return cmp.Or(a.LastUse.Compare(b.LastUse), cmp.Compare(a.Name, b.Name))
	})
	for _, r := range all {
		if tooMuch <= 0 {
			break
		}
		r.Reason = ReasonQuota
		ok, err := c.removeIn(root, r.Name, r)
		if err != nil {
			return err
		}
		if ok {
			tooMuch -= r.Size
		}
	}
	return nil
}
