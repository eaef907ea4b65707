// Package cmdline reads the command line of a `podman build` without owning it.
//
// lazybuild passes the user's words on verbatim. It only has to know which
// words are flags, values and the context, so that it can take its own
// --lazy-* flags out, see the few flags that matter to it (-f, --target,
// --platform, …), and put a rewritten Containerfile or context in place.
package cmdline

import (
	"fmt"
	"strings"
)

// Line is a command line, read.
type Line struct {
	// Global are podman's global flags, to be put before "build".
	Global []string
	// Own are the --lazy-* flags, normalised to --lazy-name=value or --lazy-name.
	Own []string
	// words of the build, in the user's order.
	words []word
}

// word is a flag with its value, or a positional argument (flag == "").
type word struct {
	flag  string   // long name
	value string   // of the flag, or the positional itself
	set   bool     // a value was given
	raw   []string // as the user wrote it
}

// Options tell Parse about flags that it cannot know.
type Options struct {
	// OwnTakesValue says whether a --lazy-* flag exists and takes a value.
	OwnTakesValue func(name string) (known, takes bool)
	// Leading are the global flags that stood before the word "build" (Leading).
	Leading []string
	// Learn is asked about a long flag that the tables do not have (a newer
	// podman's); it may run `podman build --help`. nil means unknown.
	Learn func(name string) Learned
}

// Learned is what Options.Learn knows about a flag; the zero value is nothing.
type Learned struct {
	// Global says that it belongs before "build"; TakesValue that the next word
	// is its value.
	Global, TakesValue bool
}

// Parse reads args, the words after the program's name. The error is a usage
// error, for people.
func Parse(args []string, o Options) (*Line, error) {
	p := &parser{line: &Line{}, o: o, rest: args}
	p.leading(o.Leading)
	for len(p.rest) > 0 {
		if err := p.next(); err != nil {
			return nil, err
		}
	}
	return p.line, nil
}

type parser struct {
	line *Line
	o    Options
	rest []string
}

func (p *parser) next() error {
	arg := p.rest[0]
	p.rest = p.rest[1:]
	switch {
	case arg == "--":
		// Everything behind is positional; podman gets the "--" too.
		p.line.words = append(p.line.words, word{raw: []string{arg}, flag: "--"})
		for _, a := range p.rest {
			p.positional(a)
		}
		p.rest = nil
		return nil
	case strings.HasPrefix(arg, "--"):
		return p.long(arg)
	case strings.HasPrefix(arg, "-") && arg != "-":
		return p.short(arg)
	}
	p.positional(arg)
	return nil
}

func (p *parser) positional(arg string) {
	p.line.words = append(p.line.words, word{value: arg, set: true, raw: []string{arg}})
}

func (p *parser) long(arg string) error {
	name, val, has := strings.Cut(arg[2:], "=")
	if strings.HasPrefix(name, "lazy-") {
		return p.own(name, val, has)
	}
	if a, ok := aliases[name]; ok {
		name = a
	}
	k, global := buildFlags[name], false
	if k == unknown {
		k = globalFlags[name]
		global = k != unknown
	}
	if k == unknown && p.o.Learn != nil {
		learned := p.o.Learn(name)
		global = learned.Global
		if learned.TakesValue {
			k = value
		}
	}
	w := word{flag: name, value: val, set: has, raw: []string{arg}}
	if k == value && !has {
		if len(p.rest) == 0 {
			return fmt.Errorf("flag needs an argument: --%s", name)
		}
		w.value, w.set, w.raw = p.rest[0], true, append(w.raw, p.rest[0])
		p.rest = p.rest[1:]
	}
	if global {
		p.line.Global = append(p.line.Global, w.raw...)
		// Kept as a word too, without text, so that Values finds it.
		w.raw = nil
	}
	p.line.words = append(p.line.words, w)
	return nil
}

func (p *parser) own(name, val string, has bool) error {
	known, takes := false, false
	if p.o.OwnTakesValue != nil {
		known, takes = p.o.OwnTakesValue(name)
	}
	switch {
	case !known:
		return fmt.Errorf("unknown flag: --%s (lazybuild --help lists the --lazy-* flags)", name)
	case takes && !has:
		if len(p.rest) == 0 {
			return fmt.Errorf("flag needs an argument: --%s", name)
		}
		val, has = p.rest[0], true
		p.rest = p.rest[1:]
	}
	flag := "--" + name
	if has {
		flag += "=" + val
	}
	p.line.Own = append(p.line.Own, flag)
	return nil
}

