package credentials

import (
	"net/url"
	"path"
	"path/filepath"
	"strings"

	"github.com/lazybuild/lazybuild/internal/untrusted"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// cargo takes the tokens of registries that have a name in cargo's configuration:
// from CARGO_REGISTRIES_<NAME>_TOKEN, else from credentials.toml. cargo sends a
// token as it is, without a scheme, and to all that a registry serves. The
// default registry's token is for publishing alone and is left where it is.
func (g *gatherer) cargo() {
	home := firstOf(g.env["CARGO_HOME"], g.home(".cargo"))
	type registry struct {
		Index string `toml:"index"`
		Token string `toml:"token"`
	}
	type settings struct {
		Registries map[string]registry `toml:"registries"`
	}
	read := func(file string) (s settings) {
		if data := g.read(file); data != nil {
			if _, err := untrusted.DecodeTOML(string(data), &s); err != nil {
				g.warn("%s is left out: it can't be read as TOML", g.name(file))
			}
		}
		return s
	}
	index, where := map[string]string{}, map[string]string{}
	files := g.cargoFiles(home)
	for _, file := range files {
		for name, r := range read(file).Registries {
			if index[name] == "" {
				index[name], where[name] = r.Index, g.name(file)
			}
		}
	}
	if home == "" || len(index) == 0 {
		return
	}
	tokens := map[string]registry{}
	file := filepath.Join(home, "credentials.toml")
	for name, r := range read(file).Registries {
		tokens[name] = r
	}
	for name, raw := range index {
		variable := "CARGO_REGISTRIES_" + strings.ToUpper(strings.ReplaceAll(name, "-", "_"))
		token, from := g.variable(variable+"_TOKEN"), variable+"_TOKEN"
		if token == "" {
			token, from = tokens[name].Token, g.name(file)
		}
		g.cargoToken(firstOf(g.env[variable+"_INDEX"], raw), token, from)
	}
}

// cargoFiles are where cargo looks, most particular first.
func (g *gatherer) cargoFiles(home string) []string {
	var files []string
	for _, dir := range g.o.Dirs {
		files = append(files, filepath.Join(dir, ".cargo", "config.toml"))
	}
	if home != "" {
		files = append(files, filepath.Join(home, "config.toml"))
	}
	return files
}

func (g *gatherer) cargoToken(index, token, from string) {
	u, err := url.Parse(strings.TrimPrefix(strings.TrimPrefix(index, "sparse+"), "registry+"))
	if err != nil || u.Hostname() == "" || token == "" {
		return
	}
	if token, err = secret(token); err != nil {
		g.warn("%s: the token for %s is left out: %v", from, printable(u.Host), err)
		return
	}
	c := wire.Credential{Host: hostPort(u), Header: map[string]string{"Authorization": token}, Source: from, PlainHTTP: u.Scheme == "http"}
	for t, p := tierTools, path.Clean("/"+u.Path); ; t, p = tierKin, path.Dir(p) {
		c.Prefix = strings.TrimSuffix(p, "/")
		g.add(t, c)
		if p == "/" {
			return
		}
	}
}
