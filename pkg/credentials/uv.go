package credentials

import (
	"fmt"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/lazybuild/lazybuild/internal/untrusted"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// uvSettings are those parts of uv.toml, and of [tool.uv] in pyproject.toml, that
// name indexes.
type uvSettings struct {
	Index         []uvIndex `toml:"index"`
	IndexURL      string    `toml:"index-url"`
	ExtraIndexURL []string  `toml:"extra-index-url"`
	Pip           struct {
		IndexURL      string   `toml:"index-url"`
		ExtraIndexURL []string `toml:"extra-index-url"`
	} `toml:"pip"`
}

type uvIndex struct {
	Name string `toml:"name"`
	URL  string `toml:"url"`
}

// uv takes the users and passwords in the URLs of uv's indexes, those in the
// variables UV_INDEX_<NAME>_USERNAME and …_PASSWORD for indexes with a name, and
// what `uv auth login` has kept.
func (g *gatherer) uv() {
	for _, name := range []string{"UV_DEFAULT_INDEX", "UV_INDEX", "UV_INDEX_URL", "UV_EXTRA_INDEX_URL", "UV_FIND_LINKS"} {
		for _, word := range strings.Fields(g.variable(name)) {
			named, raw, ok := strings.Cut(word, "=")
			if !ok || strings.ContainsAny(named, ":/") {
				named, raw = "", word
			}
			g.uvIndex(uvIndex{named, raw}, name)
		}
	}
	for _, file := range g.uvFiles() {
		g.uvFile(file)
	}
	g.uvStore()
}

// uvFiles are where uv looks, most particular first.
func (g *gatherer) uvFiles() []string {
	if file := g.env["UV_CONFIG_FILE"]; file != "" {
		return []string{file}
	}
	if v := g.env["UV_NO_CONFIG"]; v == "1" || strings.EqualFold(v, "true") {
		return nil
	}
	var files []string
	for _, dir := range g.o.Dirs {
		files = append(files, filepath.Join(dir, "uv.toml"), filepath.Join(dir, "pyproject.toml"))
	}
	return append(files, g.config("uv", "uv.toml"), g.root("etc/uv/uv.toml"))
}

func (g *gatherer) uvFile(file string) {
	data := g.read(file)
	if data == nil {
		return
	}
	var s uvSettings
	var err error
	if filepath.Base(file) == "pyproject.toml" {
		var project struct {
			Tool struct {
				UV uvSettings `toml:"uv"`
			} `toml:"tool"`
		}
		_, err = untrusted.DecodeTOML(string(data), &project)
		s = project.Tool.UV
	} else {
		_, err = untrusted.DecodeTOML(string(data), &s)
	}
	if err != nil {
		// The decoder's message may repeat a part of the file.
		g.warn("%s is left out: it can't be read as TOML", g.name(file))
		return
	}
	for _, i := range s.Index {
		g.uvIndex(i, g.name(file))
	}
	for _, raw := range append(append([]string{s.IndexURL, s.Pip.IndexURL}, s.ExtraIndexURL...), s.Pip.ExtraIndexURL...) {
		g.uvIndex(uvIndex{URL: raw}, g.name(file))
	}
}

// uvIndex takes one index. The variables of its name come before its URL's own.
func (g *gatherer) uvIndex(i uvIndex, where string) {
	if i.Name == "" {
		g.index(i.URL, where, "", "")
		return
	}
	name := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 'a' + 'A'
		case r >= 'A' && r <= 'Z', r >= '0' && r <= '9':
			return r
		}
		return '_'
	}, i.Name)
	user, password := "UV_INDEX_"+name+"_USERNAME", "UV_INDEX_"+name+"_PASSWORD"
	g.looked(user)
	g.secretIn(user, password)
	if u, err := url.Parse(i.URL); err == nil && (g.env[user] != "" || g.env[password] != "") {
		given := u.User.Username()
		u.User = nil
		g.index(u.String(), user, firstOf(g.env[user], given), g.env[password])
	}
	g.index(i.URL, where, "", "")
}

// uvStore reads the file that `uv auth login` keeps.
func (g *gatherer) uvStore() {
	dir := g.env["UV_CREDENTIALS_DIR"]
	if dir == "" && g.env["XDG_DATA_HOME"] != "" {
		dir = filepath.Join(g.env["XDG_DATA_HOME"], "uv", "credentials")
	} else if dir == "" {
		dir = g.home(".local", "share", "uv", "credentials")
	}
	if dir == "" {
		return
	}
	file := filepath.Join(dir, "credentials.toml")
	data := g.read(file)
	if data == nil {
		return
	}
	var kept struct {
		Credential []struct {
			Service  string `toml:"service"`
			Username string `toml:"username"`
			Scheme   string `toml:"scheme"`
			Password string `toml:"password"`
			Token    string `toml:"token"`
		} `toml:"credential"`
	}
	if _, err := untrusted.DecodeTOML(string(data), &kept); err != nil {
		g.warn("%s is left out: it can't be read as TOML", g.name(file))
		return
	}
	for i, k := range kept.Credential {
		u, err := url.Parse(k.Service)
		if err != nil || u.Hostname() == "" {
			continue
		}
		where := fmt.Sprintf("%s (entry %d)", g.name(file), i+1)
		if k.Scheme != "bearer" {
			g.index(k.Service, where, k.Username, k.Password)
		} else if token, err := secret(k.Token); err == nil {
			g.add(tierTools, wire.Credential{Host: hostPort(u), Prefix: strings.TrimSuffix(u.Path, "/"), Bearer: token, Source: where})
		}
	}
}
