package credentials

import (
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/lazybuild/lazybuild/internal/ini"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// dnf takes the certificates, users and passwords of repositories: from the
// project's .repo files, then from the machine's, such as the redhat.repo that
// subscription-manager writes.
func (g *gatherer) dnf() {
	for _, name := range slices.Sorted(maps.Keys(g.o.ReposD)) {
		g.repoFile(name, string(g.o.ReposD[name]))
	}
	files, _ := filepath.Glob(filepath.Join(g.root("etc/yum.repos.d"), "*.repo"))
	for _, file := range files {
		g.repoFile(g.name(file), string(g.read(file)))
	}
}

func (g *gatherer) repoFile(name, text string) {
	repos := map[string]map[string]string{}
	var order []string
	lines := map[string]int{}
	for s := range ini.Settings(text) {
		if repos[s.Section] == nil {
			repos[s.Section] = map[string]string{}
			order = append(order, s.Section)
			lines[s.Section] = s.Line
		}
		repos[s.Section][s.Key] = s.Value
	}
	for _, id := range order {
		g.repo(repos[id], fmt.Sprintf("%s:%d", name, lines[id]))
	}
}

// repo takes one repository. Its files are those of the machine: a relative
// name makes no sense there.
func (g *gatherer) repo(r map[string]string, where string) {
	c := wire.Credential{User: r["username"], Password: r["password"], Source: where}
	var bases []wire.Credential
	for _, raw := range strings.Fields(strings.ReplaceAll(r["baseurl"], ",", " ")) {
		// What stands in front of a variable ($releasever) is enough.
		raw, _, cut := strings.Cut(raw, "$")
		u, err := url.Parse(raw)
		if err != nil || u.Hostname() == "" || u.Scheme != "https" {
			continue
		}
		at := c
		at.Host, at.Prefix = hostPort(u), strings.TrimSuffix(u.Path, "/")
		if cut { // the variable may be a part of a name
			at.Prefix = strings.TrimSuffix(u.Path[:strings.LastIndexByte(u.Path, '/')+1], "/")
		}
		if g.sites.need(at) {
			bases = append(bases, at)
		}
	}
	if len(bases) == 0 {
		return
	}
	if err := g.repoSecrets(r, &c); err != nil {
		g.warn("%s: what it says of %s is left out: %v", where, printable(bases[0].Host), err)
		return
	}
	if c.User == "" && c.Password == "" && c.Cert == nil && c.CA == nil {
		return
	}
	for _, at := range bases {
		at.Cert, at.Key, at.CA = c.Cert, c.Key, c.CA
		g.add(tierTools, at)
	}
}

func (g *gatherer) repoSecrets(r map[string]string, c *wire.Credential) (err error) {
	for _, v := range []string{c.User, c.Password} {
		if _, err := secret(v); v != "" && err != nil {
			return err
		}
	}
	if cert := r["sslclientcert"]; cert != "" {
		if c.Cert, c.Key, err = keyPair(g.root(cert), g.root(firstOf(r["sslclientkey"], cert))); err != nil {
			return err
		}
	}
	if ca := r["sslcacert"]; ca != "" {
		c.CA, err = authorities(g.root(ca))
	}
	return err
}

// entitlement takes the machine's entitlement certificate for the content host
// that rhsm.conf names, where no .repo file says which certificate is for what.
func (g *gatherer) entitlement() {
	certs, _ := filepath.Glob(filepath.Join(g.root("etc/pki/entitlement"), "*.pem"))
	var host, ca string
	for s := range ini.Settings(string(g.read(g.root("etc/rhsm/rhsm.conf")))) {
		switch {
		case s.Section == "rhsm" && s.Key == "baseurl":
			host = s.Value
		case s.Section == "rhsm" && s.Key == "repo_ca_cert":
			ca = strings.ReplaceAll(s.Value, "%(ca_cert_dir)s", "/etc/rhsm/ca/")
		}
	}
	u, err := url.Parse(host)
	if err != nil || u.Hostname() == "" {
		return
	}
	for _, cert := range certs {
		key, isCert := strings.CutSuffix(cert, ".pem")
		if strings.HasSuffix(key, "-key") || !isCert {
			continue
		}
		c := wire.Credential{Host: hostPort(u), Source: g.name(cert)}
		if !g.sites.need(c) {
			return
		}
		if c.Cert, c.Key, err = keyPair(cert, key+"-key.pem"); err != nil {
			g.warn("an entitlement is left out: %v", err)
			continue
		}
		if bundle, err := authorities(g.root(ca)); ca != "" && err == nil {
			c.CA = bundle
		}
		g.add(tierMachine, c)
		return
	}
}
