package fetch

import (
	"net/http"
	"strings"
)

// refusalHint explains a 401 or 403: which credential was sent, or where none
// was found. It shows none. req is the last hop's request.
func (c *Client) refusalHint(req *http.Request) string {
	if req == nil || c.keys == nil {
		return "the host wants credentials"
	}
	u := req.URL
	host := printable(u.Host)
	kept, cert := c.keys.keptBack(u), c.keys.find(u, Credential.connects)
	sent := c.keys.find(u, Credential.authenticates)
	switch {
	case sent >= 0 && carries(req, c.opt.Credentials[sent]):
		return host + " refuses the credentials of " + c.source(sent)
	case req.Header.Get("Authorization") != "":
		return host + " refuses the credentials that stand in the URL"
	case kept >= 0:
		return "the credentials of " + c.source(kept) + " were not sent, because the URL is not https"
	case cert >= 0 && c.keys.certs[cert] != nil:
		return host + " refuses the certificate of " + c.source(cert)
	case len(c.opt.LookedAt) == 0:
		return "there are no credentials for " + host
	}
	return "there are no credentials for " + host + " in " + printable(strings.Join(c.opt.LookedAt, ", "))
}

// carries says that the credential is what the request was sent with.
func carries(req *http.Request, c Credential) bool {
	h := http.Header{}
	c.add(h)
	for name := range h {
		if req.Header.Get(name) != h.Get(name) {
			return false
		}
	}
	return true
}

func (c *Client) source(i int) string {
	if s := c.opt.Credentials[i].Source; s != "" {
		return printable(s)
	}
	return "the settings"
}
