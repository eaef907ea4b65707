package fetch

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// Client downloads. It is safe for concurrent use. Its connections are kept
// and shared, so a process should have one.
type Client struct {
	opt        Options
	keys       *keyring
	proxy      proxyFunc
	transports map[route]*http.Transport
	lanes      *lanes
	queue      *queue
	pace       *pace
	buffers    sync.Pool // of *[]byte, readBuffer long
	segments   segments
	segmenting chan struct{} // holds one for each segmented download
}

// New makes a Client. The errors are about the options: CA bundles,
// certificates and proxies that can't be read. Nothing is connected yet.
func New(opt Options) (*Client, error) {
	c := &Client{opt: opt.withDefaults(), segments: defaultSegments, lanes: newLanes()}
	c.buffers.New = func() any { b := make([]byte, readBuffer); return &b }
	pool, err := certPool(c.opt)
	if err != nil {
		return nil, err
	}
	if c.keys, err = newKeyring(c.opt.Credentials); err != nil {
		return nil, err
	}
	if err := c.makeTransports(pool); err != nil {
		return nil, err
	}
	c.segmenting = make(chan struct{}, maxSegmented)
	c.queue = newQueue(c.opt.MaxTotal, c.opt.MaxPerHost)
	c.pace = newPace(c.queue)
	return c, nil
}

// Close closes the connections that nobody uses. Downloads under way go on; to
// end them, cancel their contexts first.
func (c *Client) Close() {
	for _, t := range c.transports {
		t.CloseIdleConnections()
	}
}

// target is one URL of a request.
type target struct {
	url      *url.URL      // without user and password
	user     *url.Userinfo // from the URL; nil if it has none
	host     string        // host:port
	redacted string
}

// parseTarget refuses what can't be downloaded from.
func (c *Client) parseTarget(raw string) (*target, *Error) {
	u, err := url.Parse(raw)
	if err != nil { // the parser's message repeats the URL, and with it a password
		return nil, &Error{URL: invalidURL, Permanent: true, Err: ErrURL}
	}
	tg := &target{user: u.User, redacted: redact(u)}
	clean := *u
	clean.User, clean.Fragment, clean.RawFragment = nil, "", ""
	tg.url, tg.host = &clean, hostPort(&clean)
	switch {
	case (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "":
		return tg, nil
	case u.Scheme == "file" && c.opt.AllowFile && (u.Host == "" || strings.EqualFold(u.Host, "localhost")) && u.Path != "":
		tg.host = "file"
		return tg, nil
	}
	e := permanent(fmt.Errorf("%w: it is not http:// or https:// with a host", ErrURL))
	return nil, asError(tg, e)
}
