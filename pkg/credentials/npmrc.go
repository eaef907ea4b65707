package credentials

import (
	"encoding/base64"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// npm takes what .npmrc files say of registries by their URL without its scheme
// ("//host/path/:_authToken"), as npm, pnpm and yarn send it. The project's
// files come before the user's, those before the machine's; a variable comes
// before all.
func (g *gatherer) npm() {
	byPrefix := map[string]*npmAuth{}
	var order []string
	take := func(s setting, where string, dir string) {
		if _, ok := byPrefix[s.section]; !ok {
			byPrefix[s.section] = &npmAuth{}
			order = append(order, s.section)
		}
		byPrefix[s.section].set(s.key, s.value, where, dir)
	}
	for _, e := range g.o.Env {
		name, value, _ := strings.Cut(e, "=")
		if len(name) > len("npm_config_") && strings.EqualFold(name[:len("npm_config_")], "npm_config_") {
			if prefix, key, ok := scopedKey(name[len("npm_config_"):]); ok {
				g.looked(name)
				g.secretIn(name)
				take(setting{section: prefix, key: key, value: value}, name, "")
			}
		}
	}
	for _, file := range g.npmFiles() {
		for s := range npmrc(string(g.read(file))) {
			take(s, fmt.Sprintf("%s:%d", g.name(file), s.line), filepath.Dir(file))
		}
	}
	for _, prefix := range order {
		g.npmRegistry(prefix, byPrefix[prefix])
	}
}

// npmFiles are where npm looks, most particular first.
func (g *gatherer) npmFiles() []string {
	var files []string
	for _, dir := range g.o.Dirs {
		files = append(files, filepath.Join(dir, ".npmrc"))
	}
	user := firstOf(g.env["npm_config_userconfig"], g.env["NPM_CONFIG_USERCONFIG"], g.home(".npmrc"))
	global := firstOf(g.env["npm_config_globalconfig"], g.env["NPM_CONFIG_GLOBALCONFIG"], g.root("usr/local/etc/npmrc"))
	return append(files, user, global, g.root("etc/npmrc"))
}

func firstOf(s ...string) string {
	for _, v := range s {
		if v != "" {
			return v
		}
	}
	return ""
}

// npmAuth is what is said of one registry. Of each key the first value counts.
type npmAuth struct {
	values map[string]npmValue
}

type npmValue struct{ text, where, dir string }

func (a *npmAuth) set(key, text, where, dir string) {
	if a.values == nil {
		a.values = map[string]npmValue{}
	}
	if _, ok := a.values[key]; !ok {
		a.values[key] = npmValue{text, where, dir}
	}
}

// npmRegistry makes credentials of what is said about one registry.
func (g *gatherer) npmRegistry(prefix string, a *npmAuth) {
	host, path, _ := strings.Cut(strings.TrimPrefix(prefix, "//"), "/")
	c := wire.Credential{Host: host, Prefix: strings.TrimSuffix("/"+path, "/")}
	if hostname(host) == strings.ToLower(strings.Trim(host, "[]")) {
		c.Host = host + ":443"
	}
	if !g.sites.need(c) {
		return
	}
	where, err := g.npmSecrets(&c, a)
	if err != nil {
		g.warn("%s: the credentials for %s are left out: %v", where, printable(host), err)
		g.looked(fmt.Sprintf("%s (%v)", where, err))
		return
	}
	g.add(tierTools, c)
}

// npmSecrets fills in what npm would send: a token, else user:password in
// base64, else a user and a password; and the certificate for the host.
func (g *gatherer) npmSecrets(c *wire.Credential, a *npmAuth) (where string, err error) {
	get := func(key string) string {
		v, ok := a.values[key]
		if !ok || err != nil {
			return ""
		}
		where = v.where
		if c.Source == "" {
			c.Source = where
		}
		var text string
		var names []string
		if text, names, err = npmExpand(v.text, g.env); err != nil {
			return ""
		}
		g.secretIn(names...)
		if g.inProject(v.dir) && len(names) > 0 {
			g.note("$"+strings.Join(names, ", $"), hostname(c.Host), where)
		}
		if text != "" && key != "certfile" && key != "keyfile" {
			text, err = secret(text)
		}
		return text
	}
	if c.Bearer = get("_authToken"); c.Bearer == "" {
		if both := get("_auth"); both != "" {
			c.User, c.Password, err = basicOf(both)
		} else if user, password := get("username"), get("_password"); user != "" && err == nil {
			c.User = user
			c.Password, err = decoded(password)
		}
	}
	if cert, key := get("certfile"), get("keyfile"); cert != "" && err == nil {
		dir := a.values["certfile"].dir
		c.Cert, c.Key, err = keyPair(g.path(dir, cert), g.path(dir, key))
	}
	return where, err
}

// inProject says whether a file in dir may be somebody else's work.
func (g *gatherer) inProject(dir string) bool {
	for _, d := range g.o.Dirs {
		if d == dir {
			return true
		}
	}
	return false
}

var errBase64 = errors.New("a value is not base64")

func decoded(s string) (string, error) {
	b, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return "", errBase64
	}
	if len(b) == 0 {
		return "", nil
	}
	return secret(string(b))
}

