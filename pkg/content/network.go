package content

import (
	"fmt"

	"github.com/lazybuild/lazybuild/pkg/fetch"
)

// Client makes a client for the network that has so many requests under way per
// host. observe may be nil. The error is about certificates and proxies that
// can't be read; nothing is connected yet.
func (n *Network) Client(perHost int, observe func(fetch.Event)) (*fetch.Client, error) {
	o := fetch.Options{
		MaxPerHost:  perHost,
		SystemCAs:   n.SystemCAs,
		LookedAt:    n.LookedAt,
		Proxy:       fetch.Proxy{HTTP: n.HTTPProxy, HTTPS: n.HTTPSProxy, No: n.NoProxy},
		Credentials: credentials(n),
		Observe:     observe,
	}
	if len(n.CA) > 0 {
		o.ExtraCAs = [][]byte{n.CA}
	}
	c, err := fetch.New(o)
	if err != nil {
		return nil, fmt.Errorf("preparing downloads: %w", err)
	}
	return c, nil
}
