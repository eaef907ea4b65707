package fetch

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"net/url"
	"strings"
)

// errLocalAddress: a redirect led to a name that means this machine or its
// link: metadata services (169.254.169.254) and private daemons are there.
var errLocalAddress = errors.New("refusing a redirect to an address of this machine or its local link")

// isLocalAddr says that only this machine, or its link, can mean that address.
func isLocalAddr(a netip.Addr) bool {
	a = a.Unmap()
	return a.IsLoopback() || a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() ||
		a.IsInterfaceLocalMulticast() || a.IsUnspecified()
}

// isLocalName says so of a URL's host name without asking a name server.
func isLocalName(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") { // RFC 6761, 6.3
		return true
	}
	if a, err := netip.ParseAddr(host); err == nil {
		return isLocalAddr(a)
	}
	// "127.1", "0x7f000001" and "2130706433" are addresses to inet_aton, and so
	// to some resolvers and proxies; no real host is named like that.
	last := host[strings.LastIndexByte(host, '.')+1:]
	return last != "" && (strings.HasPrefix(last, "0x") || strings.Trim(last, "0123456789") == "")
}

// IsLocalName says that a URL's host name means this machine or its link,
// without asking a name server: a document from elsewhere has no business
// pointing there.
func IsLocalName(host string) bool { return isLocalName(host) }

// isLocalNetAddr says so of a connection's other end.
func isLocalNetAddr(a net.Addr) bool {
	if a == nil {
		return false
	}
	ap, err := netip.ParseAddrPort(a.String())
	return err == nil && isLocalAddr(ap.Addr())
}

// hostPort is the URL's host with its port, lower case: what a connection is
// for, and what credentials and limits go by.
func hostPort(u *url.URL) string {
	port := u.Port()
	if port == "" {
		port = map[string]string{"http": "80", "https": "443"}[u.Scheme]
	}
	return net.JoinHostPort(strings.ToLower(u.Hostname()), port)
}

type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// guardDial refuses connections to local addresses, whatever name led there: a
// name server is under the control of whom the redirect leads to. Proxies are
// exempt (they were configured, and are often local).
func guardDial(dial dialFunc, proxies map[string]bool) dialFunc {
	return func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil || proxies[strings.ToLower(addr)] || !isLocalNetAddr(conn.RemoteAddr()) {
			return conn, err
		}
		conn.Close() // nothing has been sent
		return nil, errLocalAddress
	}
}
