package plan

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/locks"
)

// Host is one [[hosts]] table: how to get at a host that wants credentials. It
// says where the secrets are (a variable, a file) and never holds one.
type Host struct {
	// Host is "name" (any port) or "name:port"; Path restricts to URL paths below it.
	Host string `toml:"host"`
	Path string `toml:"path"`
	// User and password of HTTP basic authentication.
	UserEnv      string `toml:"user-env"`
	UserFile     string `toml:"user-file"`
	PasswordEnv  string `toml:"password-env"`
	PasswordFile string `toml:"password-file"`
	// A token, sent as "Authorization: Bearer …", or as it is in Header.
	TokenEnv  string `toml:"token-env"`
	TokenFile string `toml:"token-file"`
	Header    string `toml:"header"`
	// Cert and Key are files with a TLS client certificate and its key, CA one with
	// authorities to trust for this host; PEM.
	Cert string `toml:"cert"`
	Key  string `toml:"key"`
	CA   string `toml:"ca"`
	// PlainHTTP permits sending credentials of any source to this host unencrypted.
	PlainHTTP bool `toml:"plain-http"`

	// File and Line are where the table stands, for messages; Dir is what relative
	// file names in it start from.
	File string `toml:"-"`
	Line int    `toml:"-"`
	Dir  string `toml:"-"`
}

var hostsTable = regexp.MustCompile(`(?m)^[ \t]*\[\[[ \t]*["']?hosts["']?[ \t]*\]\]`)

// placeHosts notes where each table stands.
func (c *Config) placeHosts(path, data string) {
	at := hostsTable.FindAllStringIndex(data, -1)
	for i := range c.Hosts {
		h := &c.Hosts[i]
		h.File, h.Dir, h.Line = path, filepath.Dir(path), 1
		if i < len(at) {
			h.Line = 1 + strings.Count(data[:at[i][0]], "\n")
		}
	}
}

// check refuses what makes no sense.
func (h *Host) check() error {
	bad := func(format string, args ...any) error {
		return fmt.Errorf("%s:%d: [[hosts]]: %s", h.File, h.Line, fmt.Sprintf(format, args...))
	}
	for _, v := range []struct{ key, env, file string }{
		{"user", h.UserEnv, h.UserFile}, {"password", h.PasswordEnv, h.PasswordFile}, {"token", h.TokenEnv, h.TokenFile},
	} {
		if v.env != "" && v.file != "" {
			return bad("%s-env and %s-file are both there; one is enough", v.key, v.key)
		}
		if strings.ContainsAny(v.env, "$={} ") {
			return bad("%s-env has to be the name of a variable, without $", v.key)
		}
	}
	basic := h.UserEnv+h.UserFile+h.PasswordEnv+h.PasswordFile != ""
	token := h.TokenEnv+h.TokenFile != ""
	switch {
	case h.Host == "" || strings.ContainsAny(h.Host, "/@ ") || strings.Contains(h.Host, "://"):
		return bad("host has to be a host's name, or name:port")
	case h.Path != "" && !strings.HasPrefix(h.Path, "/"):
		return bad("path has to begin with /")
	case basic && token:
		return bad("there can be a user and a password, or a token")
	case h.Header != "" && !token:
		return bad("header needs token-env or token-file")
	case h.Header != "" && !locks.IsHeaderName(h.Header):
		return bad("%q can't be the name of a header", h.Header)
	case h.Key != "" && h.Cert == "":
		return bad("key needs cert")
	}
	return nil
}
