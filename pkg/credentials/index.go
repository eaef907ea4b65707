package credentials

import (
	"net/url"
	"path"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/wire"
)

// index takes the credentials of a package index: those in its URL, or those
// given beside it. pip and uv send them to other paths of the index's host too,
// because an index often keeps its files elsewhere; of several indexes of one
// host, that counts which has the longest part of the path in common.
func (g *gatherer) index(raw, where, user, password string) {
	u, err := url.Parse(raw)
	if err != nil || u.Hostname() == "" || u.Scheme != "http" && u.Scheme != "https" {
		return
	}
	if u.User != nil {
		user = u.User.Username()
		password, _ = u.User.Password()
	}
	if user == "" && password == "" {
		return
	}
	for _, v := range []string{user, password} {
		if _, err := secret(v); v != "" && err != nil {
			g.warn("%s: the credentials for %s are left out: %v", where, printable(u.Host), err)
			return
		}
	}
	c := wire.Credential{
		Host: hostPort(u), User: user, Password: password, Source: where,
		// The user has written http:// for this very host.
		PlainHTTP: u.Scheme == "http",
	}
	p := path.Clean("/" + u.Path)
	c.Prefix = strings.TrimSuffix(p, "/")
	g.add(tierTools, c)
	if path.Base(p) == "simple" {
		c.Prefix = strings.TrimSuffix(path.Dir(p), "/")
		g.add(tierTools, c)
	}
	for p != "/" {
		p = path.Dir(p)
		c.Prefix = strings.TrimSuffix(p, "/")
		g.add(tierKin, c)
	}
}
