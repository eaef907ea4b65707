package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/locks"
)

// A looker is the only way by which planning gets to know anything outside of
// its Options: files, directories, and what the user's tools say. It notes what
// it has seen, so that a plan which was kept is used again only where everything
// that it was made from looks the same (Cache).
type looker struct {
	o     *Options
	notes []sighting
	known map[sighting]bool
	// answers are those of the user's registries.
	answers map[[2]string]string
	// asked says that a package index was asked: what it answers is not kept here.
	asked bool
}

// sighting is one thing that was looked at, and how it looked.
type sighting struct {
	// What is a kind of look, Of a path or what else is looked at.
	What, Of string
	// Seen names the outcome: equal for equal outcomes only.
	Seen string
}

// The kinds of looks.
const (
	lookFile     = "file"
	lookSmall    = "small file"
	lookStat     = "stat"
	lookLstat    = "lstat"
	lookLocks    = "locks in"
	lookRepos    = "repos in"
	lookGlob     = "glob"
	lookReal     = "real path"
	lookSame     = "same file" // Of is two paths, with a zero byte between
	lookOwner    = "same owner"
	lookRegistry = "registry"
	lookMirror   = "mirror"
)

func (l *looker) note(what, of, seen string) {
	if l == nil {
		return // nobody wants to know
	}
	s := sighting{what, of, seen}
	if l.known == nil {
		l.known = map[sighting]bool{}
	}
	if !l.known[s] {
		l.known[s] = true
		l.notes = append(l.notes, s)
	}
}

// again looks at what was seen once more, and says whether it looks the same.
func (l *looker) again(s sighting) bool {
	fresh := looker{o: l.o}
	a, b, _ := strings.Cut(s.Of, "\x00")
	switch s.What {
	case lookFile:
		_, _ = fresh.file(s.Of)
	case lookSmall:
		_, _ = fresh.small(s.Of)
	case lookStat:
		_, _ = fresh.stat(s.Of)
	case lookLstat:
		_, _ = fresh.lstat(s.Of)
	case lookLocks, lookRepos:
		_, _ = fresh.list(s.What, s.Of)
	case lookGlob:
		fresh.glob(s.Of)
	case lookReal:
		_, _ = fresh.real(s.Of)
	case lookSame:
		fresh.same(a, b)
	case lookOwner:
		fresh.sameOwner(a, b)
	case lookRegistry:
		fresh.registry(s.Of)
	case lookMirror:
		fresh.mirror(s.Of)
	}
	return fresh.known[s]
}

// outcome names data or an error.
func outcome(data []byte, err error) string {
	if err != nil {
		return "error: " + err.Error()
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:])
}

// file reads one of the project's files.
func (l *looker) file(path string) ([]byte, error) {
	data, err := l.o.ReadFile(path)
	l.note(lookFile, path, outcome(data, err))
	return data, err
}

// small reads a file that must be small.
func (l *looker) small(path string) ([]byte, error) {
	data, err := readSmall(path)
	l.note(lookSmall, path, outcome(data, err))
	return data, err
}

// Nothing but the type of what stat and lstat find may matter to a plan.

func (l *looker) stat(path string) (fs.FileMode, error) {
	return l.typeOf(lookStat, path, os.Stat)
}

func (l *looker) lstat(path string) (fs.FileMode, error) {
	return l.typeOf(lookLstat, path, os.Lstat)
}

func (l *looker) typeOf(what, path string, stat func(string) (fs.FileInfo, error)) (fs.FileMode, error) {
	info, err := stat(path)
	if err != nil {
		l.note(what, path, outcome(nil, err))
		return 0, err
	}
	l.note(what, path, info.Mode().Type().String())
	return info.Mode().Type(), nil
}

// list names a directory's lock files (lookLocks) or repositories (lookRepos).
func (l *looker) list(what, dir string) ([]string, error) {
	entries, err := os.ReadDir(dir)
	var names []string
	for _, e := range entries {
		wanted := strings.HasSuffix(e.Name(), ".repo")
		if what == lookLocks {
			_, wanted = locks.ForFile(e.Name())
		}
		if wanted && !e.IsDir() {
			names = append(names, e.Name())
		}
	}
	l.note(what, dir, outcome([]byte(strings.Join(names, "\x00")), err))
	return names, err
}

// glob returns the files that a pattern matches, sorted; the pattern must be good.
func (l *looker) glob(pattern string) []string {
	files, err := filepath.Glob(pattern)
	l.note(lookGlob, pattern, outcome([]byte(strings.Join(files, "\x00")), err))
	return files
}

// real is a path without symbolic links.
func (l *looker) real(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	l.note(lookReal, path, outcome([]byte(real), err))
	return real, err
}

// same says whether two paths lead to one file; there says whether the second
// leads anywhere.
func (l *looker) same(mine, theirs string) (same, there bool) {
	a, errA := os.Stat(mine)
	b, errB := os.Stat(theirs)
	there = errB == nil
	same = errA == nil && there && os.SameFile(a, b)
	l.note(lookSame, mine+"\x00"+theirs, fmt.Sprint(same, there))
	return same, there
}

func (l *looker) sameOwner(path, like string) bool {
	same := sameOwner(path, like)
	l.note(lookOwner, path+"\x00"+like, fmt.Sprint(same))
	return same
}

// registry and mirror ask Options.RegistryURL and Mirror. What they say may be
// secret, so its hash is noted.

func (l *looker) registry(format string) string {
	return l.ask(lookRegistry, format, l.o.RegistryURL)
}

func (l *looker) mirror(format string) string { return l.ask(lookMirror, format, l.o.Mirror) }

func (l *looker) ask(what, format string, ask func(string) string) string {
	if ask == nil {
		return ""
	}
	// A large lock asks for each of its packages.
	k := [2]string{what, format}
	url, asked := l.answers[k]
	if !asked {
		url = ask(format)
		if l.answers == nil {
			l.answers = map[[2]string]string{}
		}
		l.answers[k] = url
		l.note(what, format, outcome([]byte(url), nil))
	}
	return url
}
