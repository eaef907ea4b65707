package fetch

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/http/httpproxy"
)

// route names one of the Client's transports. They have separate connections,
// because a connection that was made under one rule must not be reused under
// another one.
type route struct {
	tls     int  // index of the credential that says how to connect (certificate, CA), or -1
	guarded bool // refuses local addresses: for hops of a redirect
	http1   bool // a TCP connection for each request: for parallel ranges
	lane    int  // which of several HTTP/2 connections; see lanes
}

// readBuffer is the size of a connection's buffer and of a download's: large
// enough that system calls and hashing calls don't count.
const readBuffer = 256 << 10

func (c *Client) makeTransports(pool *x509.CertPool) error {
	proxy, proxies, err := c.opt.Proxy.function()
	if err != nil {
		return err
	}
	c.proxy = proxy
	c.transports = map[route]*http.Transport{}
	for i := -1; i < len(c.opt.Credentials); i++ {
		if i >= 0 && !c.opt.Credentials[i].connects() {
			continue
		}
		config, err := c.keys.tlsConfig(i, pool)
		if err != nil {
			return err
		}
		for _, guarded := range []bool{false, true} {
			for lane := range maxLanes {
				r := route{tls: i, guarded: guarded, lane: lane}
				c.transports[r] = c.newTransport(r, config.Clone(), proxies)
			}
			r := route{tls: i, guarded: guarded, http1: true}
			c.transports[r] = c.newTransport(r, config.Clone(), proxies)
		}
	}
	return nil
}

func (c *Client) newTransport(r route, tlsConfig *tls.Config, proxies map[string]bool) *http.Transport {
	dial := c.opt.Dial
	if r.guarded {
		dial = guardDial(dial, proxies)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(!r.http1)
	return &http.Transport{
		Proxy:                  func(req *http.Request) (*url.URL, error) { return c.proxy(req.URL) },
		OnProxyConnectResponse: checkProxyConnect,
		DialContext:            dial,
		TLSClientConfig:        tlsConfig,
		TLSHandshakeTimeout:    min(30*time.Second, c.opt.NoProgress),
		Protocols:              protocols,
		// A server that accepts streams and is then gone would otherwise be
		// noticed by the watchdog alone, once for each stream.
		HTTP2:               &http.HTTP2Config{SendPingTimeout: c.opt.NoProgress / 2, PingTimeout: 15 * time.Second},
		MaxIdleConns:        2 * c.opt.MaxTotal,
		MaxIdleConnsPerHost: c.opt.MaxPerHost,
		IdleConnTimeout:     90 * time.Second,
		DisableCompression:  true,
		ReadBufferSize:      readBuffer / 4,
		// A header longer than this is an attack.
		MaxResponseHeaderBytes: 256 << 10,
	}
}

// checkProxyConnect keeps the number of a proxy's refusal and drops its text.
func checkProxyConnect(_ context.Context, _ *url.URL, _ *http.Request, resp *http.Response) error {
	if resp.StatusCode != http.StatusOK {
		return &proxyError{status: resp.StatusCode}
	}
	return nil
}

type proxyFunc = func(*url.URL) (*url.URL, error)

// function returns the proxy for each URL, and the proxies' own addresses.
func (p Proxy) function() (proxyFunc, map[string]bool, error) {
	addrs := map[string]bool{}
	for name, v := range map[string]string{"HTTP_PROXY": p.HTTP, "HTTPS_PROXY": p.HTTPS} {
		if v == "" {
			continue
		}
		u, err := parseProxy(v)
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %w", name, err)
		}
		addrs[proxyAddr(u)] = true
	}
	config := httpproxy.Config{HTTPProxy: p.HTTP, HTTPSProxy: p.HTTPS, NoProxy: p.No}
	return config.ProxyFunc(), addrs, nil
}

// parseProxy does what httpproxy does, but httpproxy goes on without a proxy
// when the value makes no sense. The error must not repeat the value: it may
// hold a password.
func parseProxy(v string) (*url.URL, error) {
	if !strings.Contains(v, "://") {
		v = "http://" + v // "host:port" is allowed
	}
	u, err := url.Parse(v)
	if err != nil || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) {
		return nil, errors.New("the value is not a proxy's URL (expected http://host:port)")
	}
	return u, nil
}

func proxyAddr(u *url.URL) string {
	if u.Port() == "" && strings.HasPrefix(u.Scheme, "socks5") {
		return strings.ToLower(u.Hostname()) + ":1080"
	}
	return hostPort(u)
}

// certPool builds the set of trusted authorities.
func certPool(o Options) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if len(o.SystemCAs) == 0 {
		sys, err := x509.SystemCertPool()
		if err != nil {
			return nil, fmt.Errorf("reading the system's certificate authorities: %w", err)
		}
		pool = sys
	} else if !pool.AppendCertsFromPEM(o.SystemCAs) {
		return nil, errors.New("the system's CA bundle holds no certificate (expected PEM)")
	}
	for i, pem := range o.ExtraCAs {
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("CA bundle %d holds no certificate (expected PEM)", i+1)
		}
	}
	return pool, nil
}
