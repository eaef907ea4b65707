package git

import "fmt"

// Limits bound what a repository may cost. A zero field means its default.
type Limits struct {
	// Packed is how many bytes a pack may have: 2 GiB by default.
	Packed int64
	// Unpacked is how many bytes its objects may have together: 8 GiB by default.
	Unpacked int64
	// Objects is how many objects there may be: 4,000,000 by default, which is
	// about 400 MB of memory.
	Objects int
	// Files is how many files, links and directories a checkout may have:
	// 1,000,000 by default.
	Files int
	// Made is how many bytes the files of a checkout may have together: 8 GiB by
	// default. It is not Unpacked, since a tree may name one content many times.
	Made int64
}

func (l Limits) withDefaults() Limits {
	if l.Packed <= 0 {
		l.Packed = 2 << 30
	}
	if l.Unpacked <= 0 {
		l.Unpacked = 8 << 30
	}
	if l.Objects <= 0 {
		l.Objects = 4_000_000
	}
	if l.Files <= 0 {
		l.Files = 1_000_000
	}
	if l.Made <= 0 {
		l.Made = 8 << 30
	}
	return l
}

// maxDepth bounds the directories within one another, and submodules likewise
// by maxSubmoduleDepth.
const (
	maxDepth          = 200
	maxSubmoduleDepth = 8
	maxSubmodules     = 200
)

// LimitError says that a repository is larger than what lazybuild takes.
type LimitError struct {
	What  string // "objects", "files", …
	Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("the repository has more than %d %s", e.Limit, e.What)
}
