package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"sync"
	"time"

	"github.com/lazybuild/lazybuild/pkg/content"
	"github.com/lazybuild/lazybuild/pkg/credentials"
	"github.com/lazybuild/lazybuild/pkg/fetch"
	"github.com/lazybuild/lazybuild/pkg/index"
	"github.com/lazybuild/lazybuild/pkg/locks"
	"github.com/lazybuild/lazybuild/pkg/orchestrator"
	"github.com/lazybuild/lazybuild/pkg/plan"
	"github.com/lazybuild/lazybuild/pkg/store"
)

// lookup answers what locks leave open, over the network where it has to.
func (o *lazyOptions) lookup(ui *orchestrator.UI, contextDir string, c *plan.Config) plan.Lookup {
	indexes := o.pipIndexes(contextDir, c)
	return func(q plan.Question) ([]locks.Artifact, []string, error) {
		// The signals of a build are read once it has begun.
		ctx, stop := signal.NotifyContext(context.Background(), endingSignals...)
		defer stop()
		list := indexes.forLock(q.Indexes)
		network := sync.OnceValues(func() (content.Network, error) { return indexNetwork(list, contextDir, c) })
		client := index.New(func() (index.Fetcher, error) { return indexClient(network, ui) }, index.Options{
			Dir: o.indexDir(), Progress: lookupProgress(ui, time.Now),
			Holder: func() string { return o.indexHolder(ctx, network, list) },
		})
		files, warnings, err := client.Find(ctx, q.Packages, list)
		if ctx.Err() != nil {
			return nil, nil, orchestrator.ErrInterrupted
		}
		if e, network := errors.AsType[*fetch.Error](err); network && !e.Permanent {
			err = &plan.UnreachableError{Err: err}
		}
		return files, warnings, err
	}
}

// indexDir is where answers of package indexes are kept; "" where there is no
// place for them.
func (o *lazyOptions) indexDir() string { return o.answersDir("index") }

// answersDir is a directory beside the store's contents; "" where there is no
// safe place for it. Opening the store says then why.
func (o *lazyOptions) answersDir(name string) string {
	dir, err := o.storeDir()
	if err == nil {
		dir, err = store.Beside(dir, name)
	}
	if err != nil {
		return ""
	}
	return dir
}

// indexNetwork is how indexes are reached, with what the user's tools know about
// their hosts.
func indexNetwork(list []locks.Index, contextDir string, c *plan.Config) (content.Network, error) {
	ca, err := authorities()
	if err != nil {
		return content.Network{}, err
	}
	home, _ := os.UserHomeDir()
	urls := indexURLs(list)
	g := credentials.Options{URLs: slices.Values(urls), Indexes: urls, Dirs: []string{contextDir}, Home: home, Env: os.Environ()}
	if c != nil {
		g.Hosts = c.Hosts
	}
	// Its warnings come again with the plan's files.
	found, err := credentials.Gather(g)
	if err != nil {
		return content.Network{}, err
	}
	return content.Network{
		SystemCAs: ca, Credentials: found.Credentials, LookedAt: found.LookedAt,
		HTTPProxy: proxyVariable("HTTP_PROXY"), HTTPSProxy: proxyVariable("HTTPS_PROXY"), NoProxy: proxyVariable("NO_PROXY"),
	}, nil
}

func indexURLs(list []locks.Index) []string {
	urls := make([]string, len(list))
	for i := range list {
		urls[i] = list[i].URL
	}
	return urls
}

// indexClient is made when the first question needs it.
func indexClient(network func() (content.Network, error), ui *orchestrator.UI) (index.Fetcher, error) {
	n, err := network()
	if err != nil {
		return nil, err
	}
	return n.Client(16, func(ev fetch.Event) {
		if ev.Err != nil {
			ui.Verbose("asking %s: %v, trying again in %v", ev.URL, ev.Err, ev.Wait)
		}
	})
}

// indexHolder names the credentials for the indexes, so that what they say to one
// is remembered for its holders; "" where there are none. Where they can't be
// named it is "" too: then nothing of theirs is remembered.
func (o *lazyOptions) indexHolder(ctx context.Context, network func() (content.Network, error), list []locks.Index) (name string) {
	n, err := network()
	urls := indexURLs(list)
	inURL := slices.ContainsFunc(urls, func(u string) bool { return fetch.URLIdentity(u) != "" })
	if err == nil && (inURL || len(n.Credentials) > 0) {
		_ = inStore(o, func(s *store.Store) error {
			name, err = n.Holder(ctx, s, urls)
			return err
		})
	}
	return name
}

// lookupEvery is how often a long search says how far it is.
const lookupEvery = 3 * time.Second

// lookupProgress says that packages are looked up, and now and then how many.
func lookupProgress(ui *orchestrator.UI, now func() time.Time) func(done, total int) {
	var mu sync.Mutex
	var last time.Time
	return func(done, total int) {
		mu.Lock()
		defer mu.Unlock()
		switch t := now(); {
		case done == total:
			last = time.Time{}
		case last.IsZero():
			last = t
			ui.Note("looking up %d packages in the package index (once: the answers are kept)", total)
		case t.Sub(last) >= lookupEvery:
			last = t
			ui.Note("looked up %d of %d packages", done, total)
		}
	}
}

// planError says what kind of failure a failed plan is: of the user's files,
// of the network, or none.
func planError(err error) error {
	if _, network := errors.AsType[*fetch.Error](err); network {
		return fmt.Errorf("planning the build: %w", err)
	}
	if err == nil || errors.Is(err, orchestrator.ErrInterrupted) {
		return err
	}
	return &orchestrator.UsageError{Err: err}
}