// short reads -f x, -fx, -f=x and bundles such as -qf x, as pflag does.
func (p *parser) short(arg string) error {
	w := word{raw: []string{arg}}
	for i := 1; i < len(arg); i++ {
		name, ok := shorthands[arg[i]]
		if !ok {
			// Unknown to us: podman will say what it thinks of it.
			p.line.words = append(p.line.words, word{flag: "-" + arg[i:i+1], raw: w.raw})
			return nil
		}
		w.flag, w.value, w.set = name, "", false
		if buildFlags[name] != value {
			// Each letter of a bundle is a word of its own for Values; the text
			// stands with the first.
			p.line.words = append(p.line.words, w)
			w.raw = nil
			continue
		}
		w.value, w.set = strings.TrimPrefix(arg[i+1:], "="), i+1 < len(arg)
		if !w.set {
			if len(p.rest) == 0 {
				return fmt.Errorf("flag needs an argument: -%c", arg[i])
			}
			w.value, w.set = p.rest[0], true
			w.raw = append(w.raw, p.rest[0])
			p.rest = p.rest[1:]
		}
		if len(w.raw) > 0 && len(arg) > 2 && i > 1 || w.raw == nil {
			w = p.unbundle(w)
		}
		p.line.words = append(p.line.words, w)
		return nil
	}
	return nil
}

// unbundle gives the last flag of a bundle (-qf x) a text of its own, so that
// it can be replaced without losing the others.
func (p *parser) unbundle(w word) word {
	for i := len(p.line.words) - 1; i >= 0; i-- {
		if prev := &p.line.words[i]; len(prev.raw) > 0 {
			letters := prev.raw[0]
			end := strings.IndexByte(letters, shortOf(w.flag))
			prev.raw = []string{letters[:end]}
			break
		}
	}
	w.raw = []string{"--" + w.flag, w.value}
	return w
}

func shortOf(long string) byte {
	for s, l := range shorthands {
		if l == long {
			return s
		}
	}
	return 0
}

// Values returns all values of a flag, by its long name, in order.
func (l *Line) Values(flag string) []string {
	var vs []string
	for _, w := range l.words {
		if w.flag == flag && w.set {
			vs = append(vs, w.value)
		}
	}
	return vs
}

// Value returns the last value of a flag, or "".
func (l *Line) Value(flag string) string {
	vs := l.Values(flag)
	if len(vs) == 0 {
		return ""
	}
	return vs[len(vs)-1]
}

// Bool says whether a boolean flag is on at the end; def when it is not there.
func (l *Line) Bool(flag string, def bool) bool {
	for _, w := range l.words {
		if w.flag == flag {
			def = !w.set || w.value == "true" || w.value == "1" || w.value == "t" || w.value == "T" || w.value == "TRUE" || w.value == "True"
		}
	}
	return def
}

// Has says whether the flag stands on the line.
func (l *Line) Has(flag string) bool {
	for _, w := range l.words {
		if w.flag == flag {
			return true
		}
	}
	return false
}

// Files are the Containerfiles that -f names; podman splits them at commas.
func (l *Line) Files() []string {
	var fs []string
	for _, v := range l.Values("file") {
		fs = append(fs, strings.Split(v, ",")...)
	}
	return fs
}

// Positionals are the words that are no flags; the first is the context.
func (l *Line) Positionals() []string {
	var ps []string
	for _, w := range l.words {
		if w.flag == "" {
			ps = append(ps, w.value)
		}
	}
	return ps
}

// Verbatim is the build's words as the user wrote them, without "build",
// lazybuild's own flags and the global ones.
func (l *Line) Verbatim() []string {
	var out []string
	for _, w := range l.words {
		out = append(out, w.raw...)
	}
	return out
}

// Replace is Verbatim with other Containerfiles (nil: the user's own) and
// another context ("": the user's own), and with extra flags behind the user's.
func (l *Line) Replace(files []string, context string, extra []string) []string {
	var flags, positionals []string
	for _, w := range l.words {
		switch {
		case w.flag == "--":
			// Re-added below when it is needed.
		case w.flag == "":
			positionals = append(positionals, w.value)
		case w.flag == "file" && files != nil:
			// Replaced.
		default:
			flags = append(flags, w.raw...)
		}
	}
	flags = append(flags, extra...)
	for _, f := range files {
		flags = append(flags, "--file", f)
	}
	if context != "" {
		positionals = append([]string{context}, positionals[min(1, len(positionals)):]...)
	}
	for _, a := range positionals {
		if strings.HasPrefix(a, "-") && a != "-" {
			flags = append(flags, "--")
			break
		}
	}
	return append(flags, positionals...)
}
