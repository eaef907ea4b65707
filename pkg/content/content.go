// Package content gives a tree its bytes: it takes them from the store, or has
// them downloaded into it, or makes them of what was downloaded, and remembers
// what was done. It serves both the proxy, where programs in a build read the
// tree over FUSE, and commands that write the tree out.
//
// # Promises
//
//   - No byte of a file is given out before the whole file has matched its
//     lock's checksum.
//   - One download per content, whatever number of readers want it; the store
//     keeps other processes from a second one.
//   - What a reader waits for comes before what is fetched ahead.
//   - A content that could not be had is not asked for again for a while, which
//     doubles: a package manager that retries hard does not hammer a server.
//
// # Credentials
//
// What came by a credential is given to builds that have the same credential, and
// to those that can fetch it with another one or with none. For all others it is
// not in the store. What is made of such content is kept apart too.
//
// # Content that is made
//
// A tree.Recipe names content that no server has. A maker (makers.go) turns it
// into bytes, which the store keeps under the recipe's key: they depend on the
// recipe alone, so every build of the host shares them. A directory that a
// recipe makes is kept as one content too, of which its files are parts.
//
// # Read-ahead
//
// What the build will probably read next is fetched before it asks (package
// ahead decides what that is). What a program waits for comes first: it has
// connections of its own, and overtakes what waits in the queue. Read-ahead has
// a budget in bytes, leaves a part of the disk free, and ends with the build.
// What it fetched in vain stands in the summary.
package content

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/store"
	"github.com/lazybuild/lazybuild/pkg/tree"
	"github.com/lazybuild/lazybuild/pkg/wire"
)

// Events hears what happens: failures and warnings for the user, and details.
// Send must not block.
type Events interface {
	Send(wire.Event)
}

// Options say how content is got. Store and Events must be set.
type Options struct {
	// Store keeps what is downloaded and made. It stays the caller's, who closes
	// it after the Source.
	Store *store.Store
	// Events hears what happens.
	Events Events
	// Network is how to reach the origins.
	Network Network
	// AllowUnverified is "none", "weak" or "all": which files without a strong
	// digest are given out.
	AllowUnverified string
	// ReadAhead is "trace", "group", or anything else for none.
	ReadAhead string
	// TraceKey names the builds that read the same files; see wire.Spec.
	TraceKey string
	// RPMMetadata, HostRoot and Scratch are those of wire.Spec.
	RPMMetadata, HostRoot, Scratch string
	// Now is the clock; nil is time.Now.
	Now func() time.Time
}

// Network is how to reach the origins.
type Network struct {
	// SystemCAs is the CA bundle of the user's machine, PEM; empty for the pool
	// of the machine that this runs on. CA holds further authorities.
	SystemCAs, CA []byte
	// HTTPProxy, HTTPSProxy and NoProxy have the meaning of the environment
	// variables of these names.
	HTTPProxy, HTTPSProxy, NoProxy string
	// Credentials and LookedAt are those of wire.Spec.
	Credentials []wire.Credential
	LookedAt    []string
}

// New returns the content of t, which must not change. Downloads run until ctx
// ends or Close is called. An error is about the network's settings.
func New(ctx context.Context, t *tree.Tree, o Options) (*Source, error) {
	s, err := Begin(ctx, t, o)
	if err != nil {
		return nil, err
	}
	if err := s.Network(); err != nil {
		s.Close()
		return nil, err
	}
	return s, nil
}

// Begin is New for somebody who has more to do: reading the certificates of all
// authorities takes as long as a mount. Network waits for it.
func Begin(ctx context.Context, t *tree.Tree, o Options) (*Source, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	own, err := holdersIn(ctx, o.Store, credentials(&o.Network), t)
	if err != nil {
		return nil, err
	}
	client := sync.OnceValues(func() (*fetch.Client, error) { return newClient(&o, downloadsPerHost) })
	go func() { _, _ = client() }()
	ctx, end := context.WithCancel(ctx)
	s := &Source{
		ctx: ctx, end: end, tree: t, store: o.Store, holders: own, view: own.view(o.Store), client: client, events: o.Events, allow: o.AllowUnverified, now: o.Now,
		active: map[string]*download{}, repos: map[string]*repo{},
		makers: makers(&o), scratch: o.Scratch, making: make(chan struct{}, makingAtOnce),
	}
	s.stats = newStats(o.Events, s.cameFrom, s.Size, o.Now)
	s.ahead = newReadAhead(s, &o)
	s.oldWay = newCreaterepo(&o)
	s.headerClient = sync.OnceValues(func() (*fetch.Client, error) {
		c, err := newClient(&o, headersPerHost)
		if err == nil {
			context.AfterFunc(ctx, c.Close)
		}
		return c, err
	})
	return s, nil
}

// Network blocks until it is known whether the network's settings can be used.
func (s *Source) Network() error {
	_, err := s.client()
	return err
}

// ReadAhead starts to fetch ahead, until the Source ends. It returns at once.
func (s *Source) ReadAhead() { s.wg.Go(func() { s.ahead.run(s.ctx) }) }

// Opened hears that a program has opened a file: the trace and read-ahead go by
// it. It never blocks.
func (s *Source) Opened(f *tree.File) {
	s.stats.fileOpened(f)
	s.ahead.fileOpened(f)
}

// Entered hears that a program looks into a generated directory. It never blocks.
func (s *Source) Entered(d *tree.Dir) { s.ahead.dirEntered(d) }

// Waited hears that a program has waited for a file. It never blocks.
func (s *Source) Waited(f *tree.File, d time.Duration) { s.stats.fileWaited(f, d) }

// Failed hears that a program could not have a file, and tells the user, once
// for each file. It never blocks.
func (s *Source) Failed(f *tree.File, err error) { s.stats.fileFailed(f, err) }

// SaveTrace keeps what this build has opened for the next one.
func (s *Source) SaveTrace() {
	if s.ahead.mode == "trace" {
		s.ahead.traces.save(s.tree, s.stats.opened())
	}
}

// Stop ends all downloads without waiting for them. It may be called often.
func (s *Source) Stop() { s.end() }

// Close ends all downloads and waits for them.
func (s *Source) Close() {
	s.end()
	s.wait()
	if c, err := s.client(); err == nil {
		c.Close()
	}
}

// downloadsPerHost is how many files are asked of a host at once. A quarter is
// kept for what programs wait for; the rest must be as wide as a prefetch with
// eight workers, or that would be faster.
const downloadsPerHost = 24

// newClient makes a client that has so many requests under way per host.
func newClient(o *Options, perHost int) (*fetch.Client, error) {
	return o.Network.Client(perHost, func(ev fetch.Event) {
		if ev.Err != nil {
			o.Events.Send(wire.Event{Kind: wire.Debug, URL: ev.URL, Text: fmt.Sprintf("downloading %s: %v, trying again in %v", ev.URL, ev.Err, ev.Wait)})
		}
	})
}
