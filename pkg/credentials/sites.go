package credentials

import (
	"iter"
	"net"
	"net/url"
	"strings"

	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// sites are the hosts of the plan. Their URLs may be a million, so they are read
// again where a path matters, and not kept.
type sites struct {
	urls    iter.Seq[string]
	origins map[string]*url.URL // a URL by "https://host:port"
}

func sitesOf(urls iter.Seq[string]) *sites {
	s := &sites{urls: urls, origins: map[string]*url.URL{}}
	for raw := range urls {
		o := originOf(raw)
		if _, ok := s.origins[o]; ok || o == "" {
			continue
		}
		if u, err := url.Parse(raw); err == nil && u.Hostname() != "" {
			s.origins[o] = u
		}
	}
	return s
}

// originOf is the beginning of a URL up to its path.
func originOf(raw string) string {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok {
		return ""
	}
	if i := strings.IndexAny(rest, "/?#"); i >= 0 {
		rest = rest[:i]
	}
	return raw[:len(scheme)+3+len(rest)]
}

// need says whether a URL of the plan is covered by c.
func (s *sites) need(c wire.Credential) bool {
	host := fetch.Credential{Host: c.Host}
	for o, u := range s.origins {
		if host.Covers(u) && (c.Prefix == "" || s.below(o, fetch.Credential{Host: c.Host, PathPrefix: c.Prefix})) {
			return true
		}
	}
	return false
}

func (s *sites) below(origin string, c fetch.Credential) bool {
	for raw := range s.urls {
		if !strings.HasPrefix(raw, origin) {
			continue
		}
		if u, err := url.Parse(raw); err == nil && c.Covers(u) {
			return true
		}
	}
	return false
}

// hosts are the host names, without ports.
func (s *sites) hosts() iter.Seq[string] {
	return func(yield func(string) bool) {
		seen := map[string]bool{}
		for _, u := range s.origins {
			h := strings.ToLower(u.Hostname())
			if !seen[h] && !yield(h) {
				return
			}
			seen[h] = true
		}
	}
}

// hostname cuts a port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return strings.ToLower(name)
	}
	return strings.ToLower(strings.Trim(host, "[]"))
}

// hostPort is a URL's host with its port.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80"}[u.Scheme]
	}
	if port == "" {
		port = "443"
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}
