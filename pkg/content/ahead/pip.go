package ahead

import (
	"slices"

	"github.com/lazybuild/lazybuild/pkg/tree"
)

// target is what the wheels that a build has opened say about its Python.
type target struct {
	pythons []python // a build with several stages may have several
	glibc   int      // at least 2.glibc
}

// oldestGlibc is what a target has at least: 2.28 is that of RHEL 8, older than
// anything that current manylinux wheels are built for.
const oldestGlibc = 28

// anyGlibc is newer than all.
const anyGlibc = 1 << 20

// learn takes in the name of an opened wheel; true when it told something new.
func (t *target) learn(w *wheel) bool {
	news := false
	if p, ok := w.exact(); ok && !slices.Contains(t.pythons, p) {
		t.pythons, news = append(t.pythons, p), true
	}
	if n := w.needsLibc(); n > max(t.glibc, oldestGlibc) {
		t.glibc, news = n, true
	}
	return news
}

// choose returns the places of the wheels, all of one package and version, that
// the target will take. Where what is not known makes a difference it returns
// none. others are the interpreters to think of when none is known.
func choose(wheels []wheel, t target, others []python) []int {
	var chosen []int
	for _, p := range t.pythons {
		if i := decided(wheels, p, t.glibc); i >= 0 && !slices.Contains(chosen, i) {
			chosen = append(chosen, i)
		}
	}
	if len(t.pythons) > 0 {
		return chosen
	}
	for n, p := range others {
		i := decided(wheels, p, t.glibc)
		if i < 0 || n > 0 && chosen[0] != i {
			return nil
		}
		chosen = []int{i}
	}
	return chosen
}

// decided is the place of the wheel that p takes whatever its C library, from
// 2.glibc on; -1 when that matters, or when there is no wheel for p.
func decided(wheels []wheel, p python, glibc int) int {
	old, recent := best(wheels, p, max(glibc, oldestGlibc)), best(wheels, p, anyGlibc)
	if old != recent {
		return -1
	}
	return old
}

// best is the place of the wheel that pip takes, or -1.
func best(wheels []wheel, p python, glibc int) int {
	at, pref, libc := -1, 0, 0
	for i := range wheels {
		n := wheels[i].preference(p)
		l, ok := wheels[i].libc(glibc)
		if n == notForThis || !ok {
			continue
		}
		if at < 0 || n < pref || n == pref && l > libc {
			at, pref, libc = i, n, l
		}
	}
	return at
}

// wheelhouse is the wheels of a group that fit the platform.
type wheelhouse struct {
	target   target
	packages map[[2]string]*pack // by name and version
	others   []python
	guessed  bool                // target is what an earlier build had
	wanted   map[*tree.File]bool // of every wheel
}

// pack is the wheels of one package in one version.
type pack struct {
	wheels []wheel
	files  []*tree.File
}

// newWheelhouse returns nil when there is no wheel among the files.
func newWheelhouse(files []*tree.File) *wheelhouse {
	h := &wheelhouse{packages: map[[2]string]*pack{}}
	for _, f := range files {
		w, ok := parseWheel(f.Path)
		if !ok {
			continue
		}
		id := [2]string{w.name, w.version}
		p := h.packages[id]
		if p == nil {
			p = &pack{}
			h.packages[id] = p
		}
		p.wheels, p.files = append(p.wheels, w), append(p.files, f)
	}
	if len(h.packages) == 0 {
		return nil
	}
	h.others = h.interpreters()
	h.rethink()
	return h
}

// interpreters are those for which the group has wheels of their own; where
// there are none, those that a stable ABI starts with, and any newer one.
func (h *wheelhouse) interpreters() []python {
	var own []python
	stable := []python{{impl: "cp", minor: 99}}
	for _, p := range h.packages {
		for i := range p.wheels {
			w := &p.wheels[i]
			if q, ok := w.exact(); ok && !slices.Contains(own, q) {
				own = append(own, q)
			}
			if !slices.Contains(w.abis, "abi3") {
				continue
			}
			for _, tag := range w.pythons {
				if q, ok := parsePython(tag); ok && !slices.Contains(stable, q) {
					stable = append(stable, q)
				}
			}
		}
	}
	if len(own) > 0 {
		return own
	}
	return stable
}

// guess learns from what an earlier build has opened.
func (h *wheelhouse) guess(paths []string) {
	for _, path := range paths {
		if w, ok := parseWheel(path); ok {
			h.target.learn(&w)
		}
	}
	h.guessed = len(h.target.pythons) > 0
	h.rethink()
}

// opened learns from a file that a program has opened. news: files may be
// wanted now that were not. refuted: the guess was wrong, and is forgotten.
func (h *wheelhouse) opened(path string) (news, refuted bool) {
	w, ok := parseWheel(path)
	if !ok {
		return false, false
	}
	if p, ok := w.exact(); ok && h.guessed {
		h.guessed = false
		if !slices.Contains(h.target.pythons, p) {
			h.target, refuted = target{}, true
		}
	}
	if h.target.learn(&w) {
		h.rethink()
		news = true
	}
	return news, refuted
}

func (h *wheelhouse) rethink() {
	h.wanted = make(map[*tree.File]bool, len(h.wanted))
	for _, p := range h.packages {
		for _, f := range p.files {
			h.wanted[f] = false
		}
		for _, i := range choose(p.wheels, h.target, h.others) {
			h.wanted[p.files[i]] = true
		}
	}
}

// wants says whether the build will probably take the file. Of files that are
// no wheels nothing more is known than that they fit.
func (h *wheelhouse) wants(f *tree.File) bool {
	if h == nil {
		return true
	}
	wanted, isWheel := h.wanted[f]
	return wanted || !isWheel
}
