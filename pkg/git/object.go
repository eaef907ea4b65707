package git

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"
)

// maxMeta bounds a commit or a tree, which are read into memory.
const maxMeta = 64 << 20

var errObject = errors.New("the repository is damaged")

// read returns the content of a commit or tree.
func (o *objects) read(i id, t objectType) ([]byte, error) {
	ob, ok := o.index[i]
	switch {
	case !ok:
		return nil, fmt.Errorf("%w: the %s %s is missing", errObject, t, i)
	case ob.typ != t:
		return nil, fmt.Errorf("%w: %s is a %s where a %s is expected", errObject, i, ob.typ, t)
	case ob.size > maxMeta:
		return nil, &LimitError{What: "bytes in a " + t.String(), Limit: maxMeta}
	}
	b := make([]byte, ob.size)
	_, err := io.ReadFull(o.content(ob), b)
	return b, err
}

// commit is what a commit says.
type commit struct {
	tree    id
	parents int
	time    time.Time // the committer's
	raw     []byte
}

func (o *objects) commit(i id) (commit, error) {
	if ob := o.index[i]; ob.typ == typeTag {
		return commit{}, fmt.Errorf("%s is a tag, not a commit", i)
	}
	raw, err := o.read(i, typeCommit)
	if err != nil {
		return commit{}, err
	}
	return parseCommit(raw, o.format)
}

func parseCommit(raw []byte, f format) (commit, error) {
	c := commit{raw: raw}
	head, _, _ := bytes.Cut(raw, []byte("\n\n"))
	for line := range strings.SplitSeq(string(head), "\n") {
		key, value, _ := strings.Cut(line, " ")
		switch key {
		case "tree":
			i, err := parseID(value)
			if err != nil || len(i) != f.size || c.tree != "" {
				return c, fmt.Errorf("%w: a commit has no readable tree", errObject)
			}
			c.tree = i
		case "parent":
			c.parents++
		case "committer":
			c.time = committed(value)
		}
	}
	if c.tree == "" {
		return c, fmt.Errorf("%w: a commit has no tree", errObject)
	}
	return c, nil
}

// Times that a checkout may have: zip archives, which Python's wheels are, know
// none before 1980, and tar's octal fields none after 2242.
var (
	firstTime = time.Date(1980, 1, 2, 0, 0, 0, 0, time.UTC)
	lastTime  = time.Date(2200, 1, 1, 0, 0, 0, 0, time.UTC)
)

// committed reads the time of "Name <mail> seconds zone".
func committed(s string) time.Time {
	fields := strings.Fields(s)
	if len(fields) < 2 {
		return firstTime
	}
	n, err := strconv.ParseInt(fields[len(fields)-2], 10, 64)
	t := time.Unix(n, 0).UTC()
	switch {
	case err != nil || n < firstTime.Unix():
		return firstTime
	case n > lastTime.Unix():
		return lastTime
	}
	return t
}

// mode is what a tree says of an entry.
type mode uint32

const (
	modeDir       mode = 0o040000
	modeFile      mode = 0o100644
	modeExec      mode = 0o100755
	modeLink      mode = 0o120000
	modeSubmodule mode = 0o160000
)

// treeEntry is one entry of a directory.
type treeEntry struct {
	name string
	mode mode
	id   id
}

func (o *objects) tree(i id) ([]treeEntry, error) {
	raw, err := o.read(i, typeTree)
	if err != nil {
		return nil, err
	}
	return parseTree(raw, o.format)
}

// parseTree reads a directory: "mode name NUL id" for each entry. Names that
// git would not check out are refused.
func parseTree(raw []byte, f format) ([]treeEntry, error) {
	var entries []treeEntry
	seen := map[string]bool{}
	for len(raw) > 0 {
		head, rest, ok := bytes.Cut(raw, []byte{0})
		digits, name, ok2 := strings.Cut(string(head), " ")
		if !ok || !ok2 || len(rest) < f.size {
			return nil, fmt.Errorf("%w: a tree is malformed", errObject)
		}
		m, err := parseMode(digits)
		if err != nil {
			return nil, err
		}
		if err := checkName(name); err != nil {
			return nil, err
		}
		e := treeEntry{name, m, id(rest[:f.size])}
		// Who unpacks the second one may follow the first, if that is a link.
		if seen[name] {
			return nil, fmt.Errorf("%w: a tree names %q twice", errObject, name)
		}
		seen[name] = true
		entries = append(entries, e)
		raw = rest[f.size:]
	}
	return entries, nil
}

func parseMode(s string) (mode, error) {
	n, err := strconv.ParseUint(s, 8, 32)
	switch m := mode(n); {
	case err != nil:
	case m == modeDir, m == modeLink, m == modeSubmodule:
		return m, nil
	case m&0o170000 == 0o100000 && m&0o111 != 0:
		return modeExec, nil
	case m&0o170000 == 0o100000: // old repositories have 100664 too
		return modeFile, nil
	}
	return 0, fmt.Errorf("%w: a tree has the mode %q", errObject, clip(printable(s)))
}

// checkName refuses names that would leave the checkout, or get into its .git:
// a program in the build would run what is configured there.
func checkName(name string) error {
	switch {
	case name == "", name == ".", name == "..", strings.Contains(name, "/"),
		strings.EqualFold(name, ".git"), strings.EqualFold(name, "git~1"):
		return fmt.Errorf("%w: a tree names a file %q", errObject, name)
	case len(name) > 255:
		return fmt.Errorf("%w: a file name has %d bytes", errObject, len(name))
	}
	return nil
}
