package locks

import (
	"bytes"
	"strings"
)

// This file is about the lines of a requirements file (pip's documentation,
// "Requirements File Format"): continuations, comments and options. What a
// requirement says is in requirement.go.

// reqLine is one logical line.
type reqLine struct {
	text string // joined, without comment, without space around it
	// first and last are the physical lines, from 1.
	first, last int
}

// reqLines joins and cleans the lines of a file.
func reqLines(data []byte) []reqLine {
	text := string(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")))
	lines := make([]reqLine, 0, strings.Count(text, "\n")/2+1)
	var joined strings.Builder
	first, number := 0, 0
	emit := func(line string) {
		if joined.Len() > 0 {
			joined.WriteString(line)
			line = joined.String()
			joined.Reset()
		}
		if line = strings.TrimSpace(withoutComment(line)); line != "" {
			lines = append(lines, reqLine{line, first, number})
		}
		first = 0
	}
	for line := range strings.Lines(text) {
		number++
		if first == 0 {
			first = number
		}
		line = strings.TrimRight(line, "\r\n")
		// A comment ends a continuation, even if a backslash ends it.
		switch comment := strings.HasPrefix(strings.TrimLeft(line, " \t"), "#"); {
		case comment:
			emit(" " + line)
		case strings.HasSuffix(line, `\`):
			joined.WriteString(strings.TrimRight(line, `\`))
		default:
			emit(line)
		}
	}
	if joined.Len() > 0 {
		emit("")
	}
	return lines
}

// withoutComment cuts a "#" at the line's start or behind white space, and what
// follows: a "#" elsewhere is a URL's fragment.
func withoutComment(line string) string {
	for i := 0; i < len(line); i++ {
		if line[i] == '#' && (i == 0 || isSpace(line[i-1])) {
			return line[:i]
		}
	}
	return line
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\f' || c == '\v' }

// split parts the requirement of a line from the options behind it.
func (l reqLine) split() (requirement, options string) {
	if l.text[0] == '-' {
		return "", l.text
	}
	for i := 1; i < len(l.text); i++ {
		if l.text[i] == '-' && isSpace(l.text[i-1]) {
			return strings.TrimRight(l.text[:i], " \t\f\v"), l.text[i:]
		}
	}
	return l.text, ""
}

// reqOption is one option, in its long spelling, and its value.
type reqOption struct{ name, value string }

// reqOptions are all options that a requirements file may hold, and whether a
// value belongs to each.
var reqOptions = map[string]bool{
	"--index-url": true, "--extra-index-url": true, "--no-index": false, "--find-links": true,
	"--constraint": true, "--requirement": true, "--editable": true,
	"--no-binary": true, "--only-binary": true, "--prefer-binary": false, "--pre": false,
	"--require-hashes": false, "--trusted-host": true, "--use-feature": true,
	"--hash": true, "--config-settings": true, "--config-setting": true, "--global-option": true, "--install-option": true,
}

var reqShort = map[string]string{
	"-i": "--index-url", "-f": "--find-links", "-c": "--constraint", "-r": "--requirement", "-e": "--editable", "-C": "--config-settings",
}

// options reads the options of a line.
func (l reqLine) options(text string, each func(reqOption) error) error {
	for text != "" {
		word, rest := cutWord(text)
		name, value, has := strings.Cut(word, "=")
		if len(word) >= 2 && word[1] != '-' {
			name, value, has = word[:2], word[2:], len(word) > 2
		}
		if long, ok := reqShort[name]; ok {
			name = long
		}
		takes, known := reqOptions[name]
		switch {
		case !known:
			return errAt(l.first, "%q is no option of a requirements file", clip(word))
		case has && !takes:
			return errAt(l.first, "%s takes no value", name)
		case takes && !has:
			if value, rest = cutWord(rest); value == "" {
				return errAt(l.first, "%s has no value", name)
			}
		}
		// A path or a requirement may hold spaces; what stands behind it can't be an option then.
		if name == "--editable" && rest != "" {
			value, rest = value+" "+rest, ""
		}
		if err := each(reqOption{name, unquote(value)}); err != nil {
			return err
		}
		text = rest
	}
	return nil
}

func cutWord(s string) (word, rest string) {
	s = strings.TrimLeft(s, " \t\f\v")
	i := strings.IndexAny(s, " \t\f\v")
	if i < 0 {
		return s, ""
	}
	return s[:i], strings.TrimLeft(s[i:], " \t\f\v")
}

func unquote(s string) string {
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}