func basicOf(s string) (user, password string, err error) {
	both, err := decoded(s)
	user, password, _ = strings.Cut(both, ":")
	return user, password, err
}

// setting is one key of a file; section is what it is about.
type setting struct {
	section, key, value string
	line                int
}

// npmrc reads the settings of registries from a .npmrc file: key and value with
// the registry as the section. Other settings are none of our business.
func npmrc(text string) iter.Seq[setting] {
	return func(yield func(setting) bool) {
		line := 0
		for raw := range strings.Lines(text) {
			line++
			name, value, ok := strings.Cut(raw, "=")
			name = unquote(name)
			if !ok || strings.HasPrefix(name, "#") || strings.HasPrefix(name, ";") {
				continue
			}
			prefix, key, ok := scopedKey(name)
			if ok && !yield(setting{prefix, key, unquote(value), line}) {
				return
			}
		}
	}
}

func unquote(s string) string {
	s = strings.TrimSpace(s)
	if len(s) >= 2 && (s[0] == '"' || s[0] == '\'') && s[len(s)-1] == s[0] {
		return s[1 : len(s)-1]
	}
	return s
}

// scopedKey splits "//host/path/:_authToken".
func scopedKey(name string) (prefix, key string, ok bool) {
	i := strings.LastIndexByte(name, ':')
	if !strings.HasPrefix(name, "//") || i < 3 {
		return "", "", false
	}
	prefix, key = name[:i], name[i+1:]
	for _, known := range []string{"_authToken", "_auth", "username", "_password", "certfile", "keyfile"} {
		if strings.EqualFold(key, known) { // variables often come in one case
			return prefix, known, true
		}
	}
	return "", "", false
}

// npmExpand replaces ${NAME}, and ${NAME?} by nothing where it is not set. npm
// would send an unknown ${NAME} as it stands; here it is an error.
func npmExpand(s string, env map[string]string) (out string, names []string, err error) {
	var missing unset
	out = npmVariable(s, func(name string) string {
		name, optional := strings.CutSuffix(name, "?")
		v, ok := env[name]
		if !ok && !optional {
			missing = unset(name)
		}
		names = append(names, name)
		return v
	})
	if missing != "" {
		return "", nil, missing
	}
	return out, names, nil
}

// npmVariable calls f for each ${NAME}.
func npmVariable(s string, f func(name string) string) string {
	var b strings.Builder
	for {
		before, rest, ok := strings.Cut(s, "${")
		name, after, closed := strings.Cut(rest, "}")
		if !ok || !closed || name == "" {
			b.WriteString(s)
			return b.String()
		}
		if strings.HasSuffix(before, `\`) {
			b.WriteString(strings.TrimSuffix(before, `\`) + "${" + name + "}")
		} else {
			b.WriteString(before + f(name))
		}
		s = after
	}
}
