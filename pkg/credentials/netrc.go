package credentials

import (
	"fmt"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// netrc reads $NETRC, or else ~/.netrc. The latter must be private, as Python
// and ssh demand of such files; a file that NETRC names may be a mounted secret,
// so it must only be in the right hands.
func (g *gatherer) netrc() {
	path := g.env["NETRC"]
	private := path == ""
	if private {
		path = g.home(".netrc")
	}
	data := g.read(path)
	if data == nil {
		return
	}
	machines, err := parseNetrc(string(data))
	if err != nil {
		g.warn("%s is left out: %v", g.name(path), err)
		return
	}
	why := exposed(path, private)
	for _, m := range machines {
		c := wire.Credential{
			Host: m.host, User: m.login, Password: m.password,
			Source: fmt.Sprintf("%s:%d", g.name(path), m.line),
		}
		if m.login == "" && m.password == "" || !g.sites.need(c) {
			continue
		}
		if why != "" {
			g.warn("%s is left out, although it is about %s: %s", g.name(path), printable(m.host), why)
			return
		}
		g.add(tierNetrc, c)
	}
}

// machine is one entry of a netrc file.
type machine struct {
	host, login, password string
	line                  int
}

// parseNetrc reads what curl, Python and Go agree on: words apart by white
// space, of which one may stand in double quotes; "#" begins a comment where a
// keyword could stand; macdef goes to the next empty line. A "default" entry is
// passed over. Of several entries for one machine the first counts for whoever
// takes them in order. Errors name a line and repeat nothing.
func parseNetrc(text string) ([]machine, error) {
	var out []machine
	var at *machine // nil: in a default entry, or in front of everything
	l := &netrcLexer{text: text, line: 1}
	for {
		word, ok := l.next()
		if !ok {
			break
		}
		switch {
		case strings.HasPrefix(word, "#"):
			l.skipLine()
			continue
		case word == "default":
			at = nil
			continue
		case word == "macdef":
			l.skipMacro()
			continue
		}
		line := l.line
		value, ok := l.next()
		if !ok {
			return nil, fmt.Errorf("line %d: the last word has no value", line)
		}
		switch word {
		case "machine":
			out = append(out, machine{host: value, line: line})
			at = &out[len(out)-1]
		case "login", "password", "account":
			if at != nil {
				at.set(word, value)
			}
		default:
			return nil, fmt.Errorf("line %d: there is a word that is none of machine, login, password, account, macdef, default", line)
		}
	}
	for _, m := range out {
		for _, v := range []string{m.login, m.password} {
			if v != "" {
				if _, err := secret(v); err != nil {
					return nil, fmt.Errorf("line %d: a value: %w", m.line, err)
				}
			}
		}
	}
	return out, nil
}

func (m *machine) set(word, value string) {
	switch word {
	case "login":
		m.login = value
	case "password":
		m.password = value
	}
}

type netrcLexer struct {
	text string
	line int // of the word that came last
	skip int // newlines since then
}

// next returns the next word, without its quotes.
func (l *netrcLexer) next() (string, bool) {
	rest := strings.TrimLeft(l.text, " \t\r\n")
	l.line += strings.Count(l.text[:len(l.text)-len(rest)], "\n") + l.skip
	l.text, l.skip = rest, 0
	if rest == "" {
		return "", false
	}
	if rest[0] == '"' {
		return l.quoted()
	}
	end := strings.IndexAny(rest, " \t\r\n")
	if end < 0 {
		end = len(rest)
	}
	l.text = rest[end:]
	return rest[:end], true
}

func (l *netrcLexer) quoted() (string, bool) {
	var b strings.Builder
	for i := 1; i < len(l.text); i++ {
		switch c := l.text[i]; {
		case c == '\\' && i+1 < len(l.text):
			i++
			b.WriteByte(l.text[i])
		case c == '"':
			l.skip = strings.Count(l.text[:i], "\n")
			l.text = l.text[i+1:]
			return b.String(), true
		default:
			b.WriteByte(c)
		}
	}
	word := l.text // no end: it is part of the word
	l.skip, l.text = strings.Count(word, "\n"), ""
	return word, true
}

func (l *netrcLexer) skipLine() {
	if i := strings.IndexByte(l.text, '\n'); i >= 0 {
		l.text = l.text[i:]
		return
	}
	l.text = ""
}

// skipMacro passes over a macro definition, which ends at an empty line.
func (l *netrcLexer) skipMacro() {
	if i := strings.Index(l.text, "\n\n"); i >= 0 {
		l.skip += strings.Count(l.text[:i], "\n")
		l.text = l.text[i:]
		return
	}
	l.text = ""
}
