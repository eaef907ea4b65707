package cmdline

import (
	"slices"
	"strings"
)

// Leading takes podman's global flags from before a word, as in
// `podman --log-level debug build .`: there one-letter flags have other
// meanings, and --ssh and --hooks-dir too. Without one of the words behind them
// there are none, and rest is args.
func Leading(args []string, words ...string) (global, rest []string) {
	i := 0
	for i < len(args) {
		n := globalWords(args[i:])
		if n == 0 {
			break
		}
		i += n
	}
	if i == 0 || i >= len(args) || !slices.Contains(words, args[i]) {
		return nil, args
	}
	return args[:i], args[i:]
}

// forTheBuild are global flags about the output and the measuring of one run of
// podman: other runs with them would overwrite its files, or say nothing.
var forTheBuild = map[string]bool{"out": true, "noout": true, "cpu-profile": true, "memory-profile": true}

// Service is Global without the flags that are for the build alone: what
// lazybuild itself runs podman with.
func (l *Line) Service() []string {
	var kept []string
	for args := l.Global; len(args) > 0; {
		// What the tables do not know, podman's help did: it stays.
		n := max(1, globalWords(args))
		if name, _ := globalName(args[0]); !forTheBuild[name] {
			kept = append(kept, args[:n]...)
		}
		args = args[n:]
	}
	return kept
}

// globalWords is how many words the global flag at the start of args has, 0
// when there is none.
func globalWords(args []string) int {
	name, joined := globalName(args[0])
	n := 1
	if globalFlags[name] == value && !joined {
		n = 2
	}
	if name == "" || n > len(args) {
		return 0
	}
	return n
}

// globalName is the long name of a global flag, "" when the word is none, and
// whether its value is part of the word.
func globalName(word string) (name string, joined bool) {
	if long, ok := strings.CutPrefix(word, "--"); ok {
		name, _, joined = strings.Cut(long, "=")
		if globalFlags[name] == unknown {
			return "", false
		}
		return name, joined
	}
	if len(word) < 2 || word[0] != '-' {
		return "", false
	}
	return globalShorthands[word[1]], len(word) > 2
}

// leading reads the words that Leading has found. Those whose names mean
// another thing behind "build" are passed on without being looked at.
func (p *parser) leading(args []string) {
	p.line.Global = append(p.line.Global, args...)
	for len(args) > 0 {
		n := globalWords(args)
		if n == 0 {
			return
		}
		name, joined := globalName(args[0])
		w := word{flag: name, set: joined || n == 2}
		switch {
		case n == 2:
			w.value = args[1]
		case strings.HasPrefix(args[0], "--"):
			_, w.value, _ = strings.Cut(args[0], "=")
		case joined:
			w.value = strings.TrimPrefix(args[0][2:], "=")
		}
		if buildFlags[name] == unknown {
			p.line.words = append(p.line.words, w)
		}
		args = args[n:]
	}
}
