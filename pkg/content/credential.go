package content

import (
	"net/http"

	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// credentials are the network's as a client wants them.
func credentials(n *Network) []fetch.Credential {
	var all []fetch.Credential
	for _, c := range n.Credentials {
		all = append(all, credential(c))
	}
	return all
}

// credential is one of the spec's as a client wants it.
func credential(c wire.Credential) fetch.Credential {
	out := fetch.Credential{
		Host: c.Host, PathPrefix: c.Prefix, PlainHTTP: c.PlainHTTP, User: c.User, Password: c.Password,
		Bearer: c.Bearer, CertPEM: c.Cert, KeyPEM: c.Key, CAPEM: c.CA, Source: c.Source,
	}
	for name, value := range c.Header {
		if out.Header == nil {
			out.Header = http.Header{}
		}
		out.Header.Set(name, value)
	}
	return out
}
