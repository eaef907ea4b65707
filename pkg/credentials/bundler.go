package credentials

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// bundler takes what `bundle config HOST user:password` keeps: in the project,
// in a variable, or in the user's file.
func (g *gatherer) bundler() {
	values := map[string]setting{}
	where := map[string]string{}
	take := func(s setting, from string) {
		if _, ok := values[s.key]; !ok {
			values[s.key], where[s.key] = s, from
		}
	}
	for _, dir := range g.o.Dirs {
		g.bundleFile(filepath.Join(dir, ".bundle", "config"), take)
	}
	for host := range g.sites.hosts() {
		key := bundleKey(host)
		if v := g.variable(key); v != "" {
			take(setting{key: key, value: v}, key)
		}
	}
	if home := firstOf(g.env["BUNDLE_USER_HOME"], g.home(".bundle")); home != "" {
		g.bundleFile(firstOf(g.env["BUNDLE_USER_CONFIG"], filepath.Join(home, "config")), take)
	}
	for host := range g.sites.hosts() {
		if s, ok := values[bundleKey(host)]; ok {
			g.bundleHost(host, s.value, where[s.key])
		}
	}
}

func (g *gatherer) bundleFile(file string, take func(setting, string)) {
	line := 0
	for raw := range strings.Lines(string(g.read(file))) {
		line++
		// The file is YAML of one shape: KEY: "value".
		key, value, ok := strings.Cut(strings.TrimSpace(raw), ": ")
		if ok && strings.HasPrefix(key, "BUNDLE_") {
			take(setting{key: key, value: unquote(value), line: line}, fmt.Sprintf("%s:%d", g.name(file), line))
		}
	}
}

// bundleKey is bundler's name for a host's setting.
func bundleKey(host string) string {
	return "BUNDLE_" + strings.ToUpper(strings.ReplaceAll(strings.ReplaceAll(host, "-", "___"), ".", "__"))
}

// bundleHost takes "user:password" or a token, as it would stand in a URL.
func (g *gatherer) bundleHost(host, value, from string) {
	user, password, _ := strings.Cut(value, ":")
	c := wire.Credential{Host: host, Source: from}
	var err error
	if c.User, err = url.PathUnescape(user); err == nil {
		c.Password, err = url.PathUnescape(password)
	}
	for _, v := range []string{c.User, c.Password} {
		if _, bad := secret(v); v != "" && bad != nil && err == nil {
			err = bad
		}
	}
	if err != nil {
		g.warn("%s: the credentials for %s are left out: they are not as they would stand in a URL", from, printable(host))
		return
	}
	if c.User != "" || c.Password != "" {
		g.add(tierTools, c)
	}
}
